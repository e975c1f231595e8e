//! The report as CSV: one line per trial and fold.

use indexmap::IndexSet;

use crate::value::value_text;
use crate::{FoldReport, Report, TrialReport};

/// Columns before those of the searched parameters.
const BEFORE: [&str; 3] = ["trial", "fold", "state"];
/// Columns after them.
const AFTER: [&str; 8] = [
    "parameters",
    "score",
    "best_epoch",
    "best_val_accuracy",
    "best_val_loss",
    "attempts",
    "seconds",
    "error",
];

/// One line per trial and fold under a header (RFC 4180, but with line feeds alone). Numbers are in full, searched
/// values are JSON except for texts, and what is absent is empty.
#[must_use]
pub fn csv(report: &Report) -> String {
    let paths: IndexSet<&str> =
        report.trials.iter().flat_map(|trial| trial.params.keys().map(String::as_str)).collect();
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let header = BEFORE.iter().chain(&paths).chain(&AFTER);
    writer.write_record(header).expect("memory takes every write");
    for trial in &report.trials {
        for fold in &trial.folds {
            writer.write_record(record(trial, fold, &paths)).expect("every line has the header's length");
        }
    }
    let bytes = writer.into_inner().expect("memory takes every write");
    String::from_utf8(bytes).expect("every field is text")
}

fn record(trial: &TrialReport, fold: &FoldReport, paths: &IndexSet<&str>) -> Vec<String> {
    let before = [trial.index.to_string(), fold.fold.to_string(), fold.state.word().to_owned()];
    let values = paths.iter().map(|path| trial.params.get(*path).map(value_text).unwrap_or_default());
    let after = [
        trial.parameters.to_string(),
        field(fold.score),
        field(fold.best_epoch),
        field(fold.best_val_accuracy),
        field(fold.best_val_loss),
        fold.attempts.to_string(),
        field(fold.seconds),
        fold.error.clone().unwrap_or_default(),
    ];
    before.into_iter().chain(values).chain(after).collect()
}

fn field<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
