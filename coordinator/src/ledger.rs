//! The ledger: the coordinator's in-memory truth about every study, run, lease and worker.
//!
//! A pure state machine: [`Ledger::handle`] takes a command and the time and returns a reply and the changes
//! that must be durable before the reply is given. No I/O, no clock, no randomness of its own. It is rebuilt from
//! the store's rows with [`Ledger::rebuild`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldwise_study::plan::{DeviceProfile, RunId};
use foldwise_study::spec::DeviceKind;

mod artifact;
mod change;
mod checkpoint;
mod cohort;
mod command;
mod extend;
mod failure;
mod finish;
mod invariants;
mod lease;
mod operate;
mod progress;
mod queue;
mod rebuild;
mod result;
mod study;
mod submit;
mod token;
mod worker;

pub use change::{Change, EndedAs, Plan, Superseded};
pub use cohort::{Checkpoint, Cohort, CohortState, FailedAttempt, Stage};
pub use command::{
    Command, Failure, FailureKind, KeptMeasurements, LeaseGrant, MemberResult, Order, Rejection, Reply,
};
pub use invariants::Violation;
pub use progress::Progress;
pub use rebuild::{CohortRow, RunRow, Snapshot, SnapshotsRow, StudyRow};
pub use study::{Best, RunCounts, RunEnd, RunEntry, Study, StudyPhase, StudyRecord};
pub use worker::{Allowed, SlotInfo, SlotKind, Worker, WorkerInfo};

use queue::Queue;

use crate::access::TokenRecord;

/// A study's number, from 1 in order of submission.
pub type StudyId = u64;

/// A cohort's number in its study, from 0.
pub type CohortId = u32;

/// The time, from the coordinator's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// A clock that never jumps, for leases: ms since the coordinator started.
    pub monotonic_ms: u64,
    /// The wall clock, for people: ms since 1970.
    pub unix_ms: u64,
}

/// One attempt of one worker at one cohort. The attempt is the fencing token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseName {
    /// The study.
    pub study: StudyId,
    /// The cohort.
    pub cohort: CohortId,
    /// From 1; grows with every lease of the cohort.
    pub attempt: u32,
}

/// What the ledger is told when it is made.
#[derive(Debug, Clone)]
pub struct LedgerConfig {
    /// Silence after which a lease is lost, ms.
    pub lease_ms: u64,
    /// Profiles that specs may name beside the shipped ones; where a spec names none, the first of a kind serves.
    pub profiles: Vec<DeviceProfile>,
}

/// The state of everything.
#[derive(Debug)]
pub struct Ledger {
    config: LedgerConfig,
    studies: BTreeMap<StudyId, Study>,
    requests: HashMap<String, StudyId>,
    /// Studies that have a cohort to lease or are not planned yet, in the order in which slots get their work.
    queue: Queue,
    /// Leases that were given out since the ledger was made or rebuilt.
    leases: u64,
    workers: BTreeMap<String, Worker>,
    /// Every open lease by the time at which it is lost, monotonic ms.
    expiries: BTreeSet<(u64, LeaseName)>,
    /// The same by the worker that has it, whether it is registered or not.
    held: BTreeMap<String, BTreeSet<LeaseName>>,
    /// How many places need each kept file, by digest.
    artifacts: HashMap<String, usize>,
    /// Who may call, by the public part of their tokens.
    tokens: BTreeMap<String, TokenRecord>,
    next_study: StudyId,
    /// When workers that are long gone were looked for last, monotonic ms.
    forgot_ms: u64,
}

impl Ledger {
    /// A ledger of nothing.
    #[must_use]
    pub fn new(config: LedgerConfig) -> Self {
        Self {
            config,
            studies: BTreeMap::new(),
            requests: HashMap::new(),
            queue: Queue::default(),
            leases: 0,
            workers: BTreeMap::new(),
            expiries: BTreeSet::new(),
            held: BTreeMap::new(),
            artifacts: HashMap::new(),
            tokens: BTreeMap::new(),
            next_study: 1,
            forgot_ms: 0,
        }
    }

    /// Decides and applies one command. The changes are in the order in which they were applied; if there are none,
    /// the reply needs no write.
    ///
    /// # Errors
    /// A rejected command changes nothing.
    pub fn handle(&mut self, command: Command, now: Now) -> Result<(Reply, Vec<Change>), Rejection> {
        let mut changes = Vec::new();
        let reply = match command {
            Command::CreateStudy(study) => self.create_study(*study, now, &mut changes)?,
            Command::CancelStudy(study) => self.cancel_study(study, now, &mut changes)?,
            Command::PauseStudy(study) => self.pause_study(study, true, &mut changes)?,
            Command::ResumeStudy(study) => self.pause_study(study, false, &mut changes)?,
            Command::PrioritizeStudy { study, priority } => {
                self.prioritize_study(study, priority, &mut changes)?
            }
            Command::RetryStudy(study) => self.retry_study(study, now, &mut changes)?,
            Command::ExtendStudy { study, record } => {
                self.extend_study(study, Arc::new(*record), now, &mut changes)?
            }
            Command::DeleteStudy(study) => self.delete_study(study, &mut changes)?,
            Command::RegisterWorker(info) => self.register_worker(info, now),
            Command::DeregisterWorker(worker) => self.deregister_worker(&worker, now, &mut changes),
            Command::CreateToken(record) => self.create_token(*record, &mut changes)?,
            Command::RevokeToken(id) => self.revoke_token(&id, now, &mut changes)?,
            Command::DrainWorker(worker) => self.drain_worker(&worker)?,
            Command::Lease { worker, slot } => self.lease(&worker, slot, now, &mut changes)?,
            Command::Progress { worker, lease, epochs } => self.progress(&worker, lease, &epochs, now)?,
            Command::KeepCheckpoint { worker, lease, checkpoint } => {
                self.keep_checkpoint(&worker, lease, checkpoint, now, &mut changes)?
            }
            Command::Complete { worker, lease, results, next_slot } => {
                let accepted = self.complete(&worker, lease, results, now, &mut changes)?;
                let next = next_slot.and_then(|slot| self.next_lease(&worker, slot, now, &mut changes));
                Reply::Completed { accepted, next }
            }
            Command::Fail { worker, lease, failure } => {
                self.fail(&worker, lease, failure, now, &mut changes)?
            }
            Command::Tick => self.expire(now, &mut changes),
        };
        Ok((reply, changes))
    }

    /// All studies by number.
    #[must_use]
    pub fn studies(&self) -> &BTreeMap<StudyId, Study> {
        &self.studies
    }

    /// All workers by id.
    #[must_use]
    pub fn workers(&self) -> &BTreeMap<String, Worker> {
        &self.workers
    }

    /// Silence after which a lease is lost, ms.
    #[must_use]
    pub fn lease_ms(&self) -> u64 {
        self.config.lease_ms
    }

    /// The study with this number, or the only one with this name.
    ///
    /// # Errors
    /// When there is none, or several.
    pub fn find(&self, name: &str) -> Result<StudyId, Rejection> {
        let number = name.strip_prefix("studies/").unwrap_or(name);
        if let Ok(number) = number.parse::<StudyId>()
            && self.studies.contains_key(&number)
        {
            return Ok(number);
        }
        let named: Vec<StudyId> = self
            .studies
            .iter()
            .filter(|(_, study)| study.record.spec.name == name)
            .map(|(&number, _)| number)
            .collect();
        match named[..] {
            [] => Err(Rejection::NoStudy(name.to_owned())),
            [only] => Ok(only),
            _ => Err(Rejection::SeveralStudies { name: name.to_owned(), numbers: named }),
        }
    }

    /// What a study is planned with on a kind of device: its own profile, or the one that serves where specs name none.
    fn profile_of(&self, study: &Study, kind: DeviceKind) -> Arc<DeviceProfile> {
        let serving = || Arc::new(DeviceProfile::serving(&self.config.profiles, kind));
        study.profile.clone().unwrap_or_else(serving)
    }

    fn study(&self, id: StudyId) -> Result<&Study, Rejection> {
        self.studies.get(&id).ok_or_else(|| Rejection::NoStudy(id.to_string()))
    }

    /// Puts a study that changed where it belongs in the queue.
    fn feed(&mut self, id: StudyId) {
        self.queue.put(id, self.studies.get(&id));
    }

    fn study_mut(&mut self, id: StudyId) -> Result<&mut Study, Rejection> {
        self.studies.get_mut(&id).ok_or_else(|| Rejection::NoStudy(id.to_string()))
    }
}

/// Position of a run among its study's runs.
fn run_index(run: RunId, folds: u32) -> usize {
    run.trial as usize * folds as usize + run.fold as usize
}
