//! Why a run on this machine cannot go on.

use std::io;
use std::path::PathBuf;

use foldwise_coordinator::{ServeError, StartError};

use crate::command::worker::WorkerError;

/// Why a run on this machine cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The state folder.
    #[error("cannot use {} to keep the study in: {source}", path.display())]
    State {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The coordinator does not start.
    #[error("cannot start the coordinator: {0}")]
    Start(#[from] StartError),
    /// The coordinator stopped by itself.
    #[error("the coordinator stopped: {0}")]
    Serve(#[from] ServeError),
    /// The coordinator's task is gone.
    #[error("the coordinator stopped without a word; see its log")]
    Gone,
    /// The study would wait for ever.
    #[error("the study `{study}` brings code of its own, and nothing says that this machine may run it")]
    OwnCode {
        /// What it is called.
        study: String,
    },
    /// There is no worker.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The worker ended before it could train.
    #[error("the worker does not start ({how}){}", quoted(tail))]
    NeverReady {
        /// How it ended.
        how: String,
        /// The end of its log.
        tail: String,
        /// Its log.
        log: PathBuf,
    },
    /// The worker ended again and again.
    #[error("the worker ended {times} times, the last time with {how}{}", quoted(tail))]
    KeepsEnding {
        /// How often.
        times: u32,
        /// How it ended.
        how: String,
        /// The end of its log.
        tail: String,
        /// Its log.
        log: PathBuf,
    },
}

impl RunError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NeverReady { log, .. } | Self::KeepsEnding { log, .. } => Some(format!(
                "its whole log is {}; once the cause is gone, run the same command again to go on",
                log.display()
            )),
            Self::OwnCode { .. } => {
                Some("look at the code, and name its folder with --allow-commands FOLDER".to_owned())
            }
            Self::State { .. } => Some("choose another folder with --state".to_owned()),
            Self::Start(_) | Self::Serve(_) | Self::Gone | Self::Worker(_) => None,
        }
    }
}

fn quoted(tail: &str) -> String {
    if tail.is_empty() {
        return "; it wrote nothing".to_owned();
    }
    let lines: String = tail.lines().map(|line| format!("\n  | {line}")).collect();
    format!("; its last words:{lines}")
}
