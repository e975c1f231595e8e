//! Work goes out, and leases are renewed.

use foldwise_study::outcome::EpochRecord;
use foldwise_study::plan::{Plan as CohortPlan, RunId};
use foldwise_study::spec::DeviceKind;

use super::{
    Change, Cohort, CohortId, CohortState, LeaseGrant, LeaseName, Ledger, Now, Order, Plan, Rejection, Reply,
    SlotKind, StudyId,
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
        let kind = SlotKind { device, allowed: entry.info.allowed };
        let draining = entry.draining;
        // The answer to an earlier request may have been lost: the slot gets its lease again, renewed.
        if let Some(held) = entry.leases[slot as usize]
            && self.renew(worker, held, now)
        {
            return Ok(Reply::Lease(Box::new(self.grant(held)?)));
        }
        if draining {
            return Ok(Reply::Drained);
        }
        let Some(study) = self.queue.first(kind) else { return Ok(Reply::NoWork(kind)) };
        self.plan_study(study, device, changes)?;
        let Some(lease) = self.lease_next(study, worker, slot, now, changes) else {
            return Ok(Reply::NoWork(kind));
        };
        Ok(Reply::Lease(Box::new(self.grant(lease)?)))
    }

    /// What a slot that has just handed results in would be given if it asked. Where that is nothing, the slot asks by itself
    /// and is told why.
    pub(super) fn next_lease(
        &mut self,
        worker: &str,
        slot: u32,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Option<Box<LeaseGrant>> {
        match self.lease(worker, slot, now, changes) {
            Ok(Reply::Lease(grant)) => Some(grant),
            _ => None,
        }
    }

    /// Plans a study when the first slot asks that may have it: the slot's kind of device decides, unless the spec names
    /// a profile.
    fn plan_study(
        &mut self,
        id: StudyId,
        device: DeviceKind,
        changes: &mut Vec<Change>,
    ) -> Result<(), Rejection> {
        let study = self.study(id)?;
        if study.device.is_some() {
            return Ok(());
        }
        let (profile, record) = (self.profile_of(study, device), &study.record);
        let planned = CohortPlan::new(&record.trials, &record.sizes, &profile, record.spec.plan.width);
        let plan = Plan { profile, cohorts: planned.cohorts };
        let first = self.study_mut(id)?.apply_plan(&plan);
        changes.push(Change::StudyPlanned { study: id, first, plan });
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
        let &(_, number) = study.ready.first()?;
        study.change(number, |cohort| {
            cohort.attempt += 1;
            cohort.state = CohortState::Leased { worker: worker.to_owned(), slot, expires_ms };
        });
        let attempt = study.cohorts[number as usize].attempt;
        self.leases += 1;
        study.last_lease = self.leases;
        let lease = LeaseName { study: id, cohort: number, attempt };
        self.hold(lease, worker, slot, expires_ms);
        self.feed(id);
        let worker = worker.to_owned();
        changes.push(Change::CohortLeased { study: id, cohort: number, attempt, worker, slot });
        Some(lease)
    }

    fn grant(&self, name: LeaseName) -> Result<LeaseGrant, Rejection> {
        let study = self.study(name.study)?;
        let cohort = self.cohort(name)?;
        let record = std::sync::Arc::clone(&study.record);
        let checkpoint = cohort.checkpoint.clone();
        Ok(LeaseGrant { name, record, runs: cohort.runs.clone(), stage: cohort.stage, checkpoint })
    }

    pub(super) fn cohort(&self, name: LeaseName) -> Result<&Cohort, Rejection> {
        let cohort = self.study(name.study)?.cohorts.get(name.cohort as usize);
        cohort.ok_or(Rejection::NoCohort { study: name.study, cohort: name.cohort })
    }

    /// Lists a lease by its end and by its worker.
    pub(super) fn hold(&mut self, lease: LeaseName, worker: &str, slot: u32, expires_ms: u64) {
        self.expiries.insert((expires_ms, lease));
        self.held.entry(worker.to_owned()).or_default().insert(lease);
        let places = self.workers.get_mut(worker).map(|worker| &mut worker.leases);
        if let Some(place) = places.and_then(|places| places.get_mut(slot as usize)) {
            *place = Some(lease);
        }
    }

    /// Takes the lease of a cohort, if there is one, off the lists.
    pub(super) fn let_go(&mut self, study: StudyId, cohort: CohortId) {
        let entry = self.studies.get(&study).and_then(|study| study.cohorts.get(cohort as usize));
        let Some(Cohort { state: CohortState::Leased { worker, expires_ms, .. }, attempt, .. }) = entry
        else {
            return;
        };
        let lease = LeaseName { study, cohort, attempt: *attempt };
        self.expiries.remove(&(*expires_ms, lease));
        if let Some(places) = self.workers.get_mut(worker).map(|worker| &mut worker.leases) {
            for place in places {
                place.take_if(|held| *held == lease);
            }
        }
        if let Some(held) = self.held.get_mut(worker) {
            held.remove(&lease);
            if held.is_empty() {
                self.held.remove(worker);
            }
        }
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
        let draining = self.seen(worker, now)?.draining;
        // A lease may be lost, but while nobody finished the cohort this worker may be the one that does.
        let wanted = self.renew(worker, lease, now) || {
            let study = self.study(lease.study)?;
            !study.is_over() && self.cohort(lease)?.is_open()
        };
        if wanted && let Some(reason) = self.study(lease.study)?.epochs_misfit(lease.cohort, epochs) {
            return Err(Rejection::WrongResults { study: lease.study, cohort: lease.cohort, reason });
        }
        let study = self.study_mut(lease.study)?;
        study.count_epochs(lease, epochs, now.monotonic_ms);
        Ok(Reply::Order(match wanted {
            false => Order::Stop,
            true if draining => Order::Drain,
            true if study.paused => Order::HandBack,
            true => Order::Continue,
        }))
    }

    pub(super) fn add_cohort(
        &mut self,
        id: StudyId,
        cohort: Cohort,
        changes: &mut Vec<Change>,
    ) -> Result<CohortId, Rejection> {
        let study = self.study_mut(id)?;
        let number = study.next_cohort();
        changes.push(Change::CohortAdded {
            study: id,
            cohort: number,
            stage: cohort.stage,
            runs: cohort.runs.clone(),
            failures: cohort.failures,
            attempt: cohort.attempt,
            failure: cohort.failure.clone(),
        });
        study.insert_cohort(cohort);
        self.feed(id);
        Ok(number)
    }
}
