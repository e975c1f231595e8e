//! What can stop a task.

use std::io;
use std::path::{Path, PathBuf};

use crate::setup::SetupError;

/// A task that could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    /// libtorch could not be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A step's command failed; it has said why.
    #[error("step `{step}` failed: `{command}` ended with {status}")]
    Failed { step: String, command: String, status: String },
    /// A command could not be started.
    #[error("step `{step}` could not start `{command}`: {reason}")]
    Start { step: String, command: String, reason: io::Error },
    /// Cargo did not say where it builds.
    #[error("could not learn the target folder from `cargo metadata`: {reason}")]
    Metadata { reason: String },
    /// Fuzzing could not begin or go on.
    #[error("cannot fuzz: {reason}")]
    Fuzz { reason: String },
    /// A file that the task works on is missing.
    #[error("{} is missing; the {task} needs it", path.display())]
    Missing { path: PathBuf, task: &'static str },
}

impl TaskError {
    pub(crate) fn need(path: &Path, task: &'static str) -> Result<(), Self> {
        if path.exists() { Ok(()) } else { Err(Self::Missing { path: path.to_owned(), task }) }
    }
}
