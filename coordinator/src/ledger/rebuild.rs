//! The ledger from the store's rows, after a start.

use std::sync::Arc;

use foldwise_study::plan::RunId;
use foldwise_study::spec::DeviceKind;

use crate::access::TokenRecord;

use super::{
    Checkpoint, Cohort, CohortId, CohortState, EndedAs, FailedAttempt, LeaseName, Ledger, LedgerConfig, Now,
    RunEnd, Stage, StudyId, StudyPhase, StudyRecord,
};

/// Everything a store holds that the ledger needs.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// In order of their numbers.
    pub studies: Vec<StudyRow>,
    /// The highest number that a study ever had; a deleted study's number is not given again.
    pub last_study: StudyId,
    /// In any order.
    pub tokens: Vec<TokenRecord>,
}

/// A study as a store holds it.
#[derive(Debug)]
pub struct StudyRow {
    /// Its number.
    pub number: StudyId,
    /// What it is.
    pub record: StudyRecord,
    /// Whether a person holds it.
    pub paused: bool,
    /// Its priority.
    pub priority: i32,
    /// The kind of device it is planned for.
    pub device: Option<DeviceKind>,
    /// How, why and when it ended.
    pub ended: Option<(EndedAs, String, u64)>,
    /// Its cohorts in order.
    pub cohorts: Vec<CohortRow>,
    /// Its runs that ended, in any order.
    pub runs: Vec<RunRow>,
    /// Digest of the winner's kept weights.
    pub weights: Option<String>,
    /// Kept files of copies of weights, in any order.
    pub snapshots: Vec<SnapshotsRow>,
}

/// A cohort as a store holds it.
#[derive(Debug)]
pub struct CohortRow {
    /// The runs, in member order.
    pub runs: Vec<RunId>,
    /// The search, or the final stage.
    pub stage: Stage,
    /// The last attempt's number.
    pub attempt: u32,
    /// Attempts that count against the limit.
    pub failures: u32,
    /// The last attempt that failed.
    pub failure: Option<FailedAttempt>,
    /// Where an attempt came to.
    pub checkpoint: Option<Checkpoint>,
    /// Where it stands; the expiry of a lease is not stored.
    pub state: CohortState,
}

/// A run of the search that ended.
#[derive(Debug)]
pub struct RunRow {
    /// The run.
    pub run: RunId,
    /// How.
    pub end: RunEnd,
}

/// A kept file of copies of a run's weights.
#[derive(Debug)]
pub struct SnapshotsRow {
    /// The run; the final stage's fold is the one after the last.
    pub run: RunId,
    /// BLAKE3 of the file, in hexadecimal.
    pub digest: String,
}

impl Ledger {
    /// The ledger that these rows describe. Open leases start anew: their workers had no one to report to.
    #[must_use]
    pub fn rebuild(config: LedgerConfig, snapshot: Snapshot, now: Now) -> Self {
        let mut ledger = Self::new(config);
        let last_study = snapshot.last_study;
        for row in snapshot.studies {
            ledger.rebuild_study(row, now);
        }
        ledger.tokens = snapshot.tokens.into_iter().map(|token| (token.id.clone(), token)).collect();
        ledger.next_study = ledger.next_study.max(last_study + 1);
        ledger
    }

    fn rebuild_study(&mut self, row: StudyRow, now: Now) {
        let id = row.number;
        self.insert_study(id, Arc::new(row.record));
        let expires_ms = now.monotonic_ms + self.config.lease_ms;
        let Some(study) = self.studies.get_mut(&id) else { return };
        study.device = row.device;
        study.paused = row.paused;
        study.priority = row.priority;
        study.weights.clone_from(&row.weights);
        study.snapshots = row.snapshots.into_iter().map(|row| (row.run, row.digest)).collect();
        for run in row.runs {
            if let Some(entry) = study.run_mut(run.run) {
                entry.end = run.end;
            }
        }
        let mut leases = Vec::new();
        let mut needed: Vec<String> =
            row.weights.into_iter().chain(study.snapshots.values().cloned()).collect();
        for (cohort, number) in row.cohorts.into_iter().zip(0..) {
            let CohortRow { runs, stage, attempt, failures, failure, checkpoint, mut state } = cohort;
            if let CohortState::Leased { worker, slot, expires_ms: expiry } = &mut state {
                *expiry = expires_ms;
                let lease = LeaseName { study: id, cohort: number, attempt };
                leases.push((lease, worker.clone(), *slot));
            }
            needed.extend(checkpoint.as_ref().map(|checkpoint| checkpoint.digest.clone()));
            let cohort = Cohort { attempt, failures, failure, checkpoint, state, ..Cohort::new(runs, stage) };
            let ended = !cohort.is_open();
            study.insert_cohort(cohort);
            if ended {
                study.settle_ended(number);
            }
        }
        if let Some((end, message, unix_ms)) = row.ended {
            study.phase = StudyPhase::Ended { end, message, unix_ms };
        }
        study.find_best();
        if study.device.is_some() && study.open == 0 {
            study.winner = study.choice();
        }
        needed.iter().for_each(|digest| self.need(digest));
        for (lease, worker, slot) in leases {
            self.hold(lease, &worker, slot, expires_ms);
        }
        self.feed(id);
    }
}

impl super::Study {
    /// Counts the work of a cohort that ended before the start.
    fn settle_ended(&mut self, number: CohortId) {
        let split = self.cohorts[number as usize].state == CohortState::Failed { split: true };
        self.settle_work(number, !split);
    }
}
