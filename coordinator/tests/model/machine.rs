//! The ledger with a real store behind it, the messages that were ever sent to it, and its history.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use foldwise_coordinator::ledger::{
    Change, CohortState, Command, Failure, FailureKind, LeaseGrant, Ledger, Reply, Study, StudyId, StudyPhase,
};
use foldwise_coordinator::store::{Sqlite, Store, StoredRun};
use foldwise_study::plan::RunId;

use crate::history::History;
use crate::scene::{
    self, LEASE_MS, Scene, checkpoint_of, config, diverge, nested_spec, repeated_spec, results_for,
};
use crate::step::{Operation, Saying, Step};

const WORKERS: usize = 3;
const SLOTS: usize = 2;
/// The request that is for a study with outer folds.
const NESTED: u8 = 3;

/// A coordinator without its services.
pub(crate) struct Machine {
    scene: Scene,
    store: Sqlite,
    _folder: tempfile::TempDir,
    history: History,
    /// Every lease that was ever granted, with whom it was granted to.
    leases: Vec<(String, LeaseGrant)>,
    /// Everything that a worker ever said.
    messages: Vec<Command>,
    /// Whether the next command's write fails.
    failing: bool,
}

impl Machine {
    pub(crate) fn new() -> Self {
        // Memory is fine for the store: a power cut is not among the steps.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("folder");
        let store = Sqlite::open(folder.path()).expect("opens");
        let mut machine = Self {
            scene: Scene::new(),
            store,
            _folder: folder,
            history: History::default(),
            leases: Vec::new(),
            messages: Vec::new(),
            failing: false,
        };
        machine.register_all();
        machine
    }

    pub(crate) fn take(&mut self, step: &Step) {
        match *step {
            Step::Submit { request, trials, repeats, width } => {
                let spec = if request == NESTED { nested_spec } else { repeated_spec };
                let spec = spec(trials.into(), repeats.into(), &more(width.into()));
                // A request id that was used for another spec is refused, and that changes nothing.
                let _ = self.scene.try_submit(&format!("r{request}"), &spec);
            }
            Step::Extend { study, trials, repeats } => {
                if let Some(study) = self.study(study) {
                    let width = self.scene.ledger.studies()[&study].record.spec.plan.width.expect("was set");
                    let more = more(width);
                    // One that leaves out what the study has is refused, and that changes nothing. Every other one adds outer
                    // folds, after which repeats cannot grow.
                    let spec = if repeats % 2 == 0 { nested_spec } else { repeated_spec };
                    let _ = self.scene.try_extend(study, &spec(trials.into(), repeats.into(), &more));
                }
            }
            Step::Lease { worker, slot } => self.lease(usize::from(worker), slot.into()),
            Step::Say { lease, what } => {
                if let Some((worker, grant)) = self.leases.get(index(lease, self.leases.len())).cloned() {
                    self.say(said(worker, &grant, what));
                }
            }
            Step::Again { message } => {
                if let Some(command) = self.messages.get(index(message, self.messages.len())).cloned() {
                    self.tell(command);
                }
            }
            Step::Operate { study, what } => {
                if let Some(study) = self.study(study) {
                    self.tell(match what {
                        Operation::Cancel => Command::CancelStudy(study),
                        Operation::Pause => Command::PauseStudy(study),
                        Operation::Resume => Command::ResumeStudy(study),
                        Operation::Prioritize { priority } => {
                            Command::PrioritizeStudy { study, priority: priority.into() }
                        }
                        Operation::Retry => Command::RetryStudy(study),
                        Operation::Delete => Command::DeleteStudy(study),
                    });
                }
            }
            Step::Drain { worker } => self.tell(Command::DrainWorker(name(worker.into()))),
            Step::Replace { worker } => {
                self.say(Command::DeregisterWorker(name(worker.into())));
                self.scene.worker(&name(worker.into()), SLOTS);
            }
            Step::Pass { ms, wall_jump_ms } => {
                self.scene.now.unix_ms = self.scene.now.unix_ms.saturating_add_signed(wall_jump_ms);
                self.scene.pass(ms.into());
            }
            Step::Sleep => self.scene.pass(1 << 40),
            Step::Restart => self.restart(),
            Step::FailWrite => {
                self.failing = true;
                return;
            }
        }
        self.commit();
    }

    /// Checks what is true of the ledger's past, and that a restart would change nothing.
    pub(crate) fn check(&self) {
        self.history.check(&self.scene.ledger);
        assert_eq!(
            durable(&self.scene.ledger),
            durable(&self.rebuilt()),
            "a_rebuilt_ledger_is_the_running_one"
        );
    }

    /// If workers keep coming and nobody holds them, every study ends.
    pub(crate) fn run_to_the_end(&mut self) {
        self.end_every_study();
        self.measurements_are_there_once();
    }

    /// What a run measured is stored with its result, once, and not without.
    fn measurements_are_there_once(&self) {
        for (&number, study) in self.scene.ledger.studies() {
            let stored = self.store.results().runs(number).expect("reads");
            let named = |run: &StoredRun| {
                let measured = run.outcome.measurements.as_ref().expect("measurements_are_there_once");
                (run.run, measured.snapshots.as_ref().expect("asked for").digest.clone())
            };
            let record = &study.record;
            let measures = |run: RunId| run.fold < record.choosing() || run == record.final_run(run.trial);
            let named: BTreeMap<RunId, String> =
                stored.iter().filter(|stored| measures(stored.run)).map(named).collect();
            assert_eq!(named, study.snapshots, "measurements_are_there_once: study {number}");
        }
    }

    fn end_every_study(&mut self) {
        self.failing = false;
        for number in 0..WORKERS {
            self.scene.worker(&name(number), SLOTS);
        }
        let studies: Vec<StudyId> = self.scene.ledger.studies().keys().copied().collect();
        for study in studies {
            let _ = self.scene.handle(Command::ResumeStudy(study));
        }
        for _ in 0..10_000 {
            let over = |phase: &StudyPhase| matches!(phase, StudyPhase::Ended { .. });
            if self.scene.ledger.studies().values().all(|study| over(&study.phase)) {
                return;
            }
            for slot in 0..2 {
                if let Some(grant) = self.scene.lease("w0", slot) {
                    self.scene.finish("w0", &grant);
                    self.commit();
                }
            }
            self.scene.pass(LEASE_MS);
            self.commit();
        }
        panic!("every_study_ends: {:?}", self.scene.ledger.studies());
    }

    fn study(&self, number: u8) -> Option<StudyId> {
        let studies: Vec<StudyId> = self.scene.ledger.studies().keys().copied().collect();
        studies.get(index(number, studies.len())).copied()
    }

    fn lease(&mut self, worker: usize, slot: u32) {
        let waiting = waiting(&self.scene.ledger);
        let command = Command::Lease { worker: name(worker), slot };
        if let Ok(Reply::Lease(grant)) = self.scene.handle(command) {
            // A slot that asks again may have had its lease before.
            if self.scene.changes.iter().any(|change| matches!(change, Change::CohortLeased { .. })) {
                let (first, got) = (waiting.values().min(), waiting.get(&grant.name.study));
                assert_eq!(got, first, "slots_are_shared: study {} of {waiting:?}", grant.name.study);
            }
            self.leases.push((name(worker), *grant));
        }
    }

    fn say(&mut self, command: Command) {
        self.messages.push(command.clone());
        self.tell(command);
    }

    /// A refused command changes nothing, which the check after this step sees.
    fn tell(&mut self, command: Command) {
        let worker = command.worker().map(str::to_owned);
        let reply = self.scene.handle(command);
        if let (Some(worker), Ok(Reply::Completed { next: Some(grant), .. })) = (worker, reply) {
            self.leases.push((worker, *grant));
        }
    }

    /// What the committer does after a command: writes, and takes the ledger back to the store if that fails.
    fn commit(&mut self) {
        let changes: Vec<Change> = std::mem::take(&mut self.scene.changes);
        if std::mem::take(&mut self.failing) {
            self.restart();
            return;
        }
        self.store.commit(&changes).expect("commits");
        self.history.acknowledge(&self.scene.ledger, &changes);
    }

    fn rebuilt(&self) -> Ledger {
        Ledger::rebuild(config(), self.store.load().expect("loads"), self.scene.now)
    }

    /// The coordinator dies and comes back, with a new monotonic clock; its workers register again.
    fn restart(&mut self) {
        self.scene.now.monotonic_ms = 0;
        self.scene.ledger = self.rebuilt();
        self.register_all();
    }

    fn register_all(&mut self) {
        (0..WORKERS).for_each(|number| self.scene.worker(&name(number), SLOTS));
    }
}

/// Every study asks for copies of weights, so that there are files to keep and to let go.
fn more(width: usize) -> String {
    format!("[plan]\nwidth = {width}\n[measure]\nsnapshots = {{ every = 1 }}")
}

fn name(worker: usize) -> String {
    format!("w{worker}")
}

fn index(number: impl Into<usize>, count: usize) -> usize {
    number.into() % count.max(1)
}

fn said(worker: String, grant: &LeaseGrant, what: Saying) -> Command {
    let lease = grant.name;
    match what {
        Saying::Progress => Command::Progress { worker, lease, epochs: scene::epochs_for(grant) },
        Saying::Checkpoint { epoch } => {
            Command::KeepCheckpoint { worker, lease, checkpoint: checkpoint_of(grant, epoch.into()) }
        }
        Saying::Complete { diverged, goes_on } => {
            let mut results = results_for(grant);
            // Whether a run diverges is a matter of the run, as in life, not of who trains it when.
            let run = grant.runs[0];
            if diverged && run.trial % 2 == 1 && run.fold == 0 {
                diverge(&mut results[0], 1);
            }
            // The slot is not that of the lease, or not free, as often as it is.
            let next_slot = goes_on.map(u32::from);
            Command::Complete { worker, lease, results, next_slot }
        }
        Saying::Fail { kind } => {
            use FailureKind::{Crash, Data, Hang, OutOfMemory, Released, Training};
            let kinds = [Crash, OutOfMemory, Released, Hang, Data, Training];
            let kind = kinds[usize::from(kind) % kinds.len()];
            Command::Fail { worker, lease, failure: Failure { kind, message: format!("{kind:?}") } }
        }
    }
}

/// The studies that have work, each with its priority, the highest least, and the slots that it holds.
fn waiting(ledger: &Ledger) -> BTreeMap<StudyId, (Reverse<i32>, usize)> {
    let of = |(&number, study): (&StudyId, &Study)| {
        let count = |wanted: fn(&CohortState) -> bool| {
            study.cohorts.iter().filter(|cohort| wanted(&cohort.state)).count()
        };
        let ready = count(|state| *state == CohortState::Ready) > 0 || study.device.is_none();
        let held = count(|state| matches!(state, CohortState::Leased { .. }));
        (ready && !study.paused && !study.is_over()).then_some((number, (Reverse(study.priority), held)))
    };
    ledger.studies().iter().filter_map(of).collect()
}

/// What must survive a restart, as text. When a lease is lost is not among it: it starts anew.
fn durable(ledger: &Ledger) -> String {
    let studies = ledger.studies().values().map(|study| {
        let cohorts: Vec<String> = study
            .cohorts
            .iter()
            .map(|cohort| {
                let state = format!("{:?}", cohort.state);
                let state = state.split("expires_ms").next().unwrap_or_default().to_owned();
                format!(
                    "{:?} {:?} {} {} {state} {:?} {:?}",
                    cohort.runs,
                    cohort.stage,
                    cohort.attempt,
                    cohort.failures,
                    cohort.failure,
                    cohort.checkpoint
                )
            })
            .collect();
        let ends: Vec<_> = study.runs.iter().map(|run| run.end).collect();
        format!(
            "{} {:?} {:?} {} {} {:?} {:?} {:?} {:?} {:?} {:?} {} {cohorts:?} {ends:?}",
            study.number,
            study.phase,
            study.outer_cohorts,
            study.paused,
            study.priority,
            study.device,
            study.winner,
            study.weights,
            study.snapshots,
            study.best(),
            study.counts(),
            study.record.earlier.len(),
        )
    });
    let mut artifacts: Vec<&str> = ledger.artifacts().collect();
    artifacts.sort_unstable();
    format!("{}\n{artifacts:?}", studies.collect::<Vec<_>>().join("\n"))
}
