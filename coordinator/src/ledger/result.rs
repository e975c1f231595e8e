//! Results come in: each run's is committed once.

use foldwise_study::outcome::RunEnd as Ended;

use super::{
    Change, CohortState, LeaseName, Ledger, MemberResult, Now, Rejection, Reply, RunEnd, Stage, Study,
};

impl Ledger {
    pub(super) fn complete(
        &mut self,
        worker: &str,
        name: LeaseName,
        results: Vec<MemberResult>,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        // A worker that the coordinator forgot in a restart may still bring what it was given before.
        let _ = self.seen(worker, now);
        self.free_slot(worker, name);
        let cohort = self.cohort(name)?;
        let stage = cohort.stage;
        let mut waits = false;
        match &cohort.state {
            // The same result again: its answer was lost.
            CohortState::Done { worker: by, attempt } => {
                return Ok(Reply::Completed(by == worker && *attempt == name.attempt));
            }
            CohortState::Failed { .. } => return Ok(Reply::Completed(false)),
            _ if self.study(name.study)?.is_over() => return Ok(Reply::Completed(false)),
            CohortState::Ready => waits = true,
            CohortState::Leased { worker: holder, expires_ms, .. } => {
                let (holder, expires_ms) = (holder.clone(), *expires_ms);
                let open = LeaseName { attempt: cohort.attempt, ..name };
                self.check_results(name, &results)?;
                self.expiries.remove(&(expires_ms, open));
                self.free_slot(&holder, open);
            }
        }
        self.check_results(name, &results)?;
        if waits {
            self.take_back(name)?;
        }
        let study = self.study_mut(name.study)?;
        study.settle_work(name.cohort, true);
        study.apply_results(&results);
        let cohort = &mut study.cohorts[name.cohort as usize];
        cohort.state = CohortState::Done { worker: worker.to_owned(), attempt: name.attempt };
        if stage == Stage::Search {
            study.open -= 1;
        }
        changes.push(Change::CohortDone {
            study: name.study,
            cohort: name.cohort,
            attempt: name.attempt,
            worker: worker.to_owned(),
            stage,
            results,
        });
        self.finish_if_done(name.study, now, changes)?;
        Ok(Reply::Completed(true))
    }

    /// Takes a cohort that waits out of the queue: a late result made another attempt needless.
    fn take_back(&mut self, name: LeaseName) -> Result<(), Rejection> {
        let study = self.study_mut(name.study)?;
        study.ready.retain(|&ready| ready != name.cohort);
        if study.ready.is_empty() {
            self.hungry.remove(&name.study);
        }
        Ok(())
    }

    fn check_results(&self, name: LeaseName, results: &[MemberResult]) -> Result<(), Rejection> {
        let cohort = self.cohort(name)?;
        let wrong =
            |reason: String| Err(Rejection::WrongResults { study: name.study, cohort: name.cohort, reason });
        if name.attempt == 0 || name.attempt > cohort.attempt {
            return wrong(format!("there was no attempt {}", name.attempt));
        }
        if !cohort.runs.iter().copied().eq(results.iter().map(|result| result.run)) {
            return wrong(format!("expected one result for each of {} runs, in order", cohort.runs.len()));
        }
        Ok(())
    }
}

impl Study {
    /// Keeps what selection needs of results.
    pub(super) fn apply_results(&mut self, results: &[MemberResult]) {
        let rule = self.record.rule;
        for result in results {
            let end = match result.outcome.end {
                Ended::Diverged(epoch) => RunEnd::Diverged { epoch },
                Ended::Finished => match result.outcome.score(&rule) {
                    Some((epoch, score)) => RunEnd::Finished { score, epoch },
                    None => RunEnd::Diverged { epoch: 1 },
                },
            };
            if let Some(run) = self.run_mut(result.run) {
                run.end = end;
            }
        }
    }
}
