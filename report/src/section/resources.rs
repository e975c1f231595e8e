//! Memory and speed.

use super::part::unmeasured;
use super::run::Scope;
use crate::page::Page;
use crate::sheet::{Field, Sheet};

const COLUMNS: [&str; 8] = [
    "trial",
    "fold",
    "train_memory",
    "predict_memory",
    "members",
    "steps_per_second",
    "rows_per_second",
    "step_seconds",
];

/// A line per run.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    page.title("Resources: peak memory of training and of prediction, steps and rows per second");
    let sheet = sheet(scope);
    if sheet.is_empty() {
        return unmeasured(page, "memory or speed", "measure.resources = true");
    }
    page.line(
        "Peaks are of a run's cohort over what was held before; steps are of one member, rows of all members together.",
    );
    page.gap();
    page.block(&sheet.without_empty_columns().text(scope.options));
}

/// One line per run.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let mut sheet = Sheet::new(COLUMNS);
    for run in scope.runs() {
        let Some(resources) = run.measurements.and_then(|measured| measured.resources) else { continue };
        let speed = |value: f64| if value.is_finite() { Field::Real(value) } else { Field::None };
        let mut line = run.fields();
        line.extend([
            Field::or_none(resources.train_bytes, Field::Bytes),
            Field::or_none(resources.predict_bytes, Field::Bytes),
            Field::Count(resources.members.into()),
            speed(resources.steps_per_second()),
            speed(resources.rows_per_second()),
            Field::Seconds(resources.seconds),
        ]);
        sheet.push(line);
    }
    sheet
}
