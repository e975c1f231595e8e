//! The study in the report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::StudyState;
use crate::time::rfc_3339;

/// A study and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StudyReport {
    /// `studies/{number}`, unique on its coordinator.
    pub name: String,
    /// The spec's name.
    pub display_name: String,
    /// The spec's description. Absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it stands.
    pub state: StudyState,
    /// Why it failed, or what a reader should know. Absent where nothing is to be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was submitted: UTC, RFC 3339, to the millisecond.
    pub created: String,
    /// When it ended, likewise. Absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Wall time from `created` to `ended`, s. Absent before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

impl StudyReport {
    pub(crate) fn without_times(&self) -> Self {
        Self { created: rfc_3339(0), ended: None, seconds: None, ..self.clone() }
    }
}
