//! `foldwise worker`: becomes `foldwise-worker`, the program that trains.
//!
//! The worker is a program of its own because it alone needs libtorch.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use clap::{Args, Subcommand};

use crate::arguments::{SlotArguments, Target};
use crate::environment::{Surroundings, WORKER_VARIABLE};
use crate::error::CliError;

pub(super) mod bond;
mod calibrate;

use calibrate::CalibrateArguments;

/// What `foldwise worker` is told; all of it is handed on.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct WorkerArguments {
    #[command(subcommand)]
    command: Option<WorkerCommand>,
    /// What the worker is called; unique among those of a coordinator
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    slots: SlotArguments,
    /// End when this process does, which started this one
    #[arg(long, hide = true, value_name = "PID")]
    bound_to: Option<u32>,
    /// More arguments for `foldwise-worker agent`, as they are
    #[arg(last = true, value_name = "ARGUMENTS")]
    rest: Vec<String>,
}

/// What a worker's program can do beside training.
#[derive(Debug, Subcommand)]
enum WorkerCommand {
    /// Measure what fusing gains on this machine, for plans
    Calibrate(CalibrateArguments),
}

/// Why there is no worker.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    /// The program is not there.
    #[error(
        "cannot find the program `foldwise-worker`: it lies neither beside `foldwise` nor in PATH, nor does \
         {WORKER_VARIABLE} name it; build it with `cargo build -p foldwise-worker`"
    )]
    Missing,
    /// It cannot be made to end with the program that started it.
    #[error("cannot tie the worker to process {parent}: {source}")]
    Bond {
        /// The process.
        parent: u32,
        /// Why.
        source: io::Error,
    },
    /// The program does not start.
    #[error("cannot start {}: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The worker's program.
pub(super) fn program() -> Result<PathBuf, WorkerError> {
    Surroundings::read().worker_program().ok_or(WorkerError::Missing)
}

pub(super) fn execute(arguments: &WorkerArguments, coordinator: &Target) -> Result<(), CliError> {
    let program = program()?;
    if let Some(WorkerCommand::Calibrate(calibrate)) = &arguments.command {
        let mut command = Command::new(&program);
        let source = replace(command.args(calibrate.to_worker()));
        return Err(WorkerError::Start { program, source }.into());
    }
    if let Some(parent) = arguments.bound_to {
        bond::tie(parent).map_err(|source| WorkerError::Bond { parent, source })?;
    }
    let mut command = Command::new(&program);
    command.args(["agent", "--coordinator", &coordinator.coordinator]);
    command.args(coordinator.credentials.to_arguments());
    if let Some(name) = &arguments.name {
        command.args(["--name", name]);
    }
    command.args(arguments.slots.to_worker()).args(&arguments.rest);
    let source = replace(&mut command);
    Err(WorkerError::Start { program, source }.into())
}

/// Replaces this process; comes back only if that fails.
#[cfg(unix)]
fn replace(command: &mut Command) -> io::Error {
    use std::os::unix::process::CommandExt;
    command.exec()
}

/// Waits for the worker and ends as it does; comes back only if it does not start.
#[cfg(not(unix))]
fn replace(command: &mut Command) -> io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
