//! The worker of a run on this machine: one child process in a process group of its own, so that a Ctrl-C at the
//! terminal reaches this program alone, which then tells the worker in order.

use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};

use super::{RunError, StateFolder};
use crate::arguments::SlotArguments;
use crate::client::Client;
use crate::command::worker::{self, WorkerError, bond};
use crate::environment;
use crate::watch::Announcer;

/// Time the worker is given to come to a checkpoint and hand back what it has: its own grace period, its time to upload, and some
/// more.
const DRAIN_PATIENCE: Duration = Duration::from_secs(60);
/// A worker that ends by itself so many times in a row is given up.
const ENDS_MAX: u32 = 5;
/// After this time a worker counts as sound again.
const SOUND_AFTER: Duration = Duration::from_secs(60);
/// Pause before a worker is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// The log's name.
const LOG: &str = "worker";

/// The worker.
#[derive(Debug)]
pub(super) struct WorkerProcess {
    program: PathBuf,
    arguments: Vec<String>,
    state: StateFolder,
    child: Box<dyn ChildWrapper>,
}

impl WorkerProcess {
    /// Starts it; what it writes goes to a log in the state folder.
    pub(super) fn start(
        coordinator: &str,
        slots: &SlotArguments,
        state: &StateFolder,
    ) -> Result<Self, RunError> {
        // Without it, this is told at once and not by way of a log.
        worker::program()?;
        state.log_file(LOG)?;
        let own = environment::own_program();
        let program = own.map_err(|source| WorkerError::Start { program: "foldwise".into(), source })?;
        let arguments = bond::arguments(coordinator, slots);
        let child = spawn(&program, &arguments, state)?;
        Ok(Self { program, arguments, state: state.clone(), child })
    }

    /// Starts it again when it ends by itself, a bounded number of times; comes back when it is given up.
    pub(super) async fn keep_alive(&mut self, client: &Client, announcer: &Announcer) -> RunError {
        let mut ends = 0;
        loop {
            let how = match tokio::time::timeout(SOUND_AFTER, self.child.wait()).await {
                Ok(status) => told(&status),
                Err(_) => {
                    ends = 0;
                    told(&self.child.wait().await)
                }
            };
            ends += 1;
            let (tail, log) = (self.state.log_tail(LOG), self.state.log_path(LOG));
            // A worker that cannot start at all will not do so the next time.
            let known = client.workers().await;
            if known.is_ok_and(|known| known.is_empty()) {
                return RunError::NeverReady { how, tail, log };
            }
            if ends >= ENDS_MAX {
                return RunError::KeepsEnding { times: ends, how, tail, log };
            }
            announcer
                .say(&format!("the worker ended ({how}) and is started again; its log is {}", log.display()));
            tokio::time::sleep(RESTART_PAUSE).await;
            match spawn(&self.program, &self.arguments, &self.state) {
                Ok(child) => self.child = child,
                Err(error) => return error,
            }
        }
    }

    /// Asks it to hand back what it has and to end; ends it if it does not.
    pub(super) async fn drain(&mut self) {
        // One that cannot be asked has ended, or is killed below.
        let _ = self.ask_to_end();
        if tokio::time::timeout(DRAIN_PATIENCE, self.child.wait()).await.is_err() {
            tracing::warn!(
                patience_s = DRAIN_PATIENCE.as_secs(),
                "the worker did not end in time and is killed"
            );
            self.kill().await;
        }
    }

    /// Ends it at once, and its trainers with it.
    pub(super) async fn kill(&mut self) {
        if let Err(error) = Box::into_pin(self.child.kill()).await {
            tracing::warn!(%error, "the worker could not be killed");
        }
    }

    /// SIGTERM to the worker alone: it tells its trainers itself.
    #[cfg(unix)]
    fn ask_to_end(&self) -> io::Result<()> {
        const SIGTERM: i32 = 15;
        self.child.inner().signal(SIGTERM)
    }

    /// Where there is no way to ask, ending is all there is.
    #[cfg(not(unix))]
    fn ask_to_end(&mut self) -> io::Result<()> {
        self.child.start_kill()
    }
}

fn spawn(
    program: &PathBuf,
    arguments: &[String],
    state: &StateFolder,
) -> Result<Box<dyn ChildWrapper>, RunError> {
    let log_path = state.log_path(LOG);
    let log = OpenOptions::new().append(true).create(true).open(&log_path);
    let two = log.and_then(|log| Ok((log.try_clone()?, log)));
    let (out, err) = two.map_err(|source| RunError::State { path: log_path, source })?;
    let mut command = CommandWrap::with_new(program, |command| {
        command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(err);
        // What it writes is read in a file, and quoted.
        command.env("NO_COLOR", "1");
    });
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
    let spawned = command.wrap(KillOnDrop).spawn();
    spawned.map_err(|source| WorkerError::Start { program: program.clone(), source }.into())
}

fn told(status: &io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("it cannot be waited for: {error}"),
    }
}
