//! What a person does to a study under way, or after its end: pause, resume, prioritize, retry, delete.

use super::{
    Change, CohortId, CohortState, EndedAs, Ledger, Now, Rejection, Reply, RunEnd, Stage, StudyId,
    StudyPhase, Superseded,
};

impl Ledger {
    pub(super) fn pause_study(
        &mut self,
        id: StudyId,
        paused: bool,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        let study = self.study_mut(id)?;
        if let StudyPhase::Ended { end, .. } = &study.phase {
            let remedy = "only a study under way can be held; `foldwise report` shows what came out";
            return Err(Rejection::Over { study: id, end: end.word(), remedy });
        }
        if study.paused != paused {
            study.paused = paused;
            changes.push(Change::StudyPaused { study: id, paused });
            self.feed(id);
        }
        Ok(Reply::Study(id))
    }

    /// What is out stays out; the next slot that is free sees the new priority.
    pub(super) fn prioritize_study(
        &mut self,
        id: StudyId,
        priority: i32,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        let study = self.study_mut(id)?;
        if let StudyPhase::Ended { end, .. } = &study.phase {
            let remedy = "it waits for no slot; retry or extend it first, and then give it a priority";
            return Err(Rejection::Over { study: id, end: end.word(), remedy });
        }
        if study.priority != priority {
            study.priority = priority;
            changes.push(Change::StudyPrioritized { study: id, priority });
            self.feed(id);
        }
        Ok(Reply::Study(id))
    }

    /// Failed cohorts wait again; a study that was over goes on if it has any, or was cancelled.
    pub(super) fn retry_study(
        &mut self,
        id: StudyId,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        let study = self.study(id)?;
        let failed: Vec<CohortId> = study
            .cohorts
            .iter()
            .zip(0..)
            .filter(|(cohort, _)| cohort.state == CohortState::Failed { split: false })
            .map(|(_, number)| number)
            .collect();
        let cancelled = matches!(study.phase, StudyPhase::Ended { end: EndedAs::Cancelled, .. });
        if failed.is_empty() && !cancelled {
            return Ok(Reply::Study(id));
        }
        self.reopen_study(id, changes)?;
        let study = self.study_mut(id)?;
        for cohort in failed {
            // Cohorts of last trainings may have been among them; others take their places.
            if study.cohorts[cohort as usize].state != (CohortState::Failed { split: false }) {
                continue;
            }
            study.settle_work(cohort, false);
            study.change(cohort, |cohort| {
                cohort.failures = 0;
                cohort.state = CohortState::Ready;
            });
            changes.push(Change::CohortRetried { study: id, cohort });
        }
        self.feed(id);
        self.finish_if_done(id, now, changes)?;
        Ok(Reply::Study(id))
    }

    /// Takes a study back to its search: its last trainings, if it came to them, are to be done again.
    pub(super) fn reopen_study(&mut self, id: StudyId, changes: &mut Vec<Change>) -> Result<(), Rejection> {
        let study = self.study_mut(id)?;
        if study.phase == StudyPhase::Searching {
            return Ok(());
        }
        study.phase = StudyPhase::Searching;
        study.winner = None;
        let mut unneeded = Vec::from_iter(study.weights.take());
        let last = study.final_cohort.take();
        let outer = std::mem::take(&mut study.outer_cohorts).into_values();
        let superseded: Vec<Superseded> =
            last.into_iter().chain(outer).map(|n| study.superseded(n)).collect();
        unneeded.extend(superseded.iter().filter_map(|old| study.snapshots.remove(&old.run)));
        for &Superseded { cohort, tested, .. } in &superseded {
            self.let_go(id, cohort);
            self.set_checkpoint(id, cohort, None, changes)?;
            self.study_mut(id)?.change(cohort, |cohort| cohort.state = CohortState::Superseded { tested });
        }
        changes.push(Change::StudyReopened { study: id, superseded });
        unneeded.iter().for_each(|digest| self.unneed(digest, changes));
        self.feed(id);
        Ok(())
    }

    pub(super) fn delete_study(
        &mut self,
        id: StudyId,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        if !self.study(id)?.is_over() {
            return Err(Rejection::NotOver(id));
        }
        let Some(study) = self.studies.remove(&id) else { return Err(Rejection::NoStudy(id.to_string())) };
        self.requests.remove(&study.record.request_id);
        self.feed(id);
        changes.push(Change::StudyDeleted { study: id });
        let checkpoints = study.cohorts.into_iter().filter_map(|cohort| cohort.checkpoint);
        let results = study.weights.into_iter().chain(study.snapshots.into_values());
        let parcel = study.record.spec.data.parcel.clone();
        for digest in checkpoints.map(|checkpoint| checkpoint.digest).chain(results).chain(parcel) {
            self.unneed(&digest, changes);
        }
        Ok(Reply::Done)
    }
}

impl super::Study {
    /// A cohort that another is to take the place of. Outer folds leave the test set alone.
    fn superseded(&self, number: CohortId) -> Superseded {
        let cohort = &self.cohorts[number as usize];
        let tested = matches!((cohort.stage, &cohort.state), (Stage::Final { .. }, CohortState::Done { .. }));
        Superseded { cohort: number, run: cohort.runs[0], tested }
    }

    /// How often the test set was measured: once for each final stage that came to its end.
    #[must_use]
    pub fn tests(&self) -> usize {
        let tested = |state: &CohortState| match state {
            CohortState::Superseded { tested } => *tested,
            _ => false,
        };
        let before = self.cohorts.iter().filter(|cohort| tested(&cohort.state)).count();
        let last = self.final_cohort.map(|number| &self.cohorts[number as usize].state);
        before + usize::from(matches!(last, Some(CohortState::Done { .. })))
    }

    /// Whether a cohort is not tried again, unless a person asks for it.
    #[must_use]
    pub fn has_failed_cohort(&self) -> bool {
        self.cohorts.iter().any(|cohort| cohort.state == CohortState::Failed { split: false })
    }

    /// Whether a run of the search has its result.
    #[must_use]
    pub fn has_result(&self, run: foldwise_study::plan::RunId) -> bool {
        self.run(run).is_some_and(|run| run.end != RunEnd::Open)
    }
}
