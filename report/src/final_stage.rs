//! The final stage in the report.

use foldwise_study::outcome::EpochRecord;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{MeasurementsReport, RunState};

/// How the final model is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinalMode {
    /// On all training rows, for a fixed number of epochs.
    Refit,
    /// On a part of the training rows; the epoch that is best on the rest is kept.
    HoldOut,
    /// On one of the winner's folds, with the random numbers of the search; the selected epoch is kept.
    Repeat,
}

/// The final model and what the test set says of it. Results are absent until it is finished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FinalReport {
    /// How it is trained.
    pub mode: FinalMode,
    /// The trial that it is trained with.
    pub trial: usize,
    /// That trial's searched values, by path into the spec.
    pub params: IndexMap<String, Json>,
    /// The epochs in order; validation values are of the held-out rows.
    pub epochs: Vec<EpochRecord>,
    /// What the study asked to be measured beside. Absent without a result, and where it asked for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measurements: Option<MeasurementsReport>,
    /// The epoch whose weights were kept, from 1: the best on the held-out rows. Absent in a refit, which keeps the
    /// last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_epoch: Option<u32>,
    /// Accuracy of that epoch on the held-out rows, 0 to 1. Absent with it, and where the target is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_accuracy: Option<f64>,
    /// Mean loss of that epoch on the held-out rows. Absent with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_loss: Option<f64>,
    /// Accuracy on the test set, 0 to 1, measured once. Absent without a test set, and where the target is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// Mean loss on the test set, measured once. Absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_loss: Option<f64>,
    /// BLAKE3 of the weights file, in hexadecimal; what it can be fetched by. Absent where none was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_digest: Option<String>,
    /// How often the test set was measured for this study: more than once where it was extended or retried after its
    /// end, and then the last measurement is no longer that of an untouched test set. Absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<usize>,
    /// Tries so far, the one under way included.
    pub attempts: u32,
    /// Wall time of its training, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Where it stands.
    pub state: RunState,
    /// Why it, or its last failed attempt, failed. Absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl FinalReport {
    pub(crate) fn without_times(&self) -> Self {
        Self {
            attempts: 0,
            seconds: None,
            measurements: self.measurements.as_ref().map(MeasurementsReport::without_times),
            error: self.error.clone().filter(|_| self.state == RunState::Failed),
            ..self.clone()
        }
    }
}
