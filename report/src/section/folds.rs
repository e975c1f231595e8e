//! The score of each fold, with mean and standard deviation.

use super::run::Scope;
use crate::number::{NONE, bare, mean_std, name, plural};
use crate::page::Page;
use crate::sheet::{Field, Sheet};
use crate::{FoldReport, RunState, TrialReport};

/// Folds that have a column of their own.
const FOLDS_MAX: usize = 10;

/// A line per trial and a column per fold; of many folds a line each.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    let metric = scope.report.selection.rule.metric;
    page.title(&format!("Folds: {} (epoch)", name(metric)));
    let folds = scope.report.folds();
    page.line(&format!(
        "{}; ± is the standard deviation over the folds, divisor n−1.",
        plural(folds, "fold")
    ));
    page.gap();
    if folds > FOLDS_MAX {
        page.block(&sheet(scope).text(scope.options));
        return;
    }
    let columns = (0..folds).map(|fold| format!("fold {fold}"));
    let columns = ["trial".to_owned()].into_iter().chain(columns).chain(["mean ± std".to_owned()]);
    let mut table = Sheet::new(columns);
    for trial in scope.trials() {
        let scores = trial.folds.iter().map(|fold| Field::Text(cell(scope, fold)));
        let all = trial.mean.map_or_else(|| NONE.to_owned(), |mean| mean_std(metric, mean, trial.std));
        table.push([Field::index(trial.index)].into_iter().chain(scores).chain([Field::Text(all)]).collect());
    }
    page.block(&table.text(scope.options));
}

fn cell(scope: Scope<'_>, fold: &FoldReport) -> String {
    let metric = scope.report.selection.rule.metric;
    match (fold.score, fold.score_epoch(scope.report.selection.rule.epoch)) {
        (Some(score), Some(epoch)) => format!("{} ({epoch})", bare(metric, score)),
        (Some(score), None) => bare(metric, score),
        (None, _) if fold.state == RunState::Finished => RunState::Failed.word().to_owned(),
        (None, _) => fold.state.word().to_owned(),
    }
}

/// One line per trial and fold, and one per trial with mean and standard deviation.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let columns = ["trial", "fold", "state", "score", "std", "epoch", "val_accuracy", "val_loss"];
    let mut sheet = Sheet::new(columns);
    for trial in scope.trials() {
        for fold in &trial.folds {
            sheet.push(line(scope, trial, fold));
        }
        let value =
            |value| Field::or_none(value, |value| Field::metric(scope.report.selection.rule.metric, value));
        let mut all = vec![Field::index(trial.index), Field::text("mean"), Field::None];
        all.extend([value(trial.mean), value(trial.std), Field::None, Field::None, Field::None]);
        sheet.push(all);
    }
    sheet
}

fn line(scope: Scope<'_>, trial: &TrialReport, fold: &FoldReport) -> Vec<Field> {
    let metric = scope.report.selection.rule.metric;
    vec![
        Field::index(trial.index),
        Field::index(fold.fold),
        Field::text(fold.state.word()),
        Field::or_none(fold.score, |score| Field::metric(metric, score)),
        Field::None,
        Field::or_none(fold.score_epoch(scope.report.selection.rule.epoch), |epoch| {
            Field::Index(epoch.into())
        }),
        Field::or_none(fold.best_val_accuracy, Field::Share),
        Field::or_none(fold.best_val_loss, Field::Real),
    ]
}
