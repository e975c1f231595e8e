//! What is true of a ledger between any two commands, whatever came before.
//!
//! Checked after every step by the model tests and the simulation. What is true of a ledger's history (attempts only
//! grow, nothing acknowledged is missing after a rebuild, every study ends) is checked where the history is: in them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::queue::Queue;
use super::{
    CohortState, LeaseName, Ledger, Now, RunCounts, RunEnd, Stage, Study, StudyId, StudyPhase, run_index,
};

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {what}")]
pub struct Violation {
    /// The invariant's name.
    pub invariant: &'static str,
    /// What was found.
    pub what: String,
}

type Check = Result<(), Violation>;

fn hold(invariant: &'static str, holds: bool, what: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Violation { invariant, what: what() }) }
}

impl Ledger {
    /// Checks every invariant; takes time in proportion to everything, so not for production.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self, now: Now) -> Check {
        self.leases_are_listed_and_end(now)?;
        self.slots_hold_their_own_leases()?;
        self.studies_stand_where_they_belong()?;
        self.needed_files_are_counted()?;
        self.studies.iter().try_for_each(|(&id, study)| study.check(id))
    }

    /// No lease outlives its worker's silence: each has one end, no later than a lease's time from now, and is listed
    /// once by its end and once by its worker.
    fn leases_are_listed_and_end(&self, now: Now) -> Check {
        const NAME: &str = "leases_are_listed_and_end";
        let mut ends = BTreeSet::new();
        let mut held: BTreeMap<String, BTreeSet<LeaseName>> = BTreeMap::new();
        for (&id, study) in &self.studies {
            for (cohort, number) in study.cohorts.iter().zip(0..) {
                if let CohortState::Leased { worker, expires_ms, .. } = &cohort.state {
                    let lease = LeaseName { study: id, cohort: number, attempt: cohort.attempt };
                    ends.insert((*expires_ms, lease));
                    held.entry(worker.clone()).or_default().insert(lease);
                }
            }
        }
        hold(NAME, ends == self.expiries, || format!("{ends:?} are leased, {:?} listed", self.expiries))?;
        hold(NAME, held == self.held, || format!("{held:?} are leased, {:?} listed", self.held))?;
        let last = ends.last().map_or(0, |(expires_ms, _)| *expires_ms);
        hold(NAME, last <= now.monotonic_ms + self.config.lease_ms, || format!("a lease ends at {last} ms"))
    }

    /// A slot that holds a lease holds one that is open, is its own, and is in no other slot.
    fn slots_hold_their_own_leases(&self) -> Check {
        const NAME: &str = "slots_hold_their_own_leases";
        for (id, worker) in &self.workers {
            for (lease, slot) in worker.leases.iter().zip(0_u32..) {
                let Some(lease) = lease else { continue };
                let cohort = self.cohort(*lease);
                let own = cohort.is_ok_and(|cohort| {
                    let held = matches!(&cohort.state, CohortState::Leased { worker, slot: at, .. }
                        if worker == id && *at == slot);
                    held && cohort.attempt == lease.attempt
                });
                hold(NAME, own, || format!("slot {slot} of {id} holds {lease:?}"))?;
            }
        }
        Ok(())
    }

    /// A study is offered to slots exactly while it has something for them, and stands in the queue where its priority and
    /// what it holds now put it.
    fn studies_stand_where_they_belong(&self) -> Check {
        let mut queue = Queue::default();
        self.studies.iter().for_each(|(&id, study)| queue.put(id, Some(study)));
        hold("studies_stand_where_they_belong", queue == self.queue, || {
            format!("{queue:?} is right, {:?} is kept", self.queue)
        })
    }

    /// Each kept file is counted once for each checkpoint, each study's parcel and weights and each run's copies of its weights.
    fn needed_files_are_counted(&self) -> Check {
        let mut needed: HashMap<String, usize> = HashMap::new();
        for study in self.studies.values() {
            let checkpoints = study.cohorts.iter().filter_map(|cohort| cohort.checkpoint.as_ref());
            let results = study.weights.iter().chain(study.snapshots.values());
            let parcel = &study.record.spec.data.parcel;
            for digest in checkpoints.map(|checkpoint| &checkpoint.digest).chain(results).chain(parcel) {
                *needed.entry(digest.clone()).or_default() += 1;
            }
        }
        hold("needed_files_are_counted", needed == self.artifacts, || {
            format!("{needed:?} are needed, {:?} counted", self.artifacts)
        })
    }
}

impl Study {
    fn check(&self, id: StudyId) -> Check {
        self.every_run_is_in_one_cohort(id)?;
        self.one_result_per_run(id)?;
        self.files_are_of_results(id)?;
        self.states_are_counted(id)?;
        self.phases_fit(id)
    }

    /// Once planned, every run is in exactly one cohort of the search that was not split.
    fn every_run_is_in_one_cohort(&self, id: StudyId) -> Check {
        const NAME: &str = "every_run_is_in_one_cohort";
        let mut places = vec![0_u32; self.runs.len()];
        for (cohort, number) in self.cohorts.iter().zip(0..) {
            if cohort.stage != Stage::Search || cohort.state == (CohortState::Failed { split: true }) {
                continue;
            }
            for &run in &cohort.runs {
                let index = run_index(run, self.record.folds());
                hold(NAME, self.runs.get(index).is_some_and(|run| run.cohort == number), || {
                    format!("{run:?} of study {id} is in cohort {number} and believes otherwise")
                })?;
                places[index] += 1;
            }
        }
        let wanted = u32::from(self.device.is_some());
        let odd = places.iter().position(|&count| count != wanted);
        hold(NAME, odd.is_none(), || format!("run {odd:?} of study {id} is in {places:?}"))
    }

    /// A run has a result exactly if its cohort is done.
    fn one_result_per_run(&self, id: StudyId) -> Check {
        for (index, run) in self.runs.iter().enumerate() {
            let cohort = self.cohorts.get(run.cohort as usize).filter(|_| self.device.is_some());
            let done = cohort.is_some_and(|cohort| matches!(cohort.state, CohortState::Done { .. }));
            hold("one_result_per_run", done == (run.end != RunEnd::Open), || {
                format!("run {index} of study {id} is {run:?} in {cohort:?}")
            })?;
        }
        Ok(())
    }

    /// Copies of weights are kept of runs that have a result.
    fn files_are_of_results(&self, id: StudyId) -> Check {
        let last = self.final_cohort.and_then(|number| self.cohorts.get(number as usize));
        let last = last.filter(|cohort| matches!(cohort.state, CohortState::Done { .. }));
        let is_last = |run| last.is_some_and(|cohort| cohort.runs.contains(run));
        let odd = self.snapshots.keys().find(|run| !self.has_result(**run) && !is_last(run));
        hold("files_are_of_results", odd.is_none(), || format!("{odd:?} of study {id} has no result"))
    }

    /// What is counted and listed by state is what there is.
    fn states_are_counted(&self, id: StudyId) -> Check {
        const NAME: &str = "states_are_counted";
        let (mut counts, mut open) = (RunCounts::default(), 0);
        let (mut ready, mut leased) = (BTreeSet::new(), BTreeSet::new());
        for (cohort, number) in self.cohorts.iter().zip(0..) {
            let (share, share_open) = self.share(number);
            counts = counts.zip(share, usize::saturating_add);
            open += share_open;
            match cohort.state {
                CohortState::Ready => drop(ready.insert((cohort.begun(), number))),
                CohortState::Leased { .. } => drop(leased.insert(number)),
                _ => {}
            }
        }
        hold(NAME, counts == self.counts, || format!("{counts:?}, counted {:?} in study {id}", self.counts))?;
        hold(NAME, open == self.open, || format!("{open} open, counted {} in study {id}", self.open))?;
        hold(NAME, ready == self.ready, || format!("{ready:?} wait, listed {:?} in study {id}", self.ready))?;
        hold(NAME, leased == self.leased, || {
            format!("{leased:?} leased, listed {:?} in study {id}", self.leased)
        })
    }

    /// A study that searches has open cohorts or no plan; one that finishes has none but those of its last trainings; of one
    /// that is over nothing is leased, and nobody holds it.
    fn phases_fit(&self, id: StudyId) -> Check {
        let fits = match &self.phase {
            StudyPhase::Searching => {
                self.last_cohorts().next().is_none() && (self.open > 0 || self.device.is_none())
            }
            StudyPhase::Finishing { .. } => self.open == 0 && self.last_cohorts().any(super::Cohort::is_open),
            StudyPhase::Ended { .. } => self.leased.is_empty() && !self.paused,
        };
        hold("phases_fit", fits, || format!("study {id} is {:?} with {} open cohorts", self.phase, self.open))
    }
}
