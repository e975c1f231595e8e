//! What happens in a simulated cluster: a function of its seed.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A study, the workers that train it, and what befalls them.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Where all randomness comes from.
    pub seed: u64,
    /// The study.
    pub study: StudyKind,
    /// Workers, each with so many slots.
    pub workers: Vec<u32>,
    /// The longest time that a message takes, ms.
    pub latency_ms: u64,
    /// What befalls machines and links, in order of time.
    pub faults: Vec<Fault>,
    /// What befalls trainers.
    pub trainers: TrainerFaults,
    /// What a person does, in order of time.
    pub operations: Vec<Operation>,
}

/// The study: few kinds, so that each has its undisturbed report once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StudyKind {
    /// Learning rates tried: its trials.
    pub trials: u32,
    /// Repeats of two folds.
    pub repeats: u32,
    /// Members of a cohort at most.
    pub width: u32,
    /// Whether it is extended by a trial and a repeat on the way.
    pub extended: bool,
    /// Whether it is judged by two outer folds: from the first, or where it is extended, instead of a repeat.
    pub outer: bool,
}

/// Something that befalls machines or links.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// When, ms.
    pub at_ms: u64,
    /// For how long, ms.
    pub for_ms: u64,
    /// What.
    pub kind: FaultKind,
}

/// Kinds of faults; workers by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The coordinator's machine goes down and comes up again.
    CoordinatorCrash,
    /// A worker's machine goes down and comes up again.
    WorkerCrash(usize),
    /// Nothing passes between coordinator and worker.
    Partition(usize),
    /// Nothing passes from the worker to the coordinator, but the other way it does.
    OneWay(usize),
    /// Everything between them is delivered late, at once.
    Hold(usize),
}

/// How often trainers fail, in 1,000 epochs.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrainerFaults {
    /// The process dies.
    pub crashes: u32,
    /// It does nothing any more.
    pub hangs: u32,
    /// It writes a checkpoint.
    pub checkpoints: u32,
    /// Whether some attempts measure what no coordinator takes.
    pub spoils: bool,
}

/// Something that a person does.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// When, ms.
    pub at_ms: u64,
    /// What.
    pub kind: OperationKind,
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// Holds the study for so long, ms.
    Pause(u64),
    /// Empties a worker, which is started again later.
    Drain(usize),
    /// Adds a trial, and a repeat or outer folds.
    Extend,
}

/// Faults begin before this time and are over soon after it, ms.
const FAULTS_UNTIL_MS: u64 = 15_000;

impl Scenario {
    /// The scenario of a seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let mut dice = Dice::new(seed, "scenario");
        let study = StudyKind {
            trials: 1 + dice.below(3),
            repeats: 1 + dice.below(2),
            width: [1, 2, 3, 6][dice.below(4) as usize],
            extended: dice.below(4) == 0,
            outer: dice.below(4) == 0,
        };
        let workers: Vec<u32> = (0..1 + dice.below(3)).map(|_| 1 + dice.below(2)).collect();
        let faults = faults(&mut dice, workers.len());
        let mut operations = Vec::new();
        if study.extended {
            operations.push(Operation { at_ms: dice.time(), kind: OperationKind::Extend });
        }
        if dice.below(3) == 0 {
            let for_ms = 500 + u64::from(dice.below(8_000));
            operations.push(Operation { at_ms: dice.time(), kind: OperationKind::Pause(for_ms) });
        }
        if dice.below(3) == 0 {
            let worker = dice.below(narrow(workers.len())) as usize;
            operations.push(Operation { at_ms: dice.time(), kind: OperationKind::Drain(worker) });
        }
        operations.sort_by_key(|operation| operation.at_ms);
        let trainers = TrainerFaults {
            crashes: dice.below(60),
            hangs: dice.below(20),
            checkpoints: dice.below(700),
            spoils: true,
        };
        let latency_ms = 2 + u64::from(dice.below(150));
        Self { seed, study, workers, latency_ms, faults, trainers, operations }
    }

    /// The same study with nothing that disturbs it.
    #[must_use]
    pub fn calm(&self) -> Self {
        let extend = |operation: &&Operation| operation.kind == OperationKind::Extend;
        Self {
            seed: 0,
            study: self.study,
            workers: vec![1],
            latency_ms: 2,
            faults: Vec::new(),
            trainers: TrainerFaults::default(),
            operations: self.operations.iter().filter(extend).copied().collect(),
        }
    }
}

fn faults(dice: &mut Dice, workers: usize) -> Vec<Fault> {
    let count = dice.below(10);
    let mut faults: Vec<Fault> = (0..count)
        .map(|_| {
            let worker = dice.below(narrow(workers)) as usize;
            let kind = match dice.below(7) {
                0 | 1 => FaultKind::CoordinatorCrash,
                2 | 3 => FaultKind::WorkerCrash(worker),
                4 => FaultKind::Partition(worker),
                5 => FaultKind::OneWay(worker),
                _ => FaultKind::Hold(worker),
            };
            Fault { at_ms: dice.time(), for_ms: 100 + u64::from(dice.below(9_000)), kind }
        })
        .collect();
    faults.sort_by_key(|fault| fault.at_ms);
    faults
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("few workers")
}

/// A named stream of random numbers of a seed.
#[derive(Debug, Clone)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of this name.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("foldwise 1 simulation");
        hasher.update(&seed.to_le_bytes()).update(name.as_bytes());
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A number below `most`, which is above 0.
    pub fn below(&mut self, most: u32) -> u32 {
        self.0.next_u32() % most
    }

    /// Whether something happens that does so `often` times in 1,000.
    pub fn happens(&mut self, often: u32) -> bool {
        self.below(1_000) < often
    }

    fn time(&mut self) -> u64 {
        u64::from(self.below(u32::try_from(FAULTS_UNTIL_MS).expect("small")))
    }
}

impl StudyKind {
    /// The study file. `more` adds what an extension does.
    #[must_use]
    pub fn spec(self, more: bool) -> String {
        let add = u32::from(more);
        let (repeats, outer) = match self.outer {
            true if more || !self.extended => (self.repeats, "outer = { k_fold = { folds = 2 } }\n"),
            true => (self.repeats, ""),
            false => (self.repeats + add, ""),
        };
        let rates: Vec<String> = (1..=self.trials + add).map(|rate| format!("0.{rate:03}")).collect();
        format!(
            "name = \"simulated\"\n[data]\ndataset = \"fashion-mnist\"\ntrain_rows = 300\n[validation]\n\
             repeated_k_fold = {{ folds = 2, repeats = {repeats}, seed = 1 }}\n{outer}[network]\nmlp = {{ hidden = [8] }}\n\
             [train]\nepochs = {EPOCHS}\nbatch_size = 100\noptimizer = {{ kind = \"sgd\" }}\n\
             [space]\n\"train.optimizer.lr\" = [{}]\n[limits]\nattempts = 100\nhang_seconds = 6\n\
             [plan]\nwidth = {}\n[measure]\nweights = true\nsnapshots = {{ every = 2 }}\n",
            rates.join(", "),
            self.width
        )
    }
}

/// Epochs of each run.
pub const EPOCHS: u32 = 4;
