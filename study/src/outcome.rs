//! What training hands back: epochs, and how a run ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::selection::{EpochRule, Metric, Rule, best_epoch};

mod measurements;
mod picture;

pub use measurements::{
    ClassPredictions, ClassScore, EpochMeasurements, Measurements, NumberPredictions, POINTS_MAX, Point,
    Predictions, Resources, SnapshotFile, StepMeasurements, WrongRow,
};
pub use picture::{PICTURE_SIDE_MAX, PICTURES_MAX, Picture, PictureError};

/// One epoch of one run. Losses are means over rows; accuracies are shares between 0 and 1 and absent for
/// targets that are numbers; validation values are absent where nothing is held out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: u32,
    /// Mean loss of the training rows as they were trained on, before each step.
    pub train_loss: f64,
    /// Share of training rows classified correctly as they were trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_accuracy: Option<f64>,
    /// Mean loss of the validation rows after the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_loss: Option<f64>,
    /// Share of validation rows classified correctly after the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_accuracy: Option<f64>,
    /// Learning rate of the epoch.
    pub lr: f64,
}

/// How training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// All epochs were trained, or all until early stopping.
    Finished,
    /// The loss became NaN or infinite in this epoch, from 1. Deterministic, so it is not tried again.
    Diverged(u32),
}

/// The result of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunOutcome {
    /// How it ended.
    pub end: RunEnd,
    /// Its epochs, the diverged one not included.
    pub epochs: Vec<EpochRecord>,
    /// Wall time of its cohort, s.
    pub seconds: f64,
    /// The test set's values, measured once, in the final stage alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<TestRecord>,
    /// What the study asked to be measured beside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurements: Option<Box<Measurements>>,
}

/// What the test set said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TestRecord {
    /// Mean loss.
    pub loss: f64,
    /// Share classified correctly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

impl RunOutcome {
    /// The epoch that a rule picks and its value, or `None` where none is finite or the metric was not measured.
    #[must_use]
    pub fn score(&self, rule: &Rule) -> Option<(u32, f64)> {
        let value = |record: &EpochRecord| match rule.metric {
            Metric::ValAccuracy => record.val_accuracy,
            Metric::ValLoss => record.val_loss,
        };
        let curve = self.epochs.iter().map(|record| value(record).unwrap_or(f64::NAN));
        let index = match rule.epoch {
            EpochRule::Best => best_epoch(rule.metric.direction(), curve)?,
            EpochRule::Last => self.epochs.len().checked_sub(1)?,
        };
        let record = &self.epochs[index];
        value(record).filter(|score| score.is_finite()).map(|score| (record.epoch, score))
    }
}
