//! Nested cross-validation from what a coordinator knows.

use foldwise_study::selection::{Metric, Rule, mean, mean_interval, sample_deviation, test_train_ratio};

use super::run::Run;
use super::text;
use crate::input::{OuterInput, TrialInput};
use crate::{NestedReport, OuterReport, RunState};

/// None without outer folds.
pub(super) fn nested(outer: Vec<OuterInput>, trials: &[TrialInput], rule: &Rule) -> Option<NestedReport> {
    if outer.is_empty() {
        return None;
    }
    let sizes: Vec<(usize, usize)> = outer.iter().map(|outer| (outer.train_rows, outer.test_rows)).collect();
    let folds = outer.into_iter().enumerate();
    let outer: Vec<OuterReport> = folds.map(|(fold, outer)| one(fold, outer, trials, rule)).collect();
    let over = outer.iter().all(|outer| outer.state.has_ended());
    let scores: Vec<f64> = outer.iter().filter_map(|outer| outer.score).collect();
    let inner: Vec<f64> = outer.iter().filter_map(|outer| outer.score.and(outer.inner_mean())).collect();
    let interval = mean_interval(&scores, test_train_ratio(&sizes)).filter(|_| over);
    Some(NestedReport {
        mean: mean(&scores).filter(|_| over),
        std: sample_deviation(&scores).filter(|_| over),
        low: interval.map(|(low, _)| low),
        high: interval.map(|(_, high)| high),
        inner_mean: mean(&inner).filter(|_| over),
        outer,
    })
}

fn one(fold: usize, outer: OuterInput, trials: &[TrialInput], rule: &Rule) -> OuterReport {
    let OuterInput { train_rows, test_rows, inner_means, trial, epochs, state, attempts, error, outcome } =
        outer;
    let known = trial.and_then(|trial| trials.get(trial));
    let run = match trial {
        Some(_) => Run::of_final(state, attempts, error, outcome, rule).into_last(),
        None => (state, None, text(error), None),
    };
    let (state, test, error, seconds) = run;
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let test_accuracy = finite(test.and_then(|test| test.accuracy));
    let test_loss = finite(test.map(|test| test.loss));
    let score = match rule.metric {
        Metric::ValAccuracy => test_accuracy,
        Metric::ValLoss => test_loss,
    };
    // A training that ended without a finite score has failed.
    let lost = state == RunState::Finished && score.is_none();
    OuterReport {
        fold,
        train_rows,
        test_rows,
        trial,
        params: known.map(|trial| trial.params.clone()).unwrap_or_default(),
        inner_means,
        epochs,
        score,
        test_accuracy,
        test_loss,
        state: if lost { RunState::Failed } else { state },
        attempts,
        seconds,
        error: if lost { Some("the tested rows have no finite score".to_owned()) } else { error },
    }
}
