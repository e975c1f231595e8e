//! Trials and their folds as tables of a document.

use super::ROWS_MAX;
use crate::dimension::paths;
use crate::heading::headings;
use crate::number::{NONE, bare, mean_std, probability, with_unit};
use crate::ranking::Ranking;
use crate::sheet::{Field, Sheet};
use crate::value::value_text;
use crate::{Report, TrialReport};

/// Folds that have a column of their own.
const FOLDS_MAX: usize = 12;

/// A line per trial: its values, size, mean and how it differs from the winner.
pub(super) fn sheet(report: &Report, ranking: &Ranking<'_>) -> Sheet {
    let paths = paths(report);
    let metric = report.selection.rule.metric;
    let before = ["rank".to_owned(), "trial".to_owned()].into_iter().chain(headings(&paths));
    let after = [
        "parameters",
        "mean ± std",
        "standard error",
        "difference from the winner",
        "95 % interval",
        "p",
        "failed folds",
    ];
    let mut sheet = Sheet::new(before.chain(after.map(str::to_owned)));
    for (position, trial) in ranking.trials.iter().take(ROWS_MAX).enumerate() {
        let comparison =
            report.selection.comparisons.iter().find(|comparison| comparison.trial == trial.index);
        let rank = if position < ranking.can_win { Field::index(position + 1) } else { Field::None };
        let values = paths
            .iter()
            .map(|path| Field::or_none(trial.params.get(*path), |value| Field::Text(value_text(value))));
        let text = |value: Option<f64>| Field::or_none(value, |value| Field::Text(with_unit(metric, value)));
        let failed = trial.failed_folds();
        let rest = [
            Field::or_none(trial.learned_numbers(), Field::Count),
            Field::or_none(trial.mean, |mean| Field::Text(mean_std(metric, mean, trial.std))),
            text(trial.std_error),
            Field::or_none(comparison, |comparison| {
                Field::Text(bare(metric, comparison.mean_difference).replace('-', "−"))
            }),
            Field::or_none(
                comparison.and_then(|comparison| comparison.low.zip(comparison.high)),
                |(low, high)| {
                    Field::Text(format!("{} to {}", bare(metric, low), bare(metric, high)).replace('-', "−"))
                },
            ),
            Field::or_none(comparison.and_then(|comparison| comparison.p), |p| Field::Text(probability(p))),
            if failed > 0 { Field::Count(failed as u64) } else { Field::None },
        ];
        sheet.push([rank, Field::index(trial.index)].into_iter().chain(values).chain(rest).collect());
    }
    sheet
}

/// A line per trial and a column per fold; of many folds their range.
pub(super) fn folds(report: &Report, ranking: &Ranking<'_>) -> Sheet {
    let (metric, folds) = (report.selection.rule.metric, report.folds());
    if folds > FOLDS_MAX {
        let mut sheet = Sheet::new(["trial", "lowest", "highest", "failed folds"]);
        for trial in ranking.trials.iter().take(ROWS_MAX) {
            let scores = || trial.folds.iter().filter_map(|fold| fold.score);
            let text =
                |value: Option<f64>| Field::or_none(value, |value| Field::Text(with_unit(metric, value)));
            let failed = Field::Count(trial.failed_folds() as u64);
            sheet.push(vec![
                Field::index(trial.index),
                text(scores().reduce(f64::min)),
                text(scores().reduce(f64::max)),
                failed,
            ]);
        }
        return sheet;
    }
    let columns = (0..folds).map(|fold| format!("fold {fold}"));
    let mut sheet = Sheet::new(["trial".to_owned()].into_iter().chain(columns));
    for trial in ranking.trials.iter().take(ROWS_MAX) {
        let cells = (0..folds).map(|fold| Field::Text(cell(report, trial, fold)));
        sheet.push([Field::index(trial.index)].into_iter().chain(cells).collect());
    }
    sheet
}

fn cell(report: &Report, trial: &TrialReport, fold: usize) -> String {
    let Some(fold) = trial.folds.get(fold) else { return NONE.to_owned() };
    let rule = &report.selection.rule;
    match (fold.score, fold.score_epoch(rule.epoch)) {
        (Some(score), Some(epoch)) => format!("{} ({epoch})", bare(rule.metric, score)),
        (Some(score), None) => bare(rule.metric, score),
        (None, _) => fold.state.word().to_owned(),
    }
}
