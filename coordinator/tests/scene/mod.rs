//! The vocabulary of the ledger's tests: a ledger, a clock that the test moves, and workers that do as told.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of the vocabulary")]

use foldwise_coordinator::ledger::{
    Allowed, Change, Checkpoint, Command, Failure, FailureKind, KeptMeasurements, LeaseGrant, Ledger,
    LedgerConfig, MemberResult, Now, Order, Rejection, Reply, SlotInfo, Stage, StudyId, StudyPhase,
    StudyRecord, WorkerInfo,
};
use foldwise_coordinator::submission::{extend, prepare};
use foldwise_data::Cache;
use foldwise_study::outcome::{EpochRecord, Measurements, RunEnd, RunOutcome, SnapshotFile};
use foldwise_study::plan::{DeviceProfile, RunId};
use foldwise_study::spec::{DeviceKind, Format};

pub const LEASE_MS: u64 = 10_000;

/// A study of so many trials and folds; nothing of it is ever trained.
pub fn spec(trials: usize, folds: usize) -> String {
    spec_of(trials, folds, "")
}

pub fn spec_of(trials: usize, folds: usize, more: &str) -> String {
    let validation = format!("k_fold = {{ folds = {folds} }}");
    spec_with(trials, &validation, more)
}

/// As [`spec_of`], with folds that can be added to: two for each repeat.
pub fn repeated_spec(trials: usize, repeats: usize, more: &str) -> String {
    let validation = format!("repeated_k_fold = {{ folds = 2, repeats = {repeats}, seed = 1 }}");
    spec_with(trials, &validation, more)
}

/// As [`repeated_spec`], judged by two outer folds.
pub fn nested_spec(trials: usize, repeats: usize, more: &str) -> String {
    let validation = format!(
        "repeated_k_fold = {{ folds = 2, repeats = {repeats}, seed = 1 }}\nouter = {{ k_fold = {{ folds = 2 }} }}"
    );
    spec_with(trials, &validation, more)
}

fn spec_with(trials: usize, validation: &str, more: &str) -> String {
    let rates: Vec<String> = (1..=trials).map(|trial| format!("{:.4}", trial as f64 / 1000.0)).collect();
    format!(
        "name = \"scene\"\n[data]\ndataset = \"fashion-mnist\"\ntrain_rows = 300\n[validation]\n{validation}\n\
         [network]\nmlp = {{ hidden = [8] }}\n[train]\nepochs = 2\nbatch_size = 100\n\
         optimizer = {{ kind = \"sgd\" }}\n[space]\n\"train.optimizer.lr\" = [{}]\n{more}\n",
        rates.join(", ")
    )
}

pub struct Scene {
    pub ledger: Ledger,
    pub now: Now,
    pub changes: Vec<Change>,
}

/// What runs train together does not depend on how many slots are expected.
pub fn config() -> LedgerConfig {
    let profile =
        DeviceProfile { name: "scene".to_owned(), slots: 1, ..DeviceProfile::shipped(DeviceKind::Cpu) };
    LedgerConfig { lease_ms: LEASE_MS, profiles: vec![profile] }
}

impl Scene {
    pub fn new() -> Self {
        let now = Now { monotonic_ms: 0, unix_ms: 1_000_000 };
        Self { ledger: Ledger::new(config()), now, changes: Vec::new() }
    }

    /// Every command of every test leaves a ledger that keeps its invariants.
    pub fn handle(&mut self, command: Command) -> Result<Reply, Rejection> {
        let handled = self.ledger.handle(command, self.now);
        self.ledger.check(self.now).expect("the invariants hold");
        let (reply, changes) = handled?;
        self.changes.extend(changes);
        Ok(reply)
    }

    pub fn try_submit(&mut self, request: &str, spec: &str) -> Result<StudyId, Rejection> {
        let cache = Cache::at("/nonexistent");
        let record = prepare(request, spec, Format::Toml, &cache).expect("a good spec");
        match self.handle(Command::CreateStudy(Box::new(record)))? {
            Reply::Study(study) => Ok(study),
            other => panic!("unexpected {other:?}"),
        }
    }

    pub fn try_extend(&mut self, study: StudyId, spec: &str) -> Result<Reply, String> {
        let record = self.ledger.studies()[&study].record.clone();
        let cache = Cache::at("/nonexistent");
        let record = extend(&record, spec, Format::Toml, None, &cache).map_err(|error| error.to_string())?;
        let command = Command::ExtendStudy { study, record: Box::new(record) };
        self.handle(command).map_err(|rejection| rejection.to_string())
    }

    pub fn checkpoint(&mut self, worker: &str, lease: &LeaseGrant, epoch: u32) -> Reply {
        let checkpoint = checkpoint_of(lease, epoch);
        let command = Command::KeepCheckpoint { worker: worker.to_owned(), lease: lease.name, checkpoint };
        self.handle(command).expect("answered")
    }

    pub fn submit(&mut self, request: &str, spec: &str) -> StudyId {
        self.try_submit(request, spec).expect("taken")
    }

    pub fn worker(&mut self, id: &str, slots: usize) {
        let slot = SlotInfo { device: DeviceKind::Cpu, model: "test".to_owned() };
        let info = WorkerInfo {
            id: id.to_owned(),
            software: "test".to_owned(),
            slots: vec![slot; slots],
            allowed: Allowed::default(),
        };
        self.handle(Command::RegisterWorker(info)).expect("registers");
    }

    pub fn try_lease(&mut self, worker: &str, slot: u32) -> Result<Option<Box<LeaseGrant>>, Rejection> {
        match self.handle(Command::Lease { worker: worker.to_owned(), slot })? {
            Reply::Lease(lease) => Ok(Some(lease)),
            Reply::NoWork(_) | Reply::Drained => Ok(None),
            other => panic!("unexpected {other:?}"),
        }
    }

    pub fn lease(&mut self, worker: &str, slot: u32) -> Option<Box<LeaseGrant>> {
        self.try_lease(worker, slot).expect("answered")
    }

    pub fn progress(&mut self, worker: &str, lease: &LeaseGrant) -> Order {
        let epochs = epochs_for(lease);
        let command = Command::Progress { worker: worker.to_owned(), lease: lease.name, epochs };
        match self.handle(command).expect("answered") {
            Reply::Order(order) => order,
            other => panic!("unexpected {other:?}"),
        }
    }

    /// Results that grow with the trial's number and differ between folds.
    pub fn results_for(&self, lease: &LeaseGrant) -> Vec<MemberResult> {
        results_for(lease)
    }

    pub fn try_complete(
        &mut self,
        worker: &str,
        lease: &LeaseGrant,
        results: Vec<MemberResult>,
    ) -> Result<Reply, Rejection> {
        let command =
            Command::Complete { worker: worker.to_owned(), lease: lease.name, results, next_slot: None };
        self.handle(command)
    }

    /// Hands results in; whether they were kept.
    pub fn complete(&mut self, worker: &str, lease: &LeaseGrant, results: Vec<MemberResult>) -> bool {
        match self.try_complete(worker, lease, results).expect("answered") {
            Reply::Completed { accepted, .. } => accepted,
            other => panic!("unexpected {other:?}"),
        }
    }

    /// Hands results in with a wish for a slot's next cohort; whether they were kept, and what the slot was given.
    pub fn finish_and_go_on(
        &mut self,
        worker: &str,
        lease: &LeaseGrant,
        slot: u32,
    ) -> (bool, Option<Box<LeaseGrant>>) {
        let (worker, results) = (worker.to_owned(), results_for(lease));
        let command = Command::Complete { worker, lease: lease.name, results, next_slot: Some(slot) };
        match self.handle(command).expect("answered") {
            Reply::Completed { accepted, next } => (accepted, next),
            other => panic!("unexpected {other:?}"),
        }
    }

    pub fn finish(&mut self, worker: &str, lease: &LeaseGrant) -> bool {
        self.complete(worker, lease, results_for(lease))
    }

    pub fn fail(&mut self, worker: &str, lease: &LeaseGrant, kind: FailureKind) {
        let failure = Failure { kind, message: format!("{kind:?}") };
        let command = Command::Fail { worker: worker.to_owned(), lease: lease.name, failure };
        self.handle(command).expect("answered");
    }

    pub fn tell(&mut self, command: Command) -> Reply {
        self.handle(command).expect("answered")
    }

    pub fn cancel(&mut self, study: StudyId) {
        self.handle(Command::CancelStudy(study)).expect("cancelled");
    }

    pub fn pass(&mut self, ms: u64) {
        self.now.monotonic_ms += ms;
        self.now.unix_ms += ms;
        self.handle(Command::Tick).expect("ticks");
    }

    pub fn phase(&self, study: StudyId) -> StudyPhase {
        self.ledger.studies()[&study].phase.clone()
    }

    /// How many results of the search were made durable for a study.
    pub fn results(&self, id: StudyId) -> usize {
        let kept = |change: &Change| match change {
            Change::CohortDone { study, stage: Stage::Search, results, .. } if *study == id => results.len(),
            _ => 0,
        };
        self.changes.iter().map(kept).sum()
    }
}

pub fn epochs_for(lease: &LeaseGrant) -> Vec<(RunId, EpochRecord)> {
    lease.runs.iter().map(|&run| (run, epoch(1, 0.5))).collect()
}

pub fn checkpoint_of(lease: &LeaseGrant, epoch: u32) -> Checkpoint {
    let name = format!("{} {} {epoch}", lease.name.study, lease.name.cohort);
    Checkpoint { epoch, digest: blake3::hash(name.as_bytes()).to_hex().to_string() }
}

pub fn results_for(lease: &LeaseGrant) -> Vec<MemberResult> {
    // The final stage keeps weights; those of equal trials are equal files.
    let name = format!("weights {}", lease.runs[0].trial);
    let weights = matches!(lease.stage, Stage::Final { .. })
        .then(|| blake3::hash(name.as_bytes()).to_hex().to_string());
    let result = |&run: &RunId| {
        let accuracy = 0.5 + f64::from(run.trial) * 0.01 + f64::from(run.fold) * 0.001;
        MemberResult {
            run,
            outcome: RunOutcome {
                end: RunEnd::Finished,
                epochs: vec![epoch(1, accuracy - 0.1), epoch(2, accuracy)],
                seconds: 1.0,
                test: None,
                measurements: None,
            },
            measurements: measured(lease, run),
            weights_digest: weights.clone(),
            device_model: "test".to_owned(),
            software: "test".to_owned(),
        }
    };
    lease.runs.iter().map(result).collect()
}

/// Whether a run of the search lies within an outer fold.
pub fn is_within(record: &StudyRecord, run: RunId) -> bool {
    (record.choosing()..record.folds()).contains(&run.fold)
}

/// What runs of a study that asks for copies of weights measure; those of equal trials and folds are equal files.
fn measured(lease: &LeaseGrant, run: RunId) -> Option<KeptMeasurements> {
    lease.record.spec.measure.snapshots.as_ref()?;
    // Within outer folds nothing is measured.
    if matches!(lease.stage, Stage::Outer { .. }) || is_within(&lease.record, run) {
        return None;
    }
    let digest =
        blake3::hash(format!("snapshots {} {}", run.trial, run.fold).as_bytes()).to_hex().to_string();
    let file = SnapshotFile { digest: digest.clone(), epochs: vec![1, 2], weights: 1 };
    let measurements = Measurements { snapshots: Some(file), ..Measurements::default() };
    let json = serde_json::to_string(&measurements).expect("our own type");
    Some(KeptMeasurements { json, snapshots: Some(digest) })
}

/// Makes a result one of a run whose loss was no longer finite after so many epochs.
pub fn diverge(result: &mut MemberResult, epochs: u32) {
    result.outcome.epochs.truncate(epochs as usize);
    result.outcome.end = RunEnd::Diverged(epochs + 1);
}

pub fn epoch(epoch: u32, accuracy: f64) -> EpochRecord {
    EpochRecord {
        epoch,
        train_loss: 1.0 - accuracy,
        train_accuracy: Some(accuracy),
        val_loss: Some(1.0 - accuracy),
        val_accuracy: Some(accuracy),
        lr: 0.1,
    }
}
