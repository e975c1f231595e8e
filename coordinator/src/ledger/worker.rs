//! Workers, their slots, and when they were last heard of.

use foldwise_study::spec::DeviceKind;

use super::{Change, CohortState, Command, Failure, FailureKind, LeaseName, Ledger, Now, Rejection, Reply};

/// What a worker says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Unique and the same for the worker's life.
    pub id: String,
    /// Versions, for people and reports.
    pub software: String,
    /// Its slots, by position.
    pub slots: Vec<SlotInfo>,
}

/// A place for one trainer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotInfo {
    /// The kind of device.
    pub device: DeviceKind,
    /// Its name.
    pub model: String,
}

/// A worker as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// What it said of itself.
    pub info: WorkerInfo,
    /// The lease in each slot.
    pub leases: Vec<Option<LeaseName>>,
    /// When it was last heard of.
    pub last_seen: Now,
    /// Whether it is to hand back what it has and end.
    pub draining: bool,
}

impl Ledger {
    pub(super) fn register_worker(&mut self, info: WorkerInfo, now: Now) -> Reply {
        let mut leases = vec![None; info.slots.len()];
        // A worker that comes back (or whose coordinator did) finds the leases it held.
        for &lease in self.held.get(&info.id).into_iter().flatten() {
            let state = self.cohort(lease).map(|cohort| &cohort.state);
            if let Ok(CohortState::Leased { slot, .. }) = state
                && let Some(place) = leases.get_mut(*slot as usize)
            {
                *place = Some(lease);
            }
        }
        self.workers.insert(info.id.clone(), Worker { info, leases, last_seen: now, draining: false });
        Reply::Registered
    }

    pub(super) fn deregister_worker(&mut self, id: &str, now: Now, changes: &mut Vec<Change>) -> Reply {
        self.workers.remove(id);
        for lease in self.held.get(id).cloned().unwrap_or_default() {
            let message = format!("worker {id} left");
            let failure = Failure { kind: FailureKind::Released, message };
            // The lease may have ended meanwhile; then there is nothing to hand back.
            let _ = self.fail(id, lease, failure, now, changes);
        }
        Reply::Done
    }

    /// The worker hears of it with its next call.
    pub(super) fn drain_worker(&mut self, id: &str) -> Result<Reply, Rejection> {
        let worker = self.workers.get_mut(id).ok_or_else(|| Rejection::UnknownWorker(id.to_owned()))?;
        worker.draining = true;
        Ok(Reply::Done)
    }

    pub(super) fn seen(&mut self, id: &str, now: Now) -> Result<&mut Worker, Rejection> {
        let worker = self.workers.get_mut(id).ok_or_else(|| Rejection::NoWorker(id.to_owned()))?;
        worker.last_seen = now;
        Ok(worker)
    }
}

impl Command {
    /// The word that metrics count it by.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::CreateStudy(_) => "create_study",
            Self::CancelStudy(_) => "cancel_study",
            Self::PauseStudy(_) => "pause_study",
            Self::ResumeStudy(_) => "resume_study",
            Self::PrioritizeStudy { .. } => "prioritize_study",
            Self::RetryStudy(_) => "retry_study",
            Self::ExtendStudy { .. } => "extend_study",
            Self::DeleteStudy(_) => "delete_study",
            Self::CreateToken(_) => "create_token",
            Self::RevokeToken(_) => "revoke_token",
            Self::RegisterWorker(_) => "register_worker",
            Self::DeregisterWorker(_) => "deregister_worker",
            Self::DrainWorker(_) => "drain_worker",
            Self::Lease { .. } => "lease",
            Self::Progress { .. } => "progress",
            Self::KeepCheckpoint { .. } => "keep_checkpoint",
            Self::Complete { .. } => "complete",
            Self::Fail { .. } => "fail",
            Self::Tick => "tick",
        }
    }

    /// The worker that a command comes from.
    #[must_use]
    pub fn worker(&self) -> Option<&str> {
        match self {
            Self::RegisterWorker(info) => Some(&info.id),
            Self::DeregisterWorker(worker)
            | Self::Lease { worker, .. }
            | Self::Progress { worker, .. }
            | Self::KeepCheckpoint { worker, .. }
            | Self::Complete { worker, .. }
            | Self::Fail { worker, .. } => Some(worker),
            Self::CreateStudy(_)
            | Self::CancelStudy(_)
            | Self::PauseStudy(_)
            | Self::ResumeStudy(_)
            | Self::PrioritizeStudy { .. }
            | Self::RetryStudy(_)
            | Self::ExtendStudy { .. }
            | Self::DeleteStudy(_)
            | Self::DrainWorker(_)
            | Self::CreateToken(_)
            | Self::RevokeToken(_)
            | Self::Tick => None,
        }
    }
}
