//! The folds of a trial in one cell.

use foldwise_study::selection::Metric;

use crate::number::bare;
use crate::{RunState, TrialReport};

/// More folds than this are shown by their range.
const FOLDS_LISTED_MAX: usize = 10;
/// Stands for a fold that has not ended.
const OPEN: &str = "·";

/// The scores in order, with `failed` where there is none; of many folds from the lowest to the highest.
pub(super) fn folds(metric: Metric, trial: &TrialReport) -> String {
    if !trial.folds.iter().any(|fold| fold.state.has_ended()) {
        return counted(trial, &[RunState::Leased, RunState::Queued, RunState::Cancelled]);
    }
    if trial.folds.len() > FOLDS_LISTED_MAX {
        return range(metric, trial);
    }
    let cells = trial.folds.iter().map(|fold| match (fold.score, fold.state) {
        (Some(score), _) => bare(metric, score),
        (None, RunState::Failed | RunState::Finished) => "failed".to_owned(),
        (None, RunState::Queued | RunState::Leased | RunState::Cancelled) => OPEN.to_owned(),
    });
    cells.collect::<Vec<String>>().join(" ")
}

fn range(metric: Metric, trial: &TrialReport) -> String {
    let scores: Vec<f64> = trial.folds.iter().filter_map(|fold| fold.score).collect();
    let low = scores.iter().copied().reduce(f64::min);
    let high = scores.iter().copied().reduce(f64::max);
    let ends = low.zip(high).map(|(low, high)| format!("{} to {}", bare(metric, low), bare(metric, high)));
    let failed = counted(trial, &[RunState::Failed]);
    let parts = ends.into_iter().chain(Some(failed).filter(|failed| !failed.is_empty()));
    parts.collect::<Vec<String>>().join(", ")
}

/// How many folds are in these states, such as `2 leased, 3 queued`.
fn counted(trial: &TrialReport, states: &[RunState]) -> String {
    let counts = states.iter().map(|&state| {
        let count = trial.folds.iter().filter(|fold| fold.state == state).count();
        (count, state.word())
    });
    let texts = counts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    texts.collect::<Vec<String>>().join(", ")
}
