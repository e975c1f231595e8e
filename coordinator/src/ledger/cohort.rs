//! A cohort: the unit that is leased, committed and, after a fault, repeated.
//!
//! ```text
//! Ready ──lease──▶ Leased ──results──▶ Done ──its study is reopened (last trainings)──▶ Superseded
//!   ▲ ▲              │ │
//!   │ └──failure─────┘ └──last failure, or split──▶ Failed
//!   └──────────────────retry─────────────────────────┘
//! ```

use foldwise_study::plan::RunId;

use super::command::FailureKind;

/// Runs that train together, and where they stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Cohort {
    /// The runs, in member order.
    pub runs: Vec<RunId>,
    /// What it is for.
    pub stage: Stage,
    /// Leases so far: the last attempt's number.
    pub attempt: u32,
    /// Attempts that count against the spec's limit.
    pub failures: u32,
    /// The last attempt that failed.
    pub failure: Option<FailedAttempt>,
    /// Where an attempt came to.
    pub checkpoint: Option<Checkpoint>,
    /// Where it stands.
    pub state: CohortState,
    /// What it counts for in its study's progress; volatile.
    pub(super) work_done: f64,
}

/// An attempt that ended without results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The attempt.
    pub attempt: u32,
    /// The worker that had it.
    pub worker: String,
    /// What kind of failure.
    pub kind: FailureKind,
    /// What happened, for people.
    pub message: String,
    /// When, ms since 1970.
    pub unix_ms: u64,
}

/// A cohort's state after a whole epoch, kept as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Epochs that are done.
    pub epoch: u32,
    /// BLAKE3 of the file, in hexadecimal.
    pub digest: String,
}

/// What a cohort is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Runs of the search.
    Search,
    /// What the search within an outer fold chose, trained on the fold's training rows and tested on the rest.
    Outer {
        /// The outer fold, from 0.
        fold: u32,
        /// Passes over the training rows.
        epochs: u32,
    },
    /// The winner's last training.
    Final {
        /// Passes over the training rows.
        epochs: u32,
    },
}

/// Where a cohort stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CohortState {
    /// Waits for a worker.
    Ready,
    /// A worker has it.
    Leased {
        /// The worker's id.
        worker: String,
        /// Its slot.
        slot: u32,
        /// When the lease is lost, monotonic ms.
        expires_ms: u64,
    },
    /// Has its results.
    Done {
        /// The worker that brought them.
        worker: String,
        /// The attempt that brought them.
        attempt: u32,
    },
    /// Not tried again.
    Failed {
        /// Whether halves took its place.
        split: bool,
    },
    /// A last training whose study was reopened: another takes its place.
    Superseded {
        /// Whether it had measured the test set.
        tested: bool,
    },
}

impl Cohort {
    pub(super) fn new(runs: Vec<RunId>, stage: Stage) -> Self {
        Self {
            runs,
            stage,
            attempt: 0,
            failures: 0,
            failure: None,
            checkpoint: None,
            state: CohortState::Ready,
            work_done: 0.0,
        }
    }

    /// Whether an attempt is known to have been this worker's: the present one, the last that failed, or the one that
    /// brought the results. Of earlier ones nobody knows.
    #[must_use]
    pub fn was_attempt_of(&self, worker: &str, attempt: u32) -> bool {
        let present = match &self.state {
            CohortState::Leased { worker: holder, .. } => self.attempt == attempt && holder == worker,
            CohortState::Done { worker: by, attempt: brought } => *brought == attempt && by == worker,
            CohortState::Ready | CohortState::Failed { .. } | CohortState::Superseded { .. } => false,
        };
        let failed = self.failure.as_ref();
        present || failed.is_some_and(|failure| failure.attempt == attempt && failure.worker == worker)
    }

    /// Whether a result would still be taken.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, CohortState::Ready | CohortState::Leased { .. })
    }
}

impl std::fmt::Display for FailedAttempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.sentence(), self.message)
    }
}
