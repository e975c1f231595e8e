//! A coordinator and workers of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Finished, Running, foldwise, isolated, worker_program};

/// A report as JSON.
pub type StudyJson = Value;

/// A coordinator on a free port, with folders of its own.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    coordinator: Option<Running>,
    url: String,
    lease_seconds: f64,
}

impl Cluster {
    /// Starts a coordinator.
    #[must_use]
    pub fn start(lease_seconds: f64) -> Self {
        Self::start_on(lease_seconds, |_| {})
    }

    /// Starts a coordinator after `prepare` was given the path of its state folder.
    #[must_use]
    pub fn start_on(lease_seconds: f64, prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(&folder.path().join("state"));
        let mut cluster = Self { folder, coordinator: None, url: String::new(), lease_seconds };
        cluster.start_coordinator("127.0.0.1:0");
        cluster
    }

    fn start_coordinator(&mut self, listen: &str) {
        let mut command = isolated(foldwise(), self.folder.path());
        command
            .args(["coordinator", "--listen", listen, "--state"])
            .arg(self.state())
            .args(["--lease-seconds", &self.lease_seconds.to_string()]);
        let mut running = Running::start(&mut command);
        let line = running.line_with("listening on");
        let address = line.split("listening on ").nth(1).unwrap().trim();
        self.url = if address.starts_with("http") { address.to_owned() } else { format!("http://{address}") };
        self.coordinator = Some(running);
    }

    /// Kills the coordinator and starts it again on the same port.
    pub fn crash_coordinator(&mut self) {
        self.coordinator.take().unwrap().kill();
        let address = self.url.trim_start_matches("http://").to_owned();
        self.start_coordinator(&address);
    }

    /// Where the coordinator listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The test's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The coordinator's state folder.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Starts a worker with CPU slots; it is registered when this returns.
    #[must_use]
    pub fn worker(&self, name: &str, slots: u32) -> Running {
        let mut command = isolated(worker_program(), self.folder.path());
        command.args(["agent", "--coordinator", &self.url, "--name", name, "--device", "cpu"]);
        command.args(["--slots", &slots.to_string()]);
        let mut running = Running::start(&mut command);
        running.line_with("registered");
        running
    }

    /// `foldwise` with arguments, for this coordinator.
    #[must_use]
    pub fn foldwise(&self, arguments: &[&str]) -> Command {
        let mut command = isolated(foldwise(), self.folder.path());
        command.env("FOLDWISE_COORDINATOR", &self.url).current_dir(self.folder.path()).args(arguments);
        command
    }

    /// Writes a spec to the test's folder; its path.
    #[must_use]
    pub fn spec(&self, text: &str) -> String {
        let path = self.folder.path().join("spec.toml");
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Submits a spec and returns at once.
    pub fn submit(&self, spec: &str) {
        let _ = Finished::of(&mut self.foldwise(&["submit", &self.spec(spec)])).success();
    }

    /// Waits until a study ends.
    pub fn wait(&self, study: &str) {
        let _ = Finished::of(&mut self.foldwise(&["watch", study, "--format", "json"]));
    }

    /// A study's report.
    #[must_use]
    pub fn report(&self, study: &str) -> StudyJson {
        let text = Finished::of(&mut self.foldwise(&["report", study, "--format", "json"])).success();
        serde_json::from_str(&text).unwrap()
    }
}
