//! A run in the report: one fold of a trial.

use foldwise_study::outcome::EpochRecord;
use foldwise_study::selection::EpochRule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{MeasurementsReport, RunState};

/// One fold of a trial and what its run gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoldReport {
    /// From 0.
    pub fold: usize,
    /// Where the run stands.
    pub state: RunState,
    /// The best epoch by the metric, from 1, the earliest of equals. Absent unless finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_epoch: Option<u32>,
    /// Validation accuracy of that epoch, 0 to 1. Absent without it, and where the target is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_val_accuracy: Option<f64>,
    /// Mean validation loss of that epoch. Absent without it, and where it is not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_val_loss: Option<f64>,
    /// What the trial is compared by: the metric at the epoch that the rule picks. Absent unless finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The epochs in order; of a diverged run, those before. Validation values that are not finite are absent.
    pub epochs: Vec<EpochRecord>,
    /// What the study asked to be measured beside. Absent without a result, and where it asked for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurements: Option<MeasurementsReport>,
    /// Tries so far, the one under way included.
    pub attempts: u32,
    /// Wall time of the cohort that trained it, s; runs of one cohort share it. Absent without a result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The worker that has it, or had it last. Absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Why the run, or its last failed attempt, failed. Absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl FoldReport {
    /// The epoch that the score is of, where there is one.
    #[must_use]
    pub fn score_epoch(&self, rule: EpochRule) -> Option<u32> {
        self.score?;
        match rule {
            EpochRule::Best => self.best_epoch,
            EpochRule::Last => self.epochs.last().map(|record| record.epoch),
        }
    }

    pub(crate) fn without_times(&self) -> Self {
        Self {
            attempts: 0,
            seconds: None,
            measurements: self.measurements.as_ref().map(MeasurementsReport::without_times),
            worker: None,
            error: self.error.clone().filter(|_| self.state == RunState::Failed),
            ..self.clone()
        }
    }
}
