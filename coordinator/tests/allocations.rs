//! What handing a cohort out and taking its results costs in memory requests: a bound that holds on the busiest machine, and
//! that it does not grow with the study.
#![allow(unsafe_code, reason = "an allocator that counts is one, and the trait's methods are unsafe")]

mod scene;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use foldwise_coordinator::Config;
use foldwise_coordinator::Coordinator;
use foldwise_coordinator::committer::Desk;
use foldwise_coordinator::ledger::{Allowed, Command, LeaseGrant, Reply, SlotInfo, WorkerInfo};
use foldwise_coordinator::submission::prepare;
use foldwise_data::Cache;
use foldwise_study::spec::{DeviceKind, Format};
use scene::{Scene, epochs_for, results_for};

/// Members of each cohort.
const WIDTH: usize = 10;
/// Cohorts that are counted together, so that what happens once in many is spread.
const COHORTS: u64 = 64;

/// The system's allocator, which counts.
struct Counting;

static REQUESTS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn note(bytes: usize) {
    REQUESTS.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above; the place came from the system's allocator.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// Requests and bytes, per cohort.
#[derive(Debug, Clone, Copy)]
struct Cost {
    requests: u64,
    bytes: u64,
}

impl Cost {
    fn now() -> Self {
        Self { requests: REQUESTS.load(Ordering::Relaxed), bytes: BYTES.load(Ordering::Relaxed) }
    }

    fn per_cohort_since(self) -> Self {
        let now = Self::now();
        let share = |after: u64, before: u64| (after - before).div_ceil(COHORTS);
        Self { requests: share(now.requests, self.requests), bytes: share(now.bytes, self.bytes) }
    }

    /// Less what the test itself asks for to make commands.
    fn less(self, other: Self) -> Self {
        Self { requests: self.requests - other.requests, bytes: self.bytes - other.bytes }
    }

    fn stays_below(self, requests: u64, bytes: u64) {
        assert!(self.requests <= requests && self.bytes <= bytes, "{self:?} for {requests} and {bytes}");
    }

    /// A tenth may come and go with where lists and trees happen to grow.
    fn is_about(self, other: Self) {
        let near = |a: u64, b: u64| a.abs_diff(b) * 10 <= a.max(b);
        assert!(
            near(self.requests, other.requests) && near(self.bytes, other.bytes),
            "grows with the study: {self:?}, {other:?}"
        );
    }
}

fn text(runs: usize) -> String {
    let trials = runs / WIDTH;
    format!(
        "name = \"many\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = {{ folds = {WIDTH} }}\n[network]\n\
         mlp = {{ hidden = [64, 32] }}\n[train]\nepochs = 1\nbatch_size = 64\noptimizer = {{ kind = \"adam\", lr = 0.001 }}\n\
         [space]\n\"train.optimizer.lr\" = {{ log = [1e-5, 1e-1], steps = {trials} }}\n[plan]\nwidth = {WIDTH}\n"
    )
}

fn progress(grant: &LeaseGrant) -> Command {
    Command::Progress { worker: "w".to_owned(), lease: grant.name, epochs: epochs_for(grant) }
}

fn complete(grant: &LeaseGrant) -> Command {
    let (worker, results) = ("w".to_owned(), results_for(grant));
    Command::Complete { worker, lease: grant.name, results, next_slot: Some(0) }
}

/// What the commands of one cohort take to be made.
fn made(grant: &LeaseGrant) -> Cost {
    let before = Cost::now();
    for _ in 0..COHORTS {
        drop((progress(grant), complete(grant)));
    }
    before.per_cohort_since()
}

/// Of the ledger alone, which decides.
fn ledger(runs: usize) -> Cost {
    let mut scene = Scene::new();
    scene.submit("many", &text(runs));
    scene.worker("w", 1);
    let mut grant = scene.lease("w", 0).expect("work");
    let made = made(&grant);
    let now = scene.now;
    let before = Cost::now();
    for _ in 0..COHORTS {
        scene.ledger.handle(progress(&grant), now).expect("goes on");
        grant = next(scene.ledger.handle(complete(&grant), now).expect("is kept").0);
    }
    before.per_cohort_since().less(made)
}

fn next(reply: Reply) -> Box<LeaseGrant> {
    match reply {
        Reply::Completed { accepted: true, next: Some(grant) } => grant,
        other => panic!("unexpected {other:?}"),
    }
}

/// With the committer and the store, which make it durable.
async fn committed(runs: usize) -> Cost {
    let folder = tempfile::tempdir().expect("folder");
    let config = Config { state: folder.path().to_owned(), ..Config::default() };
    let coordinator = Coordinator::open(&config, Cache::at("/nonexistent")).expect("opens");
    let desk: Desk = coordinator.desk();
    let served = tokio::spawn(coordinator.serve(
        tokio_stream::pending::<std::io::Result<tokio::io::DuplexStream>>(),
        tokio_util::sync::CancellationToken::new(),
    ));
    let record = prepare("many", &text(runs), Format::Toml, &Cache::at("/nonexistent")).expect("a good spec");
    desk.command(Command::CreateStudy(Box::new(record))).await.expect("is kept");
    let slot = SlotInfo { device: DeviceKind::Cpu, model: String::new() };
    let info = WorkerInfo {
        id: "w".to_owned(),
        software: String::new(),
        slots: vec![slot],
        allowed: Allowed::default(),
    };
    desk.command(Command::RegisterWorker(info)).await.expect("registers");
    let reply = desk.command(Command::Lease { worker: "w".to_owned(), slot: 0 }).await.expect("work");
    let Reply::Lease(mut grant) = reply else { panic!("unexpected {reply:?}") };
    let made = made(&grant);
    let before = Cost::now();
    for _ in 0..COHORTS {
        desk.command(progress(&grant)).await.expect("goes on");
        grant = next(desk.command(complete(&grant)).await.expect("is kept"));
    }
    let cost = before.per_cohort_since().less(made);
    served.abort();
    cost
}

#[test]
fn a_cohort_takes_as_little_memory_of_a_large_study_as_of_a_small_one() {
    let [small, large] = [1_000, 100_000].map(ledger);
    println!("ledger: {small:?}, {large:?}");
    small.stays_below(16, 1_500);
    small.is_about(large);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let [small, large] = [1_000, 100_000].map(|runs| runtime.block_on(committed(runs)));
    println!("committed: {small:?}, {large:?}");
    small.stays_below(80, 24_000);
    small.is_about(large);
}
