//! Everything about the best trial.

use serde_json::Value as Json;

use super::run::Scope;
use crate::heading::searched;
use crate::number::{mean_std, name, plural};
use crate::page::Page;
use crate::sheet::{Field, Sheet};
use crate::value::value_text;
use crate::{FinalReport, Report, TrialReport};

/// What a trial was trained with.
const SETTINGS: [&str; 2] = ["network", "train"];

/// The trial in a sentence, and all it was made with and came to in two columns.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    page.title("Best configuration");
    let Some(trial) = scope.chosen() else {
        page.line("No trial has won yet; --trial N shows one.");
        return;
    };
    let metric = scope.report.selection.rule.metric;
    let folds = trial.folds.iter().filter(|fold| fold.score.is_some()).count();
    let score = trial.mean.map_or_else(String::new, |mean| {
        format!(": {} {} over {}", name(metric), mean_std(metric, mean, trial.std), plural(folds, "fold"))
    });
    page.line(&format!("Trial {}{score}.", trial.index));
    page.gap();
    page.block(&sheet(scope).text(scope.options));
}

/// One line per property.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let mut sheet = Sheet::new(["property", "value"]);
    let Some(trial) = scope.chosen() else { return sheet };
    let mut put = |name: &str, value: Field| {
        if value != Field::None {
            sheet.push(vec![Field::text(name), value]);
        }
    };
    put("trial", Field::index(trial.index));
    let values = Some(searched(trial)).filter(|values| !values.is_empty());
    put("searched", Field::or_none(values, Field::Text));
    put("parameters", Field::or_none(trial.learned_numbers(), Field::Count));
    let plain = trial.parameters.saturating_sub(trial.batch_norm_parameters);
    put("parameters_without_batch_norm", Field::Count(plain));
    for (name, value) in search_result(scope.report, trial) {
        put(&name, value);
    }
    let stage = scope.report.final_stage.as_ref().filter(|stage| stage.trial == trial.index);
    for (name, value) in stage.into_iter().flat_map(final_result) {
        put(name, value);
    }
    for (path, value) in settings(&scope.report.spec, trial) {
        put(&path, Field::Text(value));
    }
    sheet
}

fn search_result(report: &Report, trial: &TrialReport) -> Vec<(String, Field)> {
    let metric = report.selection.rule.metric;
    let value = |value: Option<f64>| Field::or_none(value, |value| Field::metric(metric, value));
    let epochs: Vec<String> = trial
        .folds
        .iter()
        .filter_map(|fold| fold.score_epoch(report.selection.rule.epoch))
        .map(|epoch| epoch.to_string())
        .collect();
    vec![
        (format!("{}_mean", metric.word()), value(trial.mean)),
        (format!("{}_std", metric.word()), value(trial.std)),
        ("epochs".to_owned(), if epochs.is_empty() { Field::None } else { Field::Text(epochs.join(" ")) }),
        ("seconds".to_owned(), Field::or_none(trial.seconds(), Field::Seconds)),
    ]
}

fn final_result(stage: &FinalReport) -> Vec<(&'static str, Field)> {
    vec![
        ("final_state", Field::text(stage.state.word())),
        ("final_epochs", Field::Count(stage.epochs.len() as u64)),
        ("final_best_epoch", Field::or_none(stage.best_epoch, |epoch| Field::Index(epoch.into()))),
        ("final_val_accuracy", Field::or_none(stage.val_accuracy, Field::Share)),
        ("final_val_loss", Field::or_none(stage.val_loss, Field::Real)),
        ("test_accuracy", Field::or_none(stage.test_accuracy, Field::Share)),
        ("test_loss", Field::or_none(stage.test_loss, Field::Real)),
        ("final_seconds", Field::or_none(stage.seconds, Field::Seconds)),
    ]
}

/// Every setting of network and training by its path, the trial's own values in place.
fn settings(spec: &Json, trial: &TrialReport) -> Vec<(String, String)> {
    let mut spec = spec.clone();
    for (path, value) in &trial.params {
        put(&mut spec, path, value);
    }
    let mut found = Vec::new();
    for section in SETTINGS {
        if let Some(value) = spec.get(section) {
            leaves(section, value, &mut found);
        }
    }
    found
}

fn put(place: &mut Json, path: &str, value: &Json) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let child = match place {
        Json::Array(items) => first.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
        Json::Object(entries) => {
            Some(entries.entry(first).or_insert_with(|| Json::Object(serde_json::Map::new())))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
    };
    match (child, rest) {
        (Some(child), Some(rest)) => put(child, rest, value),
        (Some(child), None) => *child = value.clone(),
        (None, _) => {}
    }
}

/// Values by their paths; a list is one value, except that each of its tables has a line.
pub(crate) fn leaves(path: &str, value: &Json, found: &mut Vec<(String, String)>) {
    match value {
        Json::Object(entries) => {
            for (key, value) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(&path, value, found);
            }
        }
        Json::Array(items) if items.iter().any(Json::is_object) => {
            for (place, item) in items.iter().enumerate() {
                found.push((format!("{path}.{place}"), value_text(item)));
            }
        }
        Json::Array(_) | Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            found.push((path.to_owned(), value_text(value)));
        }
    }
}
