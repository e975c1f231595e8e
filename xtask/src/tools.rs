//! `cargo xtask tools`: programs that tests use where they are there, and that come through the package registries alone.

use crate::environment::Environment;
use crate::error::TaskError;
use crate::setup::SetupError;
use crate::step;
use crate::workspace::Workspace;

/// Garage, an S3-compatible store; the tests look for it under this name in the user's cache (`tests/src/bucket.rs`).
const GARAGE: &str = "2.5.0";

/// Builds what is not there. It takes some minutes once.
pub(crate) fn run(workspace: &Workspace) -> Result<(), TaskError> {
    let caches = Environment::read().caches.ok_or(SetupError::NoCache)?;
    let root = caches.join(format!("foldwise/garage-{GARAGE}"));
    if root.join("bin/garage").is_file() {
        println!("==> tools: Garage {GARAGE} is in {}", root.display());
        return Ok(());
    }
    // Unoptimized: it is started for tests of seconds, and an optimized one takes three times as long to build.
    let mut install =
        workspace.cargo(["install", "garage", "--version", GARAGE, "--locked", "--profile", "dev"]);
    install.args(["--no-default-features", "--features", "bundled-libs,sqlite", "--root"]).arg(root);
    step::run("tools", &mut install)
}
