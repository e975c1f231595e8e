//! What a ledger was told and what it acknowledged, and what must be true of it ever after.

use std::collections::{BTreeMap, BTreeSet};

use foldwise_coordinator::ledger::{Change, Ledger, RunEnd, Stage, StudyId};
use foldwise_study::plan::RunId;

/// The acknowledged past.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Studies that were acknowledged and not deleted since.
    studies: BTreeSet<StudyId>,
    /// The highest number that a study ever had.
    last_study: StudyId,
    /// The result of each run of the search that was acknowledged.
    results: BTreeMap<(StudyId, RunId), RunEnd>,
    /// The last attempt at each run.
    attempts: BTreeMap<(StudyId, RunId), u32>,
}

/// Rows that one command may change besides those that a study's plan or deletion needs: members of a cohort, the
/// cohort, its halves, checkpoint, study and final stage.
const CHANGES_PER_COMMAND_MAX: usize = 8;

impl History {
    /// Takes in what one command changed, when it was acknowledged.
    pub(crate) fn acknowledge(&mut self, ledger: &Ledger, changes: &[Change]) {
        self.work_is_bounded(ledger, changes);
        for change in changes {
            match change {
                Change::StudyCreated { study, .. } => {
                    assert!(*study > self.last_study, "numbers_are_given_once: study {study} came before");
                    self.last_study = *study;
                    self.studies.insert(*study);
                }
                Change::StudyDeleted { study } => {
                    self.studies.remove(study);
                    self.results.retain(|(of, _), _| of != study);
                    self.attempts.retain(|(of, _), _| of != study);
                }
                Change::CohortLeased { study, cohort, attempt, .. } => {
                    let cohort = &ledger.studies()[study].cohorts[*cohort as usize];
                    // The final stage of a reopened study begins anew, with its own count.
                    if cohort.stage == Stage::Search {
                        self.attempts_only_grow(*study, &cohort.runs, *attempt);
                    }
                }
                Change::CohortDone { study, stage: Stage::Search, results, .. } => {
                    for result in results {
                        let end = ledger.studies()[study].run(result.run).expect("a run").end;
                        let before = self.results.insert((*study, result.run), end);
                        assert!(
                            before.is_none(),
                            "one_result_per_run: {:?} of study {study} again",
                            result.run
                        );
                    }
                }
                _ => {}
            }
        }
    }

    /// Nothing that was acknowledged is missing, and nothing is there that was not.
    pub(crate) fn check(&self, ledger: &Ledger) {
        let studies: BTreeSet<StudyId> = ledger.studies().keys().copied().collect();
        assert_eq!(studies, self.studies, "nothing_acknowledged_is_missing: studies");
        for ((study, run), end) in &self.results {
            let kept = ledger.studies()[study].run(*run).expect("a run").end;
            assert_eq!(kept, *end, "nothing_acknowledged_is_missing: {run:?} of study {study}");
        }
        let kept = ledger.studies().values().flat_map(|study| &study.runs);
        let kept = kept.filter(|run| run.end != RunEnd::Open).count();
        assert_eq!(kept, self.results.len(), "one_result_per_run: results that nobody brought");
    }

    fn attempts_only_grow(&mut self, study: StudyId, runs: &[RunId], attempt: u32) {
        for &run in runs {
            let last = self.attempts.insert((study, run), attempt);
            assert!(
                last.is_none_or(|last| last < attempt),
                "attempts_only_grow: {run:?} of study {study} was at {last:?}, now {attempt}"
            );
        }
    }

    /// A command's work does not grow with the study, but for those that plan, end or delete it.
    fn work_is_bounded(&self, ledger: &Ledger, changes: &[Change]) {
        let large = changes.iter().any(|change| {
            matches!(
                change,
                Change::StudyPlanned { .. }
                    | Change::StudyDeleted { .. }
                    | Change::StudyEnded { .. }
                    | Change::StudyReopened { .. }
                    | Change::CohortRetried { .. }
            )
        });
        let leases: usize = ledger.workers().values().map(|worker| worker.leases.len()).sum();
        assert!(
            large || changes.len() <= CHANGES_PER_COMMAND_MAX + 3 * leases,
            "work_is_bounded: {} changes: {changes:?}",
            changes.len()
        );
    }
}
