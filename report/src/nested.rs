//! Nested cross-validation: what the search itself is worth on rows that it did not see.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::RunState;

/// The search, judged by outer folds. In each of them it was made again on the fold's training rows alone; what it chose was
/// trained on all of these and tested on the rest. Scores are by the metric of the selection, on tested rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NestedReport {
    /// Mean of the outer folds' scores: an estimate of what this way of choosing comes to on new rows, to which no choice
    /// was fitted. Absent until all of them have ended, and where none has a score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// Standard deviation of the scores, divisor n−1. Absent below two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std: Option<f64>,
    /// The lower end of the mean's 95 % confidence interval, corrected for training rows that outer folds share (Nadeau and
    /// Bengio, 2003); approximate. Absent below two scores, and where all are equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Its upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Mean, over the outer folds that have a score, of the mean that the choice was made by, which choosing makes optimistic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_mean: Option<f64>,
    /// One per outer fold, in order.
    pub outer: Vec<OuterReport>,
}

/// One outer fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OuterReport {
    /// Its number, from 0.
    pub fold: usize,
    /// Rows that the search within it was made on.
    pub train_rows: usize,
    /// Rows that its choice was tested on.
    pub test_rows: usize,
    /// The trial that was chosen within it. Absent before that, and where every trial has a failed fold there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<usize>,
    /// That trial's searched values, by path.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub params: IndexMap<String, Json>,
    /// Mean score of each trial over the folds within, by trial: absent values are null, of trials with a fold that failed or
    /// has not ended.
    pub inner_means: Vec<Option<f64>>,
    /// Passes over the training rows in the last training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u32>,
    /// The test rows' score by the selection's metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Accuracy on the test rows, 0 to 1. Absent where the target is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// Mean loss on the test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_loss: Option<f64>,
    /// Where its last training stands.
    pub state: RunState,
    /// Tries so far, the one under way included.
    pub attempts: u32,
    /// Wall time of that training, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Why it, or its last failed attempt, failed; or why nothing was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl NestedReport {
    pub(crate) fn without_times(&self) -> Self {
        Self { outer: self.outer.iter().map(OuterReport::without_times).collect(), ..self.clone() }
    }

    /// Outer folds with a score.
    pub(crate) fn scored(&self) -> impl Iterator<Item = (&OuterReport, f64)> {
        self.outer.iter().filter_map(|outer| Some((outer, outer.score?)))
    }
}

impl OuterReport {
    /// The mean that the choice was made by.
    #[must_use]
    pub fn inner_mean(&self) -> Option<f64> {
        self.inner_means.get(self.trial?).copied().flatten()
    }

    fn without_times(&self) -> Self {
        Self {
            attempts: 0,
            seconds: None,
            error: self.error.clone().filter(|_| self.state == RunState::Failed),
            ..self.clone()
        }
    }
}
