//! Looks at the ledger all the time: its invariants, and that nothing is forgotten when the coordinator dies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldwise_coordinator::committer::Desk;
use foldwise_coordinator::ledger::{Ledger, Now, RunEnd};

/// Simulated time between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// What was seen, across the coordinator's deaths.
#[derive(Debug, Clone, Default)]
pub(crate) struct Witness(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    checks: u64,
    /// Results of (study, trial, fold) of the search.
    results: BTreeMap<(u64, u32, u32), RunEnd>,
    /// The last attempt at each (study, cohort).
    attempts: BTreeMap<(u64, usize), u32>,
    violation: Option<String>,
}

impl Witness {
    /// Looks until the coordinator dies.
    pub(crate) async fn watch(self, desk: Desk, state: PathBuf) {
        loop {
            tokio::time::sleep(PAUSE).await;
            let (witness, state) = (self.clone(), state.clone());
            if desk.read(move |ledger, now| witness.look(ledger, now, &state)).await.is_err() {
                return;
            }
        }
    }

    /// Checks so far.
    pub(crate) fn checks(&self) -> u64 {
        self.seen().checks
    }

    /// What should not have been seen.
    pub(crate) fn violation(&self) -> Option<String> {
        self.seen().violation.clone()
    }

    fn look(&self, ledger: &Ledger, now: Now, state: &Path) {
        let mut seen = self.seen();
        seen.checks += 1;
        let violation = ledger.check(now).err().map(|violation| violation.to_string());
        let violation = violation.or_else(|| seen.forgotten(ledger));
        let violation = violation.or_else(|| {
            // Read from the disk beside the ledger's task, so that every removal is whole.
            let gone = ledger.artifacts().find(|digest| !state.join("artifacts").join(digest).is_file());
            gone.map(|digest| format!("file {digest} is needed and not there"))
        });
        seen.violation = seen.violation.take().or(violation);
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// What was there once and is not any more. What was seen may not have been acknowledged yet, but it was decided, and
    /// the store lost no write.
    fn forgotten(&mut self, ledger: &Ledger) -> Option<String> {
        for (&id, study) in ledger.studies() {
            for (index, run) in study.runs.iter().enumerate() {
                let folds = study.record.sizes.len();
                let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
                let key = (id, narrow(index / folds), narrow(index % folds));
                let before = self.results.get(&key).copied();
                if before.is_some_and(|before| before != run.end) {
                    return Some(format!("the result of run {key:?} was {before:?} and is {:?}", run.end));
                }
                if run.end != RunEnd::Open {
                    self.results.insert(key, run.end);
                }
            }
            for (number, cohort) in study.cohorts.iter().enumerate() {
                let last = self.attempts.insert((id, number), cohort.attempt);
                if last.is_some_and(|last| last > cohort.attempt) {
                    return Some(format!(
                        "cohort {number} went back from attempt {last:?} to {}",
                        cohort.attempt
                    ));
                }
            }
        }
        None
    }
}
