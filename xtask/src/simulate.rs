//! `cargo xtask simulate`: simulated clusters, seed after seed.

use std::process::ExitCode;

use clap::Args;

use crate::error::TaskError;
use crate::setup::{self, SetupArguments};
use crate::step;
use crate::workspace::Workspace;

/// Which seeds.
#[derive(Debug, Args)]
pub(crate) struct SimulateArguments {
    /// How many seeds
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Print the history of every seed
    #[arg(long)]
    verbose: bool,
}

/// Hands over to the simulation. The exit code is its own.
pub(crate) fn run(workspace: &Workspace, simulate: &SimulateArguments) -> Result<ExitCode, TaskError> {
    setup::run(workspace, &SetupArguments::default())?;
    let mut cargo = workspace.cargo(["run", "-p", "foldwise-simulation", "--"]);
    cargo.args(["--seeds", &simulate.seeds.to_string(), "--from", &simulate.from.to_string()]);
    if simulate.verbose {
        cargo.arg("--verbose");
    }
    step::hand_over("simulate", &mut cargo)
}
