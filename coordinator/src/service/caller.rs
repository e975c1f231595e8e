//! Which worker a call comes from, and whether a lease was ever its own.

use axum::http::Extensions;
use tonic::Status;

use super::worker::Workers;
use super::{convert, status};
use crate::access::{Asker, Principal};
use crate::ledger::LeaseName;

/// Who makes a worker's call.
#[derive(Debug, Clone)]
pub(super) struct Caller(Option<Principal>);

impl Caller {
    pub(super) fn of(extensions: &Extensions) -> Self {
        Self(Asker::of(extensions).principal)
    }

    /// The worker with a name among those of this caller. A principal's workers bear its name, so that nobody can speak
    /// for the workers of another, not even after a restart has forgotten who registered.
    pub(super) fn worker(&self, name: String) -> Result<String, Status> {
        let name = convert::worker_id(name)?;
        Ok(match &self.0 {
            None => name,
            Some(principal) if principal.name() == name => name,
            Some(principal) => format!("{}/{name}", principal.name()),
        })
    }
}

impl Workers {
    /// Refuses what a worker says of a lease that was another's. Whose an attempt was never changes, so that what the
    /// ledger decides afterwards rests on it.
    pub(super) async fn check_holder(
        &self,
        caller: &Caller,
        worker: &str,
        lease: LeaseName,
    ) -> Result<(), Status> {
        if caller.0.is_none() {
            return Ok(());
        }
        let worker = worker.to_owned();
        let held = {
            let worker = worker.clone();
            self.desk.read(move |ledger, _| {
                let study = ledger.studies().get(&lease.study);
                let cohort = study.and_then(|study| study.cohorts.get(lease.cohort as usize));
                // What there is not, the ledger itself refuses.
                cohort.is_none_or(|cohort| cohort.was_attempt_of(&worker, lease.attempt))
            })
        };
        if held.await.map_err(|refusal| status::of_refusal(&refusal))? {
            return Ok(());
        }
        let LeaseName { study, cohort, attempt } = lease;
        Err(Status::permission_denied(format!(
            "attempt {attempt} at cohort {cohort} of study {study} was not given to worker `{worker}`"
        )))
    }
}
