//! `cargo xtask bench`: the benchmarks, from a release build.

use std::process::ExitCode;

use clap::Args;

use crate::error::TaskError;
use crate::setup::{self, SetupArguments};
use crate::step;
use crate::workspace::Workspace;

/// Which benchmarks.
#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    /// The benchmark, and arguments for it; without any, the benchmarks say what they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Hands over to the benchmarks. The exit code is theirs.
pub(crate) fn run(workspace: &Workspace, bench: &BenchArguments) -> Result<ExitCode, TaskError> {
    setup::run(workspace, &SetupArguments::default())?;
    // One benchmark starts the programs themselves.
    let programs = ["build", "--release", "-p", "foldwise", "-p", "foldwise-worker"];
    step::run("build", &mut workspace.cargo(programs))?;
    let mut cargo = workspace.cargo(["run", "--release", "-p", "foldwise-bench", "--"]);
    step::hand_over("bench", cargo.args(&bench.arguments))
}
