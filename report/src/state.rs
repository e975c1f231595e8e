//! Where studies and runs stand.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a study stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StudyState {
    /// Runs wait or train.
    Searching,
    /// The chosen trial is trained and tested.
    Finishing,
    /// Over, with a winner.
    Succeeded,
    /// Over without a winner, or the final stage failed.
    Failed,
    /// Ended by a person.
    Cancelled,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Not leased.
    Queued,
    /// With a worker.
    Leased,
    /// With a result.
    Finished,
    /// Diverged, or out of attempts.
    Failed,
    /// Ended with its study.
    Cancelled,
}

impl StudyState {
    /// The word that the report uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Searching => "searching",
            Self::Finishing => "finishing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more happens to the study.
    #[must_use]
    pub fn is_over(self) -> bool {
        match self {
            Self::Searching | Self::Finishing => false,
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
        }
    }
}

impl RunState {
    /// The word that the report uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the run was tried to its end: it has a result, or will never have one.
    #[must_use]
    pub fn has_ended(self) -> bool {
        match self {
            Self::Finished | Self::Failed => true,
            Self::Queued | Self::Leased | Self::Cancelled => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RunState, StudyState};

    #[test]
    fn a_word_is_what_the_report_says() {
        use StudyState::{Cancelled, Failed, Finishing, Searching, Succeeded};
        for state in [Searching, Finishing, Succeeded, Failed, Cancelled] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
        use RunState::{Finished, Leased, Queued};
        for state in [Queued, Leased, Finished, RunState::Failed, RunState::Cancelled] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
    }
}
