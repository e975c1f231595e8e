//! What a trial's folds say about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TrialScores;

/// The scores of one trial over its finished folds. A score that is NaN or infinite counts as failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The trial.
    pub trial: usize,
    /// Mean; absent where no fold finished.
    pub mean: Option<f64>,
    /// Standard deviation of the sample (divisor n−1); absent below two folds.
    pub std: Option<f64>,
    /// Standard error of the mean, std / √n; absent below two folds. It takes folds for independent, which they
    /// are not quite, because their training rows overlap.
    pub std_error: Option<f64>,
    /// Folds with a score.
    pub finished: usize,
    /// Folds without one.
    pub failed: usize,
}

impl Summary {
    /// The summary of `scores`.
    pub(super) fn new(scores: &TrialScores) -> Self {
        let finished: Vec<f64> = scores.finished().map(|(_, score)| score).collect();
        let std = sample_deviation(&finished);
        Self {
            trial: scores.trial,
            mean: mean(&finished),
            std,
            std_error: std.map(|std| std / (finished.len() as f64).sqrt()),
            finished: finished.len(),
            failed: scores.folds.len() - finished.len(),
        }
    }
}

/// The mean, summed in order; none of no values.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The standard deviation with divisor n−1, in two passes; none below two values. Exactly 0 for equal values.
#[must_use]
pub fn sample_deviation(values: &[f64]) -> Option<f64> {
    let (first, rest) = values.split_first()?;
    if rest.is_empty() {
        return None;
    }
    if rest.iter().all(|value| value == first) {
        return Some(0.0);
    }
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / rest.len() as f64).sqrt())
}
