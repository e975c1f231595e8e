//! The score of each trial and the epoch it is of.

use foldwise_study::outcome::EpochRecord;
use foldwise_study::selection::EpochRule;
use indexmap::IndexSet;
use serde_json::Value as Json;

use super::best::leaves;
use super::epochs::mean;
use super::run::Scope;
use crate::heading::headings;
use crate::number::{NONE, name, with_unit};
use crate::page::Page;
use crate::sheet::{Field, Sheet, cut};
use crate::value::value_text;
use crate::{Report, TrialReport};

/// Characters of a searched value in a heading.
const VALUE_CHARS_MAX: usize = 28;
/// What is told of the last epochs.
const LAST: [&str; 4] = ["last_train_loss", "last_train_accuracy", "last_val_loss", "last_val_accuracy"];

/// Of two searched dimensions a table with one down and one across, otherwise a line per trial.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    let report = scope.report;
    let metric = name(report.selection.rule.metric);
    let epoch = match report.selection.rule.epoch {
        EpochRule::Best => "best",
        EpochRule::Last => "last",
    };
    page.title(&format!("Trials: {metric} at the {epoch} epoch (epoch)"));
    if report.folds() > 1 {
        page.line("Means over the folds, of the scores and of their epochs.");
    }
    page.gap();
    let sheet = match dimensions(report)[..] {
        [down, across] if scope.is_whole() && tells_all(report, down, across) => pivot(report, down, across),
        _ => list(scope).without_empty_columns(),
    };
    page.block(&sheet.text(scope.options));
}

fn list(scope: Scope<'_>) -> Sheet {
    let paths = paths(scope.report);
    let before = ["trial".to_owned()].into_iter().chain(headings(&paths));
    let after = ["parameters", "score (epoch)"].into_iter().chain(LAST);
    let mut sheet = Sheet::new(before.chain(after.map(str::to_owned)));
    for trial in scope.trials() {
        let values = paths
            .iter()
            .map(|path| Field::or_none(trial.params.get(*path), |value| Field::Text(value_text(value))));
        let rest = [Field::Count(trial.parameters), Field::Text(score_text(scope.report, trial))];
        let row = [Field::index(trial.index)].into_iter().chain(values).chain(rest).chain(last(trial));
        sheet.push(row.collect());
    }
    sheet
}

/// Means over the folds of what their last epochs gave, in the order of [`LAST`].
fn last(trial: &TrialReport) -> [Field; 4] {
    let of = |value: fn(&EpochRecord) -> Option<f64>| {
        mean(trial.folds.iter().map(|fold| fold.epochs.last().and_then(value)))
    };
    [
        Field::or_none(of(|record| Some(record.train_loss)), Field::Real),
        Field::or_none(of(|record| record.train_accuracy), Field::Share),
        Field::or_none(of(|record| record.val_loss), Field::Real),
        Field::or_none(of(|record| record.val_accuracy), Field::Share),
    ]
}

fn pivot(report: &Report, down: &str, across: &str) -> Sheet {
    let (rows, columns) = (values(report, down), values(report, across));
    let [down_name, across_name] = &headings(&[down, across].into_iter().collect())[..] else {
        return Sheet::new([""; 0]);
    };
    let heads = labels(&columns).into_iter().map(|label| format!("{across_name} {label}"));
    let at = |row: &Json, column: &Json| {
        report
            .trials
            .iter()
            .find(|trial| trial.params.get(down) == Some(row) && trial.params.get(across) == Some(column))
    };
    let mut sheet = Sheet::new([down_name.clone(), "parameters".to_owned()].into_iter().chain(heads));
    for (label, row) in labels(&rows).into_iter().zip(&rows) {
        let trials: Vec<Option<&TrialReport>> = columns.iter().map(|column| at(row, column)).collect();
        let sizes: IndexSet<u64> = trials.iter().flatten().map(|trial| trial.parameters).collect();
        let size = if sizes.len() == 1 {
            Field::or_none(sizes.first(), |size| Field::Count(*size))
        } else {
            Field::None
        };
        let cells =
            trials.iter().map(|trial| Field::or_none(*trial, |trial| Field::Text(score_text(report, trial))));
        sheet.push([Field::Text(label), size].into_iter().chain(cells).collect());
    }
    sheet.without_empty_columns()
}

/// The searched paths whose values no other path's values tell: of parameters that move together the first.
fn dimensions(report: &Report) -> Vec<&str> {
    let mut free: Vec<&str> = paths(report).into_iter().collect();
    let mut place = free.len();
    while place > 0 {
        place -= 1;
        let told = values(report, free[place]).len() < 2
            || free
                .iter()
                .enumerate()
                .any(|(other, path)| other != place && tells(report, path, free[place]));
        if told {
            free.remove(place);
        }
    }
    free
}

/// Whether two paths' values are those of one trial at most.
fn tells_all(report: &Report, down: &str, across: &str) -> bool {
    let mut known: Vec<(&Json, &Json)> = Vec::new();
    report.trials.iter().all(|trial| {
        let pair = trial.params.get(down).zip(trial.params.get(across));
        let is_new = pair.is_some_and(|pair| !known.contains(&pair));
        known.extend(pair);
        is_new
    })
}

/// Whether trials that agree in `path` agree in `other`.
fn tells(report: &Report, path: &str, other: &str) -> bool {
    let pairs = report.trials.iter().map(|trial| (trial.params.get(path), trial.params.get(other)));
    let pairs: Vec<_> = pairs.collect();
    let mut known: Vec<(Option<&Json>, Option<&Json>)> = Vec::new();
    pairs.into_iter().all(|pair| match known.iter().find(|(value, _)| *value == pair.0) {
        Some(earlier) => earlier.1 == pair.1,
        None => {
            known.push(pair);
            true
        }
    })
}

fn paths(report: &Report) -> IndexSet<&str> {
    report.trials.iter().flat_map(|trial| trial.params.keys().map(String::as_str)).collect()
}

/// The values of a path in the order in which trials have them.
fn values<'a>(report: &'a Report, path: &str) -> Vec<&'a Json> {
    let mut values = Vec::new();
    for value in report.trials.iter().filter_map(|trial| trial.params.get(path)) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// Values on one line each, of tables what differs. Long ones are cut, and numbered where that makes them alike.
fn labels(values: &[&Json]) -> Vec<String> {
    let texts = if values.iter().all(|value| value.is_object()) {
        differences(values)
    } else {
        values.iter().map(|value| value_text(value)).collect()
    };
    let labels: Vec<String> = texts.iter().map(|text| cut(text, VALUE_CHARS_MAX)).collect();
    let alike = |label: &String| labels.iter().filter(|other| *other == label).count() > 1;
    labels
        .iter()
        .zip(1..)
        .map(|(label, number)| if alike(label) { format!("{number}. {label}") } else { label.clone() })
        .collect()
}

/// What each of several tables has that not all of them have.
fn differences(values: &[&Json]) -> Vec<String> {
    let settings = values.iter().map(|value| {
        let mut found = Vec::new();
        leaves("", value, &mut found);
        found
    });
    let settings: Vec<Vec<(String, String)>> = settings.collect();
    let is_shared = |setting: &(String, String)| settings.iter().all(|other| other.contains(setting));
    let own = settings.iter().map(|settings| {
        let own = settings.iter().filter(|setting| !is_shared(setting));
        own.map(|(path, value)| format!("{} {value}", word(path))).collect::<Vec<String>>().join(", ")
    });
    own.collect()
}

/// The last name in a path, which may end in a place in a list.
fn word(path: &str) -> &str {
    path.rsplit('.').find(|word| word.parse::<usize>().is_err()).unwrap_or(path)
}

/// Mean score and, in brackets, mean epoch of the folds that have one.
fn score_text(report: &Report, trial: &TrialReport) -> String {
    let Some(score) = mean(trial.folds.iter().map(|fold| fold.score)) else { return NONE.to_owned() };
    let epochs: Vec<u32> =
        trial.folds.iter().filter_map(|fold| fold.score_epoch(report.selection.rule.epoch)).collect();
    let epoch = match epochs[..] {
        [] => String::new(),
        [only] => format!(" ({only})"),
        _ => format!(" ({:.1})", mean_epoch(&epochs)),
    };
    let (scored, all) = (trial.folds.iter().filter(|fold| fold.score.is_some()).count(), trial.folds.len());
    let of = if scored < all { format!(", {scored} of {all} folds") } else { String::new() };
    format!("{}{epoch}{of}", with_unit(report.selection.rule.metric, score))
}

fn mean_epoch(epochs: &[u32]) -> f64 {
    epochs.iter().map(|&epoch| f64::from(epoch)).sum::<f64>() / epochs.len() as f64
}

/// One line per trial.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let paths = paths(scope.report);
    let metric = scope.report.selection.rule.metric;
    let after =
        ["parameters", "batch_norm_parameters", "folds", "mean", "std", "mean_epoch", "last_epoch_mean"];
    let columns = ["trial"].into_iter().chain(paths.iter().copied()).chain(after).chain(LAST);
    let mut sheet = Sheet::new(columns);
    for trial in scope.trials() {
        let value = |value: Option<f64>| Field::or_none(value, |value| Field::metric(metric, value));
        let epochs: Vec<u32> = trial
            .folds
            .iter()
            .filter_map(|fold| fold.score_epoch(scope.report.selection.rule.epoch))
            .collect();
        let scored = trial.folds.iter().filter(|fold| fold.score.is_some()).count();
        let values = paths
            .iter()
            .map(|path| Field::or_none(trial.params.get(*path), |value| Field::Text(value_text(value))));
        let rest = [
            Field::Count(trial.parameters),
            Field::Count(trial.batch_norm_parameters),
            Field::Count(scored as u64),
            value(mean(trial.folds.iter().map(|fold| fold.score))),
            value(trial.std),
            if epochs.is_empty() { Field::None } else { Field::Real(mean_epoch(&epochs)) },
            value(trial.last_epoch_mean),
        ];
        let row = [Field::index(trial.index)].into_iter().chain(values).chain(rest).chain(last(trial));
        sheet.push(row.collect());
    }
    sheet
}
