//! What the numbers were made from, and with.

use foldwise_study::spec::DeviceKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the numbers were made from, and with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// The coordinator's version of Foldwise.
    pub foldwise: String,
    /// What the workers run, each once, sorted.
    pub software: Vec<String>,
    /// The kind of device that the cohorts were planned for. Absent before the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceKind>,
    /// The device profile that the cohorts were planned with. Absent before the plan, and where a version planned them
    /// that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileReport>,
    /// The names of the devices that trained, each once, sorted.
    pub device_models: Vec<String>,
    /// The rows.
    pub data: DataReport,
    /// BLAKE3 of the folds, in hexadecimal.
    pub folds_digest: String,
    /// Cohorts as planned, without the final stage and without halves of split ones. Absent before the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohorts: Option<usize>,
    /// Cohorts that were split in halves because memory ran out. Above 0, results may differ by rounding from those
    /// of the plan.
    pub cohort_splits: usize,
    /// How exactly the same spec with the same plan on the same kind of device gives the same numbers again.
    /// Absent before the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproducible: Option<String>,
}

/// A device profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileReport {
    /// What specs call it.
    pub name: String,
    /// BLAKE3 of what it says, in hexadecimal.
    pub digest: String,
}

/// The rows of a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DataReport {
    /// The dataset's name, or its file's.
    pub name: String,
    /// Digest of the rows, in hexadecimal.
    pub digest: String,
    /// Training rows; the folds divide them.
    pub train_rows: usize,
    /// Test rows. Absent without a test set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_rows: Option<usize>,
    /// Names of the classes, by number. Empty where they have none and where the target is a number.
    #[serde(default)]
    pub classes: Vec<String>,
}
