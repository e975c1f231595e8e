//! What a command changed, as it must be made durable.

use std::sync::Arc;

use foldwise_study::plan::RunId;
use foldwise_study::spec::DeviceKind;

use super::cohort::Stage;
use super::command::MemberResult;
use super::study::StudyRecord;
use super::{CohortId, StudyId};

/// A durable change. A store writes all changes of a batch in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A study was submitted.
    StudyCreated {
        /// Its number.
        study: StudyId,
        /// What it is.
        record: Arc<StudyRecord>,
    },
    /// Its cohorts were planned.
    StudyPlanned {
        /// The study.
        study: StudyId,
        /// The cohorts.
        plan: Plan,
    },
    /// A cohort came to be after the plan: a half of a split one, or the final stage.
    CohortAdded {
        /// The study.
        study: StudyId,
        /// The cohort's number.
        cohort: CohortId,
        /// The search, or the final stage.
        stage: Stage,
        /// Its runs.
        runs: Vec<RunId>,
        /// Failures that it starts with.
        failures: u32,
        /// Attempts that its runs have behind them.
        attempt: u32,
    },
    /// A worker has a cohort.
    CohortLeased {
        /// The study.
        study: StudyId,
        /// The cohort.
        cohort: CohortId,
        /// The attempt.
        attempt: u32,
        /// The worker.
        worker: String,
        /// Its slot.
        slot: u32,
    },
    /// An attempt ended without results and the cohort waits again.
    CohortReturned {
        /// The study.
        study: StudyId,
        /// The cohort.
        cohort: CohortId,
        /// Failures so far.
        failures: u32,
        /// Why.
        error: String,
    },
    /// The cohort is not tried again: out of attempts, or split.
    CohortFailed {
        /// The study.
        study: StudyId,
        /// The cohort.
        cohort: CohortId,
        /// Why.
        error: String,
        /// Whether halves took its place.
        split: bool,
    },
    /// The cohort has its results.
    CohortDone {
        /// The study.
        study: StudyId,
        /// The cohort.
        cohort: CohortId,
        /// The attempt that brought them.
        attempt: u32,
        /// The worker that brought them.
        worker: String,
        /// The search, or the final stage.
        stage: Stage,
        /// One per run.
        results: Vec<MemberResult>,
    },
    /// The study is over.
    StudyEnded {
        /// The study.
        study: StudyId,
        /// How.
        end: EndedAs,
        /// Why, if not well.
        message: String,
        /// When, ms since 1970.
        unix_ms: u64,
    },
}

/// The cohorts of a study as they were planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The kind of device.
    pub device: DeviceKind,
    /// Runs by cohort.
    pub cohorts: Vec<Vec<RunId>>,
}

/// How a study ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedAs {
    /// With a winner, and its final stage if there is one.
    Succeeded,
    /// Without a winner, or the final stage failed.
    Failed,
    /// By a person.
    Cancelled,
}

impl EndedAs {
    /// The word a store keeps.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}
