//! Losses, accuracies and learning rate by epoch.

use foldwise_study::selection::Metric;

use super::epochs::{Epochs, mean};
use super::run::{Run, Scope, folds_of, named};
use crate::TrialReport;
use crate::number::name;
use crate::page::Page;
use crate::sheet::{Field, Sheet};

/// Trials whose curves are shown at most.
const TRIALS_MAX: usize = 12;
/// Folds that have a column of their own.
const FOLDS_MAX: usize = 10;
const VALUES: [&str; 7] =
    ["lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "training_loss", "training_accuracy"];

/// One table per trial, the means over its folds and each fold's metric.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    page.title("Curves");
    page.line(
        "Training losses and accuracies are of the rows as they were trained on, before each step; validation after \
         the epoch. Means are over the folds that have the epoch.",
    );
    let trials: Vec<&TrialReport> = scope.trials().collect();
    for trial in trials.iter().take(TRIALS_MAX) {
        let runs: Vec<Run<'_>> = folds_of(trial).collect();
        table(&named(trial), &runs, scope, page);
    }
    let more = trials.len().saturating_sub(TRIALS_MAX);
    if more > 0 {
        page.line(&format!("… and {more} more trials (use --trial N or --format csv)"));
    }
    if let Some(run) = scope.runs().iter().find(|run| run.fold.is_none()) {
        table(&run.name(), &[*run], scope, page);
    }
}

fn table(who: &str, runs: &[Run<'_>], scope: Scope<'_>, page: &mut Page) {
    page.gap();
    page.line(who);
    let epochs = Epochs::of(runs);
    if epochs.shown.is_empty() {
        page.line("No epoch has ended yet.");
        return;
    }
    let mut sheet = Sheet::new(["epoch"].into_iter().chain(VALUES));
    for &epoch in &epochs.shown {
        sheet.push([Field::Count(epoch.into())].into_iter().chain(means(runs, epoch)).collect());
    }
    page.block(&sheet.without_empty_columns().text(scope.options));
    if (2..=FOLDS_MAX).contains(&runs.len()) {
        by_fold(runs, &epochs, scope, page);
    }
    epochs.note(page);
}

fn by_fold(runs: &[Run<'_>], epochs: &Epochs, scope: Scope<'_>, page: &mut Page) {
    let metric = scope.report.selection.rule.metric;
    page.gap();
    page.line(&format!("Each fold's {}", name(metric)));
    let heads = runs.iter().map(|run| format!("fold {}", run.fold.unwrap_or_default()));
    let mut sheet = Sheet::new(["epoch".to_owned()].into_iter().chain(heads));
    for &epoch in &epochs.shown {
        let values = runs
            .iter()
            .map(|run| Field::or_none(of_metric(run, metric, epoch), |value| Field::metric(metric, value)));
        sheet.push([Field::Count(epoch.into())].into_iter().chain(values).collect());
    }
    page.block(&sheet.text(scope.options));
}

fn of_metric(run: &Run<'_>, metric: Metric, epoch: u32) -> Option<f64> {
    let record = run.record(epoch)?;
    match metric {
        Metric::ValAccuracy => record.val_accuracy,
        Metric::ValLoss => record.val_loss,
    }
}

/// The means over runs in an epoch, in the order of [`VALUES`].
fn means(runs: &[Run<'_>], epoch: u32) -> [Field; 7] {
    let records: Vec<_> = runs.iter().filter_map(|run| run.record(epoch)).collect();
    let measured: Vec<_> = runs.iter().filter_map(|run| run.measured(epoch)).collect();
    let real = |value: Option<f64>| Field::or_none(value, Field::Real);
    let share = |value: Option<f64>| Field::or_none(value, Field::Share);
    [
        Field::or_none(mean(records.iter().map(|record| Some(record.lr))), Field::Given),
        real(mean(records.iter().map(|record| Some(record.train_loss)))),
        share(mean(records.iter().map(|record| record.train_accuracy))),
        real(mean(records.iter().map(|record| record.val_loss))),
        share(mean(records.iter().map(|record| record.val_accuracy))),
        real(mean(measured.iter().map(|measured| measured.training_loss))),
        share(mean(measured.iter().map(|measured| measured.training_accuracy))),
    ]
}

/// One line per run and epoch, and per trial with several folds and epoch one with the means, whose fold is `mean`.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let before = ["trial", "fold", "epoch", "runs"];
    let mut sheet = Sheet::new(before.into_iter().chain(VALUES));
    for trial in scope.trials() {
        let runs: Vec<Run<'_>> = folds_of(trial).collect();
        if runs.len() > 1 {
            lines(&runs, &[Field::index(trial.index), Field::text("mean")], &mut sheet);
        }
    }
    for run in scope.runs() {
        lines(&[run], &run.fields(), &mut sheet);
    }
    sheet
}

fn lines(runs: &[Run<'_>], who: &[Field], sheet: &mut Sheet) {
    for epoch in Epochs::all(runs) {
        let having = runs.iter().filter(|run| run.record(epoch).is_some()).count();
        let place = [Field::Count(epoch.into()), Field::Count(having as u64)];
        sheet.push(who.iter().cloned().chain(place).chain(means(runs, epoch)).collect());
    }
}
