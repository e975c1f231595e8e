//! `cargo xtask test`: everything that must hold before a change is taken.

use std::process::{Command, Stdio};

use clap::Args;

use crate::environment::Environment;
use crate::error::TaskError;
use crate::python;
use crate::setup::{self, SetupArguments};
use crate::step;
use crate::workspace::Workspace;

/// What is checked.
#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// Leave out the checks of format and lints
    #[arg(long)]
    no_lint: bool,
}

/// The variable that tells the system's loader where else to look for libraries.
const LIBRARY_PATH: &str =
    if cfg!(target_os = "macos") { "DYLD_FALLBACK_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };

/// Runs every check in order and stops at the first that fails.
pub(crate) fn run(workspace: &Workspace, arguments: &TestArguments) -> Result<(), TaskError> {
    setup::run(workspace, &SetupArguments::default())?;
    let ci = Environment::read().ci;
    let cargo = |line: &str| {
        let mut cargo = workspace.cargo(line.split(' '));
        if ci {
            cargo.env("RUSTFLAGS", "-D warnings");
        }
        cargo
    };
    if !arguments.no_lint {
        step::run("format", &mut cargo("fmt --all --check"))?;
        step::run("lint", &mut cargo("clippy --workspace --all-targets -- -D warnings"))?;
        // What is left out with the features is left out everywhere.
        let bare = "clippy -p foldwise -p foldwise-worker --no-default-features -- -D warnings";
        step::run("lint without features", &mut cargo(bare))?;
    }
    // The end-to-end tests start these.
    step::run("build", &mut cargo("build --workspace --bins"))?;
    let tests = if has_nextest(workspace) {
        "nextest run --workspace"
    } else {
        "test --workspace --lib --bins --tests"
    };
    step::run("test", &mut cargo(tests))?;
    python::check(workspace, !arguments.no_lint)?;
    // Doc tests are linked without the run path that the worker's build script gives its programs.
    let libraries = setup::libraries(workspace);
    step::run("doc tests", cargo("test --workspace --doc").env(LIBRARY_PATH, libraries))?;
    let denied = if ci { "-D warnings" } else { "-D rustdoc::broken_intra_doc_links" };
    step::run("documentation", cargo("doc --workspace --no-deps").env("RUSTDOCFLAGS", denied))
}

fn has_nextest(workspace: &Workspace) -> bool {
    let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet(&mut workspace.cargo(["nextest", "--version"])).is_ok_and(|status| status.success())
}
