//! The ledger from the store's rows, after a start.

use std::sync::Arc;

use foldwise_study::plan::RunId;
use foldwise_study::spec::DeviceKind;

use super::{Cohort, CohortId};
use super::{
    CohortState, EndedAs, LeaseName, Ledger, LedgerConfig, Now, RunEnd, Stage, StudyId, StudyPhase,
    StudyRecord,
};

/// Everything a store holds that the ledger needs.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// In order of their numbers.
    pub studies: Vec<StudyRow>,
}

/// A study as a store holds it.
#[derive(Debug)]
pub struct StudyRow {
    /// Its number.
    pub number: StudyId,
    /// What it is.
    pub record: StudyRecord,
    /// The kind of device it is planned for.
    pub device: Option<DeviceKind>,
    /// How, why and when it ended.
    pub ended: Option<(EndedAs, String, u64)>,
    /// Its cohorts in order.
    pub cohorts: Vec<CohortRow>,
    /// Its runs that ended, in any order.
    pub runs: Vec<RunRow>,
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
    /// Why the last attempt failed.
    pub error: Option<String>,
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

impl Ledger {
    /// The ledger that these rows describe. Open leases start anew: their workers had no one to report to.
    #[must_use]
    pub fn rebuild(config: LedgerConfig, snapshot: Snapshot, now: Now) -> Self {
        let mut ledger = Self::new(config);
        for row in snapshot.studies {
            ledger.rebuild_study(row, now);
        }
        ledger
    }

    fn rebuild_study(&mut self, row: StudyRow, now: Now) {
        let id = row.number;
        self.insert_study(id, Arc::new(row.record));
        let expires_ms = now.monotonic_ms + self.config.lease_ms;
        let Some(study) = self.studies.get_mut(&id) else { return };
        study.device = row.device;
        for run in row.runs {
            if let Some(entry) = study.run_mut(run.run) {
                entry.end = run.end;
            }
        }
        for (cohort, number) in row.cohorts.into_iter().zip(0..) {
            let CohortRow { runs, stage, attempt, failures, error, state } = cohort;
            let mut cohort = Cohort { attempt, failures, error, state, ..Cohort::new(runs, stage) };
            if let CohortState::Leased { expires_ms: expiry, .. } = &mut cohort.state {
                *expiry = expires_ms;
                self.expiries.insert((expires_ms, LeaseName { study: id, cohort: number, attempt }));
            }
            if cohort.state == CohortState::Ready {
                study.ready.push_back(number);
            }
            let ended = !cohort.is_open();
            study.insert_cohort(cohort);
            if ended {
                study.settle_ended(number);
            }
        }
        if let Some((end, message, unix_ms)) = row.ended {
            study.phase = StudyPhase::Ended { end, message, unix_ms };
            study.ready.clear();
            self.expiries.retain(|(_, lease)| lease.study != id);
        }
        let hungry = !study.is_over() && (study.device.is_none() || !study.ready.is_empty());
        if !hungry {
            self.hungry.remove(&id);
        }
    }
}

impl super::Study {
    /// Counts a cohort that ended before the start.
    fn settle_ended(&mut self, number: CohortId) {
        let cohort = &self.cohorts[number as usize];
        let split = cohort.state == CohortState::Failed { split: true };
        if cohort.stage == Stage::Search {
            self.open -= 1;
        }
        self.settle_work(number, !split);
    }
}
