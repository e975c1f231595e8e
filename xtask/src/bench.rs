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
    /// The benchmarks, all of them by default, and `--dry-run` to leave docs/benchmarks.md as it is
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Builds the programs, some of which are measured whole, and hands over to the benchmarks. The exit code is theirs.
pub(crate) fn run(workspace: &Workspace, bench: &BenchArguments) -> Result<ExitCode, TaskError> {
    setup::run(workspace, &SetupArguments::default())?;
    // In one build, so that all agree on the features of what they share and nothing is built twice.
    let packages = ["-p", "foldwise", "-p", "foldwise-worker", "-p", "foldwise-bench"];
    step::run("build", workspace.cargo(["build", "--release"]).args(packages))?;
    let program = workspace.binary("release", "foldwise-bench")?;
    step::hand_over("bench", workspace.command(program).args(&bench.arguments))
}
