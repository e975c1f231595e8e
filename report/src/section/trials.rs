//! The score of each trial and the epoch it is of.

use std::collections::{HashMap, HashSet};

use foldwise_study::outcome::EpochRecord;
use foldwise_study::selection::EpochRule;
use indexmap::IndexSet;

use super::epochs::mean;
use super::run::Scope;
use crate::dimension::{Dimension, dimensions, paths};
use crate::heading::headings;
use crate::number::{NONE, name, with_unit};
use crate::page::Page;
use crate::sheet::{Field, Sheet};
use crate::value::value_text;
use crate::{Report, TrialReport};

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
    let sheet = match &dimensions(report)[..] {
        [down, across] if scope.is_whole() && tells_all(down, across) => pivot(report, down, across),
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
        let rest = [
            Field::or_none(trial.learned_numbers(), Field::Count),
            Field::Text(score_text(scope.report, trial)),
        ];
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

fn pivot(report: &Report, down: &Dimension<'_>, across: &Dimension<'_>) -> Sheet {
    let heads = across.labels().into_iter().map(|label| format!("{} {label}", across.heading));
    let levels = down.levels.iter().zip(&across.levels).zip(&report.trials);
    let trials: HashMap<_, &TrialReport> =
        levels.filter_map(|((down, across), trial)| Some((down.zip(*across)?, trial))).collect();
    let mut sheet = Sheet::new([down.heading.clone(), "parameters".to_owned()].into_iter().chain(heads));
    for (row, label) in down.labels().into_iter().enumerate() {
        let trials: Vec<Option<&TrialReport>> =
            (0..across.values.len()).map(|column| trials.get(&(row, column)).copied()).collect();
        let sizes: IndexSet<u64> =
            trials.iter().flatten().filter_map(|trial| trial.learned_numbers()).collect();
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

/// Whether two dimensions' values are those of one trial at most.
fn tells_all(down: &Dimension<'_>, across: &Dimension<'_>) -> bool {
    let mut known = HashSet::new();
    down.levels.iter().zip(&across.levels).all(|(down, across)| match down.zip(*across) {
        Some(pair) => known.insert(pair),
        None => false,
    })
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
            Field::or_none(trial.learned_numbers(), Field::Count),
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
