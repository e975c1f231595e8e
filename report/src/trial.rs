//! A trial in the report.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{FoldReport, RunState};

/// One configuration and what its folds say about it. Statistics are over the folds with a score, in the unit of
/// the rule's metric, and absent until all folds of the trial have ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialReport {
    /// Its number in enumeration order, from 0.
    pub index: usize,
    /// The searched values, by path into the spec, in the order of the space.
    pub params: IndexMap<String, Json>,
    /// Trainable numbers of its network; 0 where they are not known, as those of a command are not.
    pub parameters: u64,
    /// Those of them that belong to batch normalization.
    pub batch_norm_parameters: u64,
    /// Mean score. Absent where no fold has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// Standard deviation of the scores (divisor n−1). Absent below two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std: Option<f64>,
    /// Standard error of the mean, std / √n. Absent below two scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub std_error: Option<f64>,
    /// Mean of the runs' best epochs. Absent where no fold has a score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_epoch_mean: Option<f64>,
    /// Mean of the runs' last epochs. Absent where none has a finite value there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_epoch_mean: Option<f64>,
    /// The one epoch whose mean over the folds is best. Absent where the folds have no epoch in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_common_epoch: Option<CommonEpoch>,
    /// One per fold, in order.
    pub folds: Vec<FoldReport>,
}

/// One epoch over all folds of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommonEpoch {
    /// From 1.
    pub epoch: u32,
    /// Mean over the folds, in the metric's unit.
    pub mean: f64,
}

impl TrialReport {
    /// How many numbers its network learns, where that is known.
    #[must_use]
    pub fn learned_numbers(&self) -> Option<u64> {
        (self.parameters > 0).then_some(self.parameters)
    }

    /// Whether every fold has ended, with a score or without.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.folds.iter().all(|fold| fold.state.has_ended())
    }

    /// Folds that ended without a score.
    #[must_use]
    pub fn failed_folds(&self) -> usize {
        self.folds.iter().filter(|fold| fold.state == RunState::Failed).count()
    }

    /// Wall time of the longest of the cohorts that trained its folds, s.
    #[must_use]
    pub fn seconds(&self) -> Option<f64> {
        self.folds.iter().filter_map(|fold| fold.seconds).reduce(f64::max)
    }

    pub(crate) fn without_times(&self) -> Self {
        let folds = self.folds.iter().map(FoldReport::without_times).collect();
        Self { folds, ..self.clone() }
    }
}
