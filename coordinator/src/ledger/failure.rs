//! Leases end without results: lost, failed or handed back.

use super::{
    Change, Cohort, CohortId, CohortState, FailedAttempt, Failure, FailureKind, LeaseName, Ledger, Now,
    Rejection, Reply, StudyId,
};

/// Silence after which a worker without a lease is forgotten, and time between two looks for such, ms.
const FORGOTTEN_MS: u64 = 60 * 60 * 1000;
const FORGET_PAUSE_MS: u64 = 60 * 1000;

impl Ledger {
    /// Takes back every lease whose worker fell silent.
    pub(super) fn expire(&mut self, now: Now, changes: &mut Vec<Change>) -> Reply {
        while let Some(&(expires_ms, lease)) = self.expiries.first() {
            if expires_ms > now.monotonic_ms {
                break;
            }
            let worker = self.cohort(lease).ok().and_then(|cohort| match &cohort.state {
                CohortState::Leased { worker, .. } => Some(worker.clone()),
                _ => None,
            });
            // A lease that is listed is open; the list is emptied whatever happens, so that this loop ends.
            self.expiries.remove(&(expires_ms, lease));
            let Some(worker) = worker else { continue };
            let seconds = self.config.lease_ms / 1000;
            let message = format!("worker {worker} was not heard of for {seconds} s");
            let failure = Failure { kind: FailureKind::Silence, message };
            let _ = self.fail_lease(&worker, lease, failure, now, changes);
        }
        self.forget_workers(now);
        Reply::Done
    }

    /// Forgets workers that are long gone: a machine that was switched off never says goodbye. One that comes back registers
    /// again.
    fn forget_workers(&mut self, now: Now) {
        if now.monotonic_ms.saturating_sub(self.forgot_ms) < FORGET_PAUSE_MS {
            return;
        }
        self.forgot_ms = now.monotonic_ms;
        let held = &self.held;
        self.workers.retain(|id, worker| {
            let silent_ms = now.monotonic_ms.saturating_sub(worker.last_seen.monotonic_ms);
            silent_ms < FORGOTTEN_MS || held.get(id).is_some_and(|leases| !leases.is_empty())
        });
    }

    pub(super) fn fail(
        &mut self,
        worker: &str,
        lease: LeaseName,
        failure: Failure,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        // A worker may hand back as it leaves; whether it is known does not matter.
        let _ = self.seen(worker, now);
        self.fail_lease(worker, lease, failure, now, changes)
    }

    fn fail_lease(
        &mut self,
        worker: &str,
        name: LeaseName,
        failure: Failure,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        let cohort = self.cohort(name)?;
        let CohortState::Leased { worker: holder, .. } = &cohort.state else {
            return Ok(Reply::Done);
        };
        if holder != worker || cohort.attempt != name.attempt {
            return Ok(Reply::Done);
        }
        let (failures, members) = (cohort.failures, cohort.runs.len());
        let limit = self.study(name.study)?.record.spec.limits.attempts;
        let kind = failure.kind;
        let failed = FailedAttempt {
            attempt: name.attempt,
            worker: worker.to_owned(),
            kind,
            message: failure.message,
            unix_ms: now.unix_ms,
        };
        self.let_go(name.study, name.cohort);
        match kind {
            FailureKind::Released => self.return_cohort(name, failures, failed, changes)?,
            FailureKind::OutOfMemory if members > 1 => self.split_cohort(name, &failed, changes)?,
            _ if failures + 1 < limit => self.return_cohort(name, failures + 1, failed, changes)?,
            _ => {
                self.close_cohort(name.study, name.cohort, failed, false, changes)?;
                self.finish_if_done(name.study, now, changes)?;
            }
        }
        self.feed(name.study);
        Ok(Reply::Done)
    }

    fn return_cohort(
        &mut self,
        name: LeaseName,
        failures: u32,
        failure: FailedAttempt,
        changes: &mut Vec<Change>,
    ) -> Result<(), Rejection> {
        let study = self.study_mut(name.study)?;
        study.settle_work(name.cohort, false);
        study.change(name.cohort, |cohort| {
            cohort.failures = failures;
            cohort.failure = Some(failure.clone());
            cohort.state = CohortState::Ready;
        });
        changes.push(Change::CohortReturned { study: name.study, cohort: name.cohort, failures, failure });
        Ok(())
    }

    fn split_cohort(
        &mut self,
        name: LeaseName,
        failure: &FailedAttempt,
        changes: &mut Vec<Change>,
    ) -> Result<(), Rejection> {
        let cohort = self.cohort(name)?.clone();
        self.close_cohort(name.study, name.cohort, failure.clone(), true, changes)?;
        let (first, second) = cohort.runs.split_at(cohort.runs.len().div_ceil(2));
        for runs in [first, second] {
            let half = Cohort {
                failures: cohort.failures,
                attempt: cohort.attempt,
                failure: Some(failure.clone()),
                ..Cohort::new(runs.to_vec(), cohort.stage)
            };
            self.add_cohort(name.study, half, changes)?;
        }
        Ok(())
    }

    /// Gives a cohort up.
    fn close_cohort(
        &mut self,
        study: StudyId,
        cohort: CohortId,
        failure: FailedAttempt,
        split: bool,
        changes: &mut Vec<Change>,
    ) -> Result<(), Rejection> {
        let entry = self.study_mut(study)?;
        entry.settle_work(cohort, !split);
        entry.change(cohort, |cohort| {
            cohort.failure = Some(failure.clone());
            cohort.state = CohortState::Failed { split };
        });
        changes.push(Change::CohortFailed { study, cohort, failure, split });
        // What failed to the last may be tried again from its beginning, not from where it came to.
        self.set_checkpoint(study, cohort, None, changes)
    }
}
