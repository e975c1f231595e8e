//! Results come in: each run's is committed once.

use foldwise_study::outcome::RunEnd as Ended;

use super::{Change, CohortState, LeaseName, Ledger, MemberResult, Now, Rejection, RunEnd, Stage, Study};

impl Ledger {
    /// Takes results in; whether they were kept.
    pub(super) fn complete(
        &mut self,
        worker: &str,
        name: LeaseName,
        results: Vec<MemberResult>,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<bool, Rejection> {
        // A worker that the coordinator forgot in a restart may still bring what it was given before.
        let _ = self.seen(worker, now);
        let cohort = self.cohort(name)?;
        let stage = cohort.stage;
        match &cohort.state {
            // The same result again: its answer was lost.
            CohortState::Done { worker: by, attempt } => {
                return Ok(by == worker && *attempt == name.attempt);
            }
            CohortState::Failed { .. } | CohortState::Superseded { .. } => {
                return Ok(false);
            }
            _ if self.study(name.study)?.is_over() => return Ok(false),
            CohortState::Ready | CohortState::Leased { .. } => {}
        }
        self.check_results(name, &results)?;
        self.let_go(name.study, name.cohort);
        let study = self.study_mut(name.study)?;
        study.settle_work(name.cohort, true);
        study.progress.last_ms = study.progress.last_ms.max(now.monotonic_ms);
        study.apply_results(&results);
        study.change(name.cohort, |cohort| {
            cohort.state = CohortState::Done { worker: worker.to_owned(), attempt: name.attempt };
        });
        let mut needed = Vec::new();
        let weights = results.iter().find_map(|result| result.weights_digest.clone());
        if let (Stage::Final { .. }, Some(digest)) = (stage, weights) {
            study.weights = Some(digest.clone());
            needed.push(digest);
        }
        for result in &results {
            if let Some(digest) = result.measurements.as_ref().and_then(|kept| kept.snapshots.as_ref()) {
                study.snapshots.insert(result.run, digest.clone());
                needed.push(digest.clone());
            }
        }
        needed.iter().for_each(|digest| self.need(digest));
        changes.push(Change::CohortDone {
            study: name.study,
            cohort: name.cohort,
            attempt: name.attempt,
            worker: worker.to_owned(),
            stage,
            results,
        });
        self.set_checkpoint(name.study, name.cohort, None, changes)?;
        self.feed(name.study);
        self.finish_if_done(name.study, now, changes)?;
        Ok(true)
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
        // Of an outer fold its score alone counts; what it measured would belong to no run.
        if matches!(cohort.stage, Stage::Outer { .. })
            && results.iter().any(|result| result.measurements.is_some())
        {
            return wrong("nothing is measured within an outer fold".to_owned());
        }
        Ok(())
    }
}

impl Study {
    /// Keeps what selection needs of results.
    fn apply_results(&mut self, results: &[MemberResult]) {
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
                self.consider(result.run.trial);
            }
        }
    }
}
