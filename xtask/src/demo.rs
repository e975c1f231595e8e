//! `cargo xtask demo`: from a fresh checkout to a report, with nothing to decide.

use std::process::ExitCode;

use clap::Args;

use crate::error::TaskError;
use crate::setup::{self, SetupArguments};
use crate::step;
use crate::workspace::Workspace;

/// The study that is run.
const STUDY: &str = "studies/quickstart.toml";

/// How the study is shown.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Open the page of the search in a browser
    #[arg(long)]
    open: bool,
}

/// Builds the programs (unoptimized: libtorch does the work, and a release takes minutes longer), fetches the study's dataset and hands over to the study. The exit code is the study's.
pub(crate) fn run(workspace: &Workspace, arguments: &DemoArguments) -> Result<ExitCode, TaskError> {
    TaskError::need(&workspace.root().join(STUDY), "demo")?;
    setup::run(workspace, &SetupArguments::default())?;
    step::run("build", &mut workspace.cargo(["build", "-p", "foldwise", "-p", "foldwise-worker"]))?;
    let foldwise = workspace.binary("debug", "foldwise")?;
    step::run("dataset", workspace.command(&foldwise).args(["data", "fetch", "fashion-mnist"]))?;
    step::hand_over(
        "study",
        workspace.command(&foldwise).args(["run", STUDY]).args(arguments.open.then_some("--open")),
    )
}
