//! What a command changed, as it must be made durable.

use std::sync::Arc;

use foldwise_study::plan::{DeviceProfile, RunId};

use crate::access::TokenRecord;

use super::cohort::{Checkpoint, FailedAttempt, Stage};
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
    /// Its cohorts were planned: all of them, or those of the runs that an extension added.
    StudyPlanned {
        /// The study.
        study: StudyId,
        /// The number of the first of the cohorts.
        first: CohortId,
        /// The cohorts.
        plan: Plan,
    },
    /// Its spec was extended.
    StudyExtended {
        /// The study.
        study: StudyId,
        /// What it is now.
        record: Arc<StudyRecord>,
    },
    /// It was paused, or goes on.
    StudyPaused {
        /// The study.
        study: StudyId,
        /// Whether it is paused now.
        paused: bool,
    },
    /// It has another priority.
    StudyPrioritized {
        /// The study.
        study: StudyId,
        /// The priority.
        priority: i32,
    },
    /// It was over, or about to be, and goes on.
    StudyReopened {
        /// The study.
        study: StudyId,
        /// The cohorts of its last trainings, which others take the places of.
        superseded: Vec<Superseded>,
    },
    /// It is forgotten, with all its rows.
    StudyDeleted {
        /// The study.
        study: StudyId,
    },
    /// A cohort came to be after the plan: a half of a split one, or a last training.
    CohortAdded {
        /// The study.
        study: StudyId,
        /// The cohort's number.
        cohort: CohortId,
        /// What the cohort is for.
        stage: Stage,
        /// Its runs.
        runs: Vec<RunId>,
        /// Failures that it starts with.
        failures: u32,
        /// Attempts that its runs have behind them.
        attempt: u32,
        /// How the last of those ended.
        failure: Option<FailedAttempt>,
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
        /// How it ended.
        failure: FailedAttempt,
    },
    /// A cohort that was given up waits again, with its failures forgotten.
    CohortRetried {
        /// The study.
        study: StudyId,
        /// The cohort.
        cohort: CohortId,
    },
    /// A cohort can be gone on with from here.
    CohortCheckpointed {
        /// The study.
        study: StudyId,
        /// The cohort.
        cohort: CohortId,
        /// From where; `None` where it cannot any more.
        checkpoint: Option<Checkpoint>,
    },
    /// No study needs a kept file any more. Performed on the file after the transaction; if the coordinator dies between,
    /// the sweep at its next start does it.
    ArtifactUnneeded {
        /// BLAKE3 of the file, in hexadecimal.
        digest: String,
    },
    /// The cohort is not tried again: out of attempts, or split.
    CohortFailed {
        /// The study.
        study: StudyId,
        /// The cohort.
        cohort: CohortId,
        /// How its last attempt ended.
        failure: FailedAttempt,
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
        /// What the cohort is for.
        stage: Stage,
        /// One per run.
        results: Vec<MemberResult>,
    },
    /// A token was made.
    TokenCreated(TokenRecord),
    /// A token was revoked.
    TokenRevoked(TokenRecord),
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

/// A cohort that another takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superseded {
    /// Its number.
    pub cohort: CohortId,
    /// Its run.
    pub run: RunId,
    /// Whether it had measured the test set.
    pub tested: bool,
}

/// The cohorts of a study as they were planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What they were planned with.
    pub profile: Arc<DeviceProfile>,
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

impl Change {
    /// The study that changed; `None` for a file or a token.
    #[must_use]
    pub fn study(&self) -> Option<StudyId> {
        match self {
            Self::StudyCreated { study, .. }
            | Self::StudyPlanned { study, .. }
            | Self::StudyExtended { study, .. }
            | Self::StudyPaused { study, .. }
            | Self::StudyPrioritized { study, .. }
            | Self::StudyReopened { study, .. }
            | Self::StudyDeleted { study }
            | Self::CohortAdded { study, .. }
            | Self::CohortLeased { study, .. }
            | Self::CohortReturned { study, .. }
            | Self::CohortRetried { study, .. }
            | Self::CohortCheckpointed { study, .. }
            | Self::CohortFailed { study, .. }
            | Self::CohortDone { study, .. }
            | Self::StudyEnded { study, .. } => Some(*study),
            Self::ArtifactUnneeded { .. } | Self::TokenCreated(_) | Self::TokenRevoked(_) => None,
        }
    }
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
