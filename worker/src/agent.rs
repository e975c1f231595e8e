//! The agent: one process per machine that keeps a trainer busy in each slot and speaks to the coordinator.
//!
//! It links libtorch as part of the binary but makes no tensor: whatever happens to a device happens to a trainer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use foldwise_proto::v1 as proto;
use foldwise_study::spec::DeviceKind;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod connection;
mod slot;
mod trainer_process;

pub use connection::ConnectionError;

use connection::Connection;
use slot::Slot;
use trainer_process::TrainerSpawner;

/// Time that slots are given to hand back what they hold, when the agent stops.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);

/// How an agent is started.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// The coordinator, such as `http://127.0.0.1:7070`.
    pub coordinator: String,
    /// The worker's name: unique among the coordinator's workers.
    pub name: String,
    /// What each slot trains on.
    pub slots: Vec<SlotDevice>,
    /// Threads of each CPU trainer.
    pub threads: u32,
    /// How long to look for a coordinator at the start.
    pub connect_patience: Duration,
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
    #[error("cannot make a temporary folder: {0}")]
    Scratch(std::io::Error),
    /// The path of the running program is not known.
    #[error("cannot find the path of this program to start trainers from: {0}")]
    Program(std::io::Error),
}

/// Works until told to drain: then hands back what it holds and says goodbye.
///
/// # Errors
/// When the coordinator cannot be reached at the start, or does not take this worker.
pub async fn run(config: AgentConfig, drain: CancellationToken) -> Result<(), AgentError> {
    let scratch = tempfile::Builder::new().prefix("foldwise-").tempdir().map_err(AgentError::Scratch)?;
    let program = std::env::current_exe().map_err(AgentError::Program)?;
    let connection = Arc::new(Connection::open(&config).await?);
    let tasks = TaskTracker::new();
    for (device, index) in config.slots.iter().zip(0..) {
        let spawner = TrainerSpawner {
            program: program.clone(),
            device: device.clone(),
            threads: config.threads,
            scratch: scratch_folder(scratch.path(), index).map_err(AgentError::Scratch)?,
        };
        let slot = Slot::new(index, Arc::clone(&connection), spawner);
        tasks.spawn(slot.work(drain.clone()));
    }
    tasks.close();
    let patience = async {
        drain.cancelled().await;
        tokio::time::sleep(DRAIN_PATIENCE).await;
    };
    tokio::select! {
        () = tasks.wait() => {}
        () = patience => tracing::warn!("slots did not end in time; their leases will expire"),
    }
    connection.goodbye().await;
    match connection.refusal() {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}

fn scratch_folder(parent: &std::path::Path, slot: u32) -> std::io::Result<PathBuf> {
    let folder = parent.join(format!("slot-{slot}"));
    std::fs::create_dir(&folder)?;
    Ok(folder)
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
