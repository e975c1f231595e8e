//! The agent: one process per machine that keeps a trainer busy in each slot and speaks to the coordinator.
//!
//! It links libtorch as part of the binary but makes no tensor: whatever happens to a device happens to a trainer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use foldwise_data::Cache;
use foldwise_line::Credentials;
use foldwise_proto::v1 as proto;
use foldwise_study::spec::DeviceKind;
use foldwise_traces::Traces;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod attempt;
mod connection;
mod hang;
mod journal;
mod launch;
mod lines;
mod meters;
mod parcels;
mod scratch;
mod slot;
#[cfg(test)]
mod stub;
mod trainer;

pub use connection::{ConnectionError, Dial};
pub use launch::{Ending, HUGE_PAGES, Launch, Launched, Life, ProcessLauncher};
pub use meters::Meters;

use connection::Connection;
use parcels::Parcels;
use scratch::Scratch;
use slot::Slot;
use trainer::Trainer;

/// Time beyond the grace period that slots are given to hand back what they hold, when the agent stops: 25 s, the upload of
/// checkpoints and some more. What starts workers waits for 30.
const DRAIN_PATIENCE: Duration = attempt::UPLOAD_PATIENCE.saturating_add(Duration::from_secs(5));

/// How an agent is started.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// The coordinator, such as `http://127.0.0.1:7070`; several, of which one leads, with commas between them.
    pub coordinator: String,
    /// What the coordinator is called with.
    pub credentials: Credentials,
    /// The worker's name: unique among the coordinator's workers.
    pub name: String,
    /// Whether the operator lets it run the commands that studies name.
    pub allows_commands: bool,
    /// What each slot trains on.
    pub slots: Vec<SlotDevice>,
    /// How long to look for a coordinator at the start.
    pub connect_patience: Duration,
    /// Time that cohorts under way are given to end, or to come to the end of an epoch, when the agent stops.
    pub grace: Duration,
    /// Where temporary files go.
    pub scratch: PathBuf,
    /// What pauses between tries are varied with; random if absent.
    pub jitter_seed: Option<u64>,
    /// Where what happens is counted.
    pub meters: Arc<Meters>,
    /// Where this machine keeps data: that of its trainers.
    pub cache: Arc<Cache>,
    /// A collector of traces.
    pub traces: Traces,
}

/// What a slot trains on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotDevice {
    /// The kind of device.
    pub kind: DeviceKind,
    /// Which of several GPUs.
    pub ordinal: usize,
    /// Its name, for people.
    pub model: String,
}

/// Why an agent ends by itself.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The coordinator cannot be reached, or does not take this worker.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The folder for files on their way cannot be made.
    #[error("cannot make a temporary folder in {path}: {source}")]
    Scratch {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Works until told to drain, by this machine or by the coordinator: then lets cohorts end or come to a checkpoint within
/// the grace period, hands back the rest and says goodbye.
///
/// # Errors
/// When the coordinator cannot be reached at the start, or does not take this worker.
pub async fn run(
    config: AgentConfig,
    launch: Arc<dyn Launch>,
    dial: &Dial,
    drain: CancellationToken,
) -> Result<(), AgentError> {
    let failed = |source| AgentError::Scratch { path: config.scratch.clone(), source };
    let scratch = Scratch::new(&config.scratch).map_err(failed)?;
    let mut started = Vec::with_capacity(config.slots.len());
    for (index, _) in (0..).zip(&config.slots) {
        let scratch = scratch.slot(index).map_err(failed)?;
        // They come up while the coordinator is looked for. One that does not start is tried again by its slot.
        started.push((index, Trainer::start(launch.as_ref(), index, &scratch).ok(), scratch));
    }
    let connection = Arc::new(Connection::open(&config, dial).await?);
    let tasks = TaskTracker::new();
    for (index, trainer, scratch) in started {
        let (connection, launch, grace) = (Arc::clone(&connection), Arc::clone(&launch), config.grace);
        let meters = Arc::clone(&config.meters);
        let parcels = Parcels::new(Arc::clone(&config.cache));
        let traces = config.traces.clone();
        let slot = Slot { index, connection, launch, scratch, grace, trainer, meters, parcels, traces };
        tasks.spawn(slot.work(drain.clone()));
    }
    tasks.close();
    let patience = async {
        drain.cancelled().await;
        tokio::time::sleep(config.grace + DRAIN_PATIENCE).await;
    };
    tokio::select! {
        biased;
        () = tasks.wait() => {}
        () = patience => tracing::warn!("slots did not end in time; their leases will expire"),
    }
    connection.goodbye().await;
    match connection.refusal() {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}

impl AgentConfig {
    fn slots_message(&self) -> Vec<proto::Slot> {
        let slots = self.slots.iter().zip(0..).map(|(slot, index)| proto::Slot {
            index,
            device: slot.kind.word().to_owned(),
            model: slot.model.clone(),
            lease: String::new(),
        });
        slots.collect()
    }
}
