//! Plays a scenario: machines, links, and what befalls them.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldwise_coordinator::{Config, Coordinator};
use foldwise_data::Cache;
use foldwise_line::Credentials;
use foldwise_study::spec::DeviceKind;
use foldwise_worker::agent::{self, AgentConfig, Meters, SlotDevice};
use tokio_util::sync::CancellationToken;
use turmoil::Sim;

use crate::Tally;
use crate::history::note;
use crate::network::{self, COORDINATOR};
use crate::operator::{self, Outcome};
use crate::report::Report;
use crate::scenario::{Dice, FaultKind, Scenario};
use crate::trainer::StubLauncher;
use crate::witness::Witness;

/// Every study of every scenario ends in less simulated time; one that does not is lost.
const PATIENCE: Duration = Duration::from_secs(900);
const TICK: Duration = Duration::from_millis(10);
const LEASE_SECONDS: f64 = 2.0;
/// A worker that was drained comes back after this time.
const AWAY_MS: u64 = 3_000;

/// Plays a scenario to its end: the report, and what was done on the way.
///
/// # Errors
/// Says what should not have been.
pub fn run(scenario: &Scenario) -> Result<(Report, Tally), String> {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let folder = folder.map_err(|error| error.to_string())?;
    align_task_numbers()?;
    let mut builder = turmoil::Builder::new();
    builder
        .rng_seed(scenario.seed)
        .tick_duration(TICK)
        .simulation_duration(PATIENCE)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(scenario.latency_ms))
        .tcp_capacity(1 << 16);
    let mut sim = builder.build();
    let witness = Witness::default();
    let trainer_faults = Arc::new(AtomicU64::new(0));
    add_coordinator(&mut sim, folder.path(), &witness);
    for (index, &slots) in scenario.workers.iter().enumerate() {
        add_worker(&mut sim, folder.path(), scenario, (index, slots), &trainer_faults)?;
    }
    let outcome: Outcome = Arc::default();
    {
        let (scenario, outcome) = (scenario.clone(), Arc::clone(&outcome));
        sim.client("person", async move {
            operator::work(scenario, outcome).await;
            Ok(())
        });
    }
    let mut play = Play { due: schedule(scenario), back: Vec::new(), tally: Tally::default() };
    loop {
        play.act(&mut sim);
        let over = sim.step().map_err(|error| format!("the simulation failed: {error}"))?;
        if let Some(violation) = witness.violation() {
            return Err(format!("an invariant does not hold: {violation}"));
        }
        if over {
            break;
        }
    }
    let ended = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
    let report = ended.ok_or("the person left without a word")??;
    let mut tally = play.tally;
    tally.trainer_faults = trainer_faults.load(Ordering::Relaxed);
    tally.operations = scenario.operations.len() as u64;
    tally.checks = witness.checks();
    tally.simulated_ms = u64::try_from(sim.elapsed().as_millis()).unwrap_or(u64::MAX);
    if tally.checks == 0 {
        return Err("nobody looked at the ledger".to_owned());
    }
    Ok((report, tally))
}

/// tokio numbers the tasks of a process, and ends those of a machine that crashes in an order that follows from their
/// numbers modulo the lists they are kept in. Starting from a round number makes a seed that is played after others the
/// same as one that is played alone.
fn align_task_numbers() -> Result<(), String> {
    const ROUND: u64 = 64;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    loop {
        let number = runtime.spawn(async {}).id().to_string().parse::<u64>();
        if number.map_err(|error| error.to_string())?.is_multiple_of(ROUND) {
            return Ok(());
        }
    }
}

fn add_coordinator(sim: &mut Sim<'_>, folder: &Path, witness: &Witness) {
    let config = Config {
        state: folder.join("state"),
        lease_seconds: LEASE_SECONDS,
        insecure: true,
        ..Config::default()
    };
    let witness = witness.clone();
    sim.host(COORDINATOR, move || {
        let (config, witness) = (config.clone(), witness.clone());
        async move {
            let coordinator = Coordinator::open(&config, Cache::at("/nonexistent"))?;
            tokio::spawn(witness.watch(coordinator.desk(), config.state.clone()));
            coordinator.serve(network::incoming().await?, CancellationToken::new()).await?;
            Ok(())
        }
    });
}

fn add_worker(
    sim: &mut Sim<'_>,
    folder: &Path,
    scenario: &Scenario,
    (index, slots): (usize, u32),
    failed: &Arc<AtomicU64>,
) -> Result<(), String> {
    let name = worker(index);
    let scratch = folder.join(&name);
    std::fs::create_dir(&scratch).map_err(|error| error.to_string())?;
    let device = SlotDevice { kind: DeviceKind::Cpu, ordinal: 0, model: "simulated".to_owned() };
    let config = AgentConfig {
        coordinator: network::url(),
        credentials: Credentials::default(),
        name: name.clone(),
        allows_commands: false,
        slots: vec![device; slots as usize],
        connect_patience: Duration::from_secs(3600),
        grace: Duration::from_secs(2),
        scratch,
        jitter_seed: Some(scenario.seed),
        meters: Arc::new(Meters::new(slots as usize)),
        cache: Arc::new(Cache::at("/nonexistent")),
        traces: Default::default(),
    };
    let launch = Arc::new(StubLauncher {
        faults: scenario.trainers,
        dice: Mutex::new(Dice::new(scenario.seed, &name)),
        failed: Arc::clone(failed),
    });
    sim.host(name, move || {
        let (config, launch) = (config.clone(), Arc::clone(&launch));
        async move {
            agent::run(config, launch, &network::dial_of, CancellationToken::new()).await?;
            // A worker that was told to end does so, and its machine stays up.
            std::future::pending::<Result<(), Box<dyn Error>>>().await
        }
    });
    Ok(())
}

fn worker(index: usize) -> String {
    format!("worker-{index}")
}

/// What is done at a time.
#[derive(Debug, Clone, Copy)]
enum Act {
    Begin(FaultKind, u64),
    /// A worker that was drained is started again.
    Return(usize),
}

fn schedule(scenario: &Scenario) -> Vec<(u64, Act)> {
    use crate::scenario::OperationKind::Drain;
    let faults = scenario.faults.iter().map(|fault| (fault.at_ms, Act::Begin(fault.kind, fault.for_ms)));
    let returns = scenario.operations.iter().filter_map(|operation| match operation.kind {
        // Operations wait for one another: the worker may be drained later than planned, so it comes back often.
        Drain(worker) => Some((operation.at_ms, worker)),
        _ => None,
    });
    let returns = returns.flat_map(|(at_ms, worker)| {
        (1..=30).map(move |time| (at_ms + time * AWAY_MS * 2, Act::Return(worker)))
    });
    let mut due: Vec<(u64, Act)> = faults.chain(returns).collect();
    due.sort_by_key(|(at_ms, _)| *at_ms);
    due.reverse();
    due
}

struct Play {
    /// What is to be done, the next last.
    due: Vec<(u64, Act)>,
    /// What is made good again when.
    back: Vec<(u64, FaultKind)>,
    tally: Tally,
}

impl Play {
    fn act(&mut self, sim: &mut Sim<'_>) {
        let now = u64::try_from(sim.elapsed().as_millis()).unwrap_or(u64::MAX);
        while let Some((_, act)) = self.due.pop_if(|(at_ms, _)| *at_ms <= now) {
            match act {
                Act::Begin(kind, for_ms) => self.begin(sim, kind, now, for_ms),
                Act::Return(index) => {
                    let busy = self.back.iter().any(|(_, kind)| *kind == FaultKind::WorkerCrash(index));
                    if !busy {
                        note(now, || format!("{} is started again", worker(index)));
                        sim.bounce(worker(index));
                    }
                }
            }
        }
        let (over, back) = self.back.drain(..).partition(|(until_ms, _)| *until_ms <= now);
        self.back = back;
        let over: Vec<(u64, FaultKind)> = over;
        over.into_iter().for_each(|(_, kind)| end(sim, kind, now));
    }

    /// A machine that is down cannot go down, and a link that is cut cannot be cut.
    fn begin(&mut self, sim: &mut Sim<'_>, kind: FaultKind, now: u64, for_ms: u64) {
        use FaultKind::{CoordinatorCrash, Hold, OneWay, Partition, WorkerCrash};
        let link = |kind: &FaultKind| match *kind {
            Partition(worker) | OneWay(worker) | Hold(worker) => Some(worker),
            CoordinatorCrash | WorkerCrash(_) => None,
        };
        let busy = self.back.iter().any(|(_, other)| {
            *other == kind || link(other).is_some_and(|worker| link(&kind) == Some(worker))
        });
        if busy {
            return;
        }
        note(now, || format!("{kind:?} for {for_ms} ms"));
        match kind {
            CoordinatorCrash => {
                self.tally.coordinator_crashes += 1;
                sim.crash(COORDINATOR);
            }
            WorkerCrash(index) => {
                self.tally.worker_crashes += 1;
                sim.crash(worker(index));
            }
            Partition(index) => sim.partition(worker(index), COORDINATOR),
            OneWay(index) => sim.partition_oneway(worker(index), COORDINATOR),
            Hold(index) => sim.hold(worker(index), COORDINATOR),
        }
        self.tally.network_faults += u64::from(link(&kind).is_some());
        self.back.push((now + for_ms, kind));
    }
}

fn end(sim: &mut Sim<'_>, kind: FaultKind, now: u64) {
    note(now, || format!("{kind:?} is over"));
    match kind {
        FaultKind::CoordinatorCrash => sim.bounce(COORDINATOR),
        FaultKind::WorkerCrash(index) => sim.bounce(worker(index)),
        FaultKind::Partition(index) => sim.repair(worker(index), COORDINATOR),
        FaultKind::OneWay(index) => sim.repair_oneway(worker(index), COORDINATOR),
        FaultKind::Hold(index) => sim.release(worker(index), COORDINATOR),
    }
}
