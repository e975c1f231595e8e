//! The report as a whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    ComponentsReport, FinalReport, NestedReport, Provenance, SelectionReport, StudyReport, TrialReport,
};

/// The version of the model that this crate writes.
pub const VERSION: u32 = 1;

/// All that a study found. What does not apply or is not known yet is absent. Numbers are not rounded; accuracies
/// are shares between 0 and 1, losses means over rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this model, 1. Fields may be added within a version; none changes its meaning.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The study and where it stands.
    pub study: StudyReport,
    /// The spec as canonical JSON.
    pub spec: Json,
    /// Which trial was chosen, and with what certainty.
    pub selection: SelectionReport,
    /// One per trial, in enumeration order.
    pub trials: Vec<TrialReport>,
    /// The search itself, judged by outer folds. Absent where the spec has no `validation.outer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested: Option<NestedReport>,
    /// The final stage. Absent before it, and where the study has none.
    #[serde(rename = "final", default, skip_serializing_if = "Option::is_none")]
    pub final_stage: Option<FinalReport>,
    /// The kept copies of weights on their first two principal components, one entry per size of network.
    #[serde(default)]
    pub components: Vec<ComponentsReport>,
    /// What the numbers were made from, and with.
    pub provenance: Provenance,
}

impl Report {
    /// The report without what may differ between two executions of the same study: times are the first of 1970 or
    /// absent, attempts 0, workers absent, and so are what memory and speed were measured and the errors of attempts that were made up for.
    #[must_use]
    pub fn without_times(&self) -> Self {
        Self {
            study: self.study.without_times(),
            trials: self.trials.iter().map(TrialReport::without_times).collect(),
            nested: self.nested.as_ref().map(NestedReport::without_times),
            final_stage: self.final_stage.as_ref().map(FinalReport::without_times),
            ..self.clone()
        }
    }

    /// How many folds each trial is chosen by.
    #[must_use]
    pub fn folds(&self) -> usize {
        self.trials.first().map_or(0, |trial| trial.folds.len())
    }
}
