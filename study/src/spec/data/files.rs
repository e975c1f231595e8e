//! Rows that lie in files as arrays or pictures.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A training pair of IDX files and, where there is one, a test pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdxSpec {
    /// Training images or features: bytes, shape `[rows, …]`.
    pub train_features: PathBuf,
    /// Training labels: bytes, shape `[rows]`.
    pub train_labels: PathBuf,
    /// Test images or features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_features: Option<PathBuf>,
    /// Test labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_labels: Option<PathBuf>,
}
