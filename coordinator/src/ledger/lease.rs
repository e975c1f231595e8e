//! Work goes out, leases are renewed and lost.

use foldwise_study::outcome::EpochRecord;
use foldwise_study::plan::{Plan as CohortPlan, RunId};
use foldwise_study::spec::DeviceKind;

use super::{
    Change, Cohort, CohortId, CohortState, Failure, FailureKind, LeaseGrant, LeaseName, Ledger, Now, Order,
    Plan, Rejection, Reply, Stage, StudyId,
};

impl Ledger {
    pub(super) fn lease(
        &mut self,
        worker: &str,
        slot: u32,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        let entry = self.seen(worker, now)?;
        let no_slot = || Rejection::NoSlot { worker: worker.to_owned(), slot };
        let device = entry.info.slots.get(slot as usize).ok_or_else(no_slot)?.device;
        // The answer to an earlier request may have been lost: the slot gets its lease again, renewed.
        if let Some(held) = entry.leases[slot as usize] {
            if self.renew(worker, held, now) {
                return Ok(Reply::Lease(Some(Box::new(self.grant(held)?))));
            }
            self.free_slot(worker, held);
        }
        let Some(study) = self.hungry_study(device) else { return Ok(Reply::Lease(None)) };
        self.plan_study(study, device, changes)?;
        let Some(lease) = self.lease_next(study, worker, slot, now, changes) else {
            return Ok(Reply::Lease(None));
        };
        Ok(Reply::Lease(Some(Box::new(self.grant(lease)?))))
    }

    /// The oldest study with work for this kind of device.
    fn hungry_study(&self, device: DeviceKind) -> Option<StudyId> {
        let fits = |id: &StudyId| {
            let wanted = self.studies.get(id).map(super::Study::device_wanted);
            wanted.is_some_and(|wanted| wanted.is_none_or(|kind| kind == device))
        };
        self.hungry.iter().copied().find(fits)
    }

    /// Plans a study when the first slot asks that may have it: the slot's kind of device decides.
    fn plan_study(
        &mut self,
        id: StudyId,
        device: DeviceKind,
        changes: &mut Vec<Change>,
    ) -> Result<(), Rejection> {
        let profile = self.profile(device);
        let study = self.study_mut(id)?;
        if study.device.is_some() {
            return Ok(());
        }
        let record = &study.record;
        let planned = CohortPlan::new(&record.trials, &record.sizes, &profile, record.spec.plan.width);
        let plan = Plan { device, cohorts: planned.cohorts };
        study.apply_plan(&plan);
        changes.push(Change::StudyPlanned { study: id, plan });
        Ok(())
    }

    fn lease_next(
        &mut self,
        id: StudyId,
        worker: &str,
        slot: u32,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Option<LeaseName> {
        let expires_ms = now.monotonic_ms + self.config.lease_ms;
        let study = self.studies.get_mut(&id)?;
        let number = study.ready.pop_front()?;
        if study.ready.is_empty() {
            self.hungry.remove(&id);
        }
        let cohort = study.cohorts.get_mut(number as usize)?;
        cohort.attempt += 1;
        cohort.state = CohortState::Leased { worker: worker.to_owned(), slot, expires_ms };
        let lease = LeaseName { study: id, cohort: number, attempt: cohort.attempt };
        self.expiries.insert((expires_ms, lease));
        if let Some(place) =
            self.workers.get_mut(worker).and_then(|worker| worker.leases.get_mut(slot as usize))
        {
            *place = Some(lease);
        }
        let attempt = lease.attempt;
        let worker = worker.to_owned();
        changes.push(Change::CohortLeased { study: id, cohort: number, attempt, worker, slot });
        Some(lease)
    }

    fn grant(&self, name: LeaseName) -> Result<LeaseGrant, Rejection> {
        let study = self.study(name.study)?;
        let cohort = self.cohort(name)?;
        let record = std::sync::Arc::clone(&study.record);
        Ok(LeaseGrant { name, record, runs: cohort.runs.clone(), stage: cohort.stage })
    }

    pub(super) fn cohort(&self, name: LeaseName) -> Result<&Cohort, Rejection> {
        let cohort = self.study(name.study)?.cohorts.get(name.cohort as usize);
        cohort.ok_or(Rejection::NoCohort { study: name.study, cohort: name.cohort })
    }

    /// Renews a lease that is still the worker's.
    fn renew(&mut self, worker: &str, name: LeaseName, now: Now) -> bool {
        let renewed_ms = now.monotonic_ms + self.config.lease_ms;
        let cohort = self
            .studies
            .get_mut(&name.study)
            .and_then(|study| study.cohorts.get_mut(name.cohort as usize))
            .filter(|cohort| cohort.attempt == name.attempt);
        let Some(Cohort { state: CohortState::Leased { worker: holder, expires_ms, .. }, .. }) = cohort
        else {
            return false;
        };
        if holder != worker {
            return false;
        }
        self.expiries.remove(&(*expires_ms, name));
        self.expiries.insert((renewed_ms, name));
        *expires_ms = renewed_ms;
        true
    }

    pub(super) fn progress(
        &mut self,
        worker: &str,
        lease: LeaseName,
        epochs: &[(RunId, EpochRecord)],
        now: Now,
    ) -> Result<Reply, Rejection> {
        self.seen(worker, now)?;
        if self.renew(worker, lease, now) {
            self.study_mut(lease.study)?.count_epochs(lease.cohort, epochs, now.monotonic_ms);
            return Ok(Reply::Order(Order::Continue));
        }
        // The lease was lost, but while nobody finished the cohort this worker may be the one that does.
        let study = self.study(lease.study)?;
        let wanted = !study.is_over() && self.cohort(lease)?.is_open();
        Ok(Reply::Order(if wanted { Order::Continue } else { Order::Stop }))
    }

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
            self.expiries.remove(&(expires_ms, lease));
            let Some(worker) = worker else { continue };
            let seconds = self.config.lease_ms / 1000;
            let message = format!("worker {worker} was not heard of for {seconds} s");
            let failure = Failure { kind: FailureKind::Silence, message };
            // The lease is open, or it would not be among the expiries.
            let _ = self.fail_lease(&worker, lease, &failure, now, changes);
        }
        Reply::Done
    }

    pub(super) fn fail(
        &mut self,
        worker: &str,
        lease: LeaseName,
        failure: &Failure,
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
        failure: &Failure,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        self.free_slot(worker, name);
        let cohort = self.cohort(name)?;
        let CohortState::Leased { worker: holder, expires_ms, .. } = &cohort.state else {
            return Ok(Reply::Done);
        };
        if holder != worker || cohort.attempt != name.attempt {
            return Ok(Reply::Done);
        }
        let (expires_ms, failures) = (*expires_ms, cohort.failures);
        let members = cohort.runs.len();
        self.expiries.remove(&(expires_ms, name));
        let limit = self.study(name.study)?.record.spec.limits.attempts;
        match failure.kind {
            FailureKind::Released => self.return_cohort(name, failures, &failure.message, changes)?,
            FailureKind::OutOfMemory if members > 1 => self.split_cohort(name, &failure.message, changes)?,
            _ if failures + 1 < limit => self.return_cohort(name, failures + 1, &failure.message, changes)?,
            _ => {
                let error = failure.message.clone();
                self.close_cohort(name.study, name.cohort, &error, false, changes)?;
                self.finish_if_done(name.study, now, changes)?;
            }
        }
        Ok(Reply::Done)
    }

    fn return_cohort(
        &mut self,
        name: LeaseName,
        failures: u32,
        error: &str,
        changes: &mut Vec<Change>,
    ) -> Result<(), Rejection> {
        let study = self.study_mut(name.study)?;
        study.settle_work(name.cohort, false);
        let cohort = &mut study.cohorts[name.cohort as usize];
        cohort.failures = failures;
        cohort.error = Some(error.to_owned());
        cohort.state = CohortState::Ready;
        // In front: what is begun is ended first, so that the first trials are whole first.
        study.ready.push_front(name.cohort);
        self.hungry.insert(name.study);
        let error = error.to_owned();
        changes.push(Change::CohortReturned { study: name.study, cohort: name.cohort, failures, error });
        Ok(())
    }

    fn split_cohort(
        &mut self,
        name: LeaseName,
        error: &str,
        changes: &mut Vec<Change>,
    ) -> Result<(), Rejection> {
        let cohort = self.cohort(name)?.clone();
        self.close_cohort(name.study, name.cohort, error, true, changes)?;
        let (first, second) = cohort.runs.split_at(cohort.runs.len().div_ceil(2));
        for runs in [first, second] {
            let half = Cohort {
                failures: cohort.failures,
                attempt: cohort.attempt,
                error: Some(format!("split: {error}")),
                ..Cohort::new(runs.to_vec(), cohort.stage)
            };
            self.add_cohort(name.study, half, changes)?;
        }
        Ok(())
    }

    pub(super) fn add_cohort(
        &mut self,
        id: StudyId,
        cohort: Cohort,
        changes: &mut Vec<Change>,
    ) -> Result<CohortId, Rejection> {
        let study = self.study_mut(id)?;
        let number = CohortId::try_from(study.cohorts.len()).expect("cohorts are bounded by runs");
        changes.push(Change::CohortAdded {
            study: id,
            cohort: number,
            stage: cohort.stage,
            runs: cohort.runs.clone(),
            failures: cohort.failures,
            attempt: cohort.attempt,
        });
        study.insert_cohort(cohort);
        study.ready.push_back(number);
        self.hungry.insert(id);
        Ok(number)
    }

    /// Gives a cohort up.
    fn close_cohort(
        &mut self,
        id: StudyId,
        number: CohortId,
        error: &str,
        split: bool,
        changes: &mut Vec<Change>,
    ) -> Result<(), Rejection> {
        let study = self.study_mut(id)?;
        study.settle_work(number, !split);
        let cohort = &mut study.cohorts[number as usize];
        cohort.error = Some(error.to_owned());
        cohort.state = CohortState::Failed { split };
        if cohort.stage == Stage::Search {
            study.open -= 1;
        }
        changes.push(Change::CohortFailed { study: id, cohort: number, error: error.to_owned(), split });
        Ok(())
    }
}
