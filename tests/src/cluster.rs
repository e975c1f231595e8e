//! A coordinator and workers of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::patience::until;
use crate::process::{Finished, Running, foldwise, isolated};
use crate::recruit::Recruit;
use crate::report::StudyJson;

/// A coordinator on a port of its own, with folders of its own.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    coordinator: Option<Running>,
    /// Where to listen: port 0 until the first start.
    listen: String,
    scheme: &'static str,
    options: Vec<String>,
    /// What the coordinator's environment says.
    variables: Vec<(&'static str, String)>,
    /// What its administrator is given by the environment.
    environment: Vec<(&'static str, PathBuf)>,
    /// Other coordinators that workers and commands are told of.
    others: Vec<String>,
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
        Self::start_at(&own_address(), lease_seconds, &[], prepare)
    }

    /// Starts a coordinator on an address, with more options.
    #[must_use]
    pub fn start_at(
        address: &str,
        lease_seconds: f64,
        options: &[&str],
        prepare: impl FnOnce(&Path),
    ) -> Self {
        Self::start_among(address, lease_seconds, options, &[], prepare)
    }

    /// Starts a coordinator on an address, with more options and variables of its environment.
    #[must_use]
    pub fn start_among(
        address: &str,
        lease_seconds: f64,
        options: &[&str],
        variables: &[(&'static str, String)],
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(&folder.path().join("state"));
        let mut options: Vec<_> = options.iter().map(ToString::to_string).collect();
        options.extend(["--lease-seconds".to_owned(), lease_seconds.to_string()]);
        let (listen, environment, others) = (format!("{address}:0"), Vec::new(), Vec::new());
        let (scheme, variables) = ("http", variables.to_vec());
        let mut cluster =
            Self { folder, coordinator: None, listen, scheme, options, variables, environment, others };
        cluster.start_coordinator();
        cluster
    }

    /// Starts a coordinator with TLS that knows its callers: its certificates are in [`Cluster::certificates`], and the
    /// commands of [`Cluster::foldwise`] are its administrator's.
    #[must_use]
    pub fn protected(lease_seconds: f64) -> Self {
        Self::protected_at(&own_address(), lease_seconds, &[], &[], None)
    }

    /// As [`Cluster::protected`], on an address, with a certificate for other addresses too and options of the coordinator;
    /// beside another one, whose CA and administrator it shares.
    #[must_use]
    pub fn protected_at(
        address: &str,
        lease_seconds: f64,
        hosts: &[&str],
        more: &[&str],
        beside: Option<&Self>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certs = beside.map_or_else(|| folder.path().join("certs"), Self::certificates);
        let name = if beside.is_some() { "den-2.example" } else { "den.example" };
        let certify = |arguments: &[&str]| {
            let mut command = isolated(foldwise(), folder.path());
            command.arg("certs").args(arguments).arg("--folder").arg(&certs);
            let _ = Finished::of(&mut command).success();
        };
        if beside.is_none() {
            certify(&["init"]);
        }
        let known = hosts.iter().flat_map(|host| ["--host", host]);
        certify(&["issue", "server", name, "--host", address].into_iter().chain(known).collect::<Vec<_>>());
        let mut options = vec!["--lease-seconds".to_owned(), lease_seconds.to_string()];
        let (cert, key) = (format!("{name}.crt"), format!("{name}.key"));
        for (option, file) in [("--tls-cert", &*cert), ("--tls-key", &*key), ("--client-ca", "ca.crt")] {
            options.extend([option.to_owned(), certs.join(file).display().to_string()]);
        }
        options.extend(more.iter().map(ToString::to_string));
        // Where tests draw their pictures.
        options.extend(["--data-folder".to_owned(), std::env::temp_dir().display().to_string()]);
        options.extend(["--audit-log".to_owned(), folder.path().join("audit.jsonl").display().to_string()]);
        // Who leads first makes it; it is in the store that both share.
        let token = beside.map_or_else(|| folder.path().join("state"), Self::state).join("admin-token");
        let environment = vec![("FOLDWISE_CA", certs.join("ca.crt")), ("FOLDWISE_TOKEN_FILE", token)];
        let listen = format!("{address}:0");
        let mut cluster = Self {
            folder,
            coordinator: None,
            listen,
            scheme: "https",
            options,
            variables: Vec::new(),
            environment,
            others: Vec::new(),
        };
        cluster.start_coordinator();
        cluster
    }

    /// The folder of certificates of a protected coordinator.
    #[must_use]
    pub fn certificates(&self) -> PathBuf {
        self.folder.path().join("certs")
    }

    /// Starts the coordinator on the port that it had, if it had one.
    pub fn start_coordinator(&mut self) {
        let mut running = Running::start(&mut self.coordinator_command());
        let line = running.line_with("listening on");
        line.split("://").nth(1).unwrap().trim().clone_into(&mut self.listen);
        self.coordinator = Some(running);
    }

    /// What the coordinator is started with.
    #[must_use]
    pub fn coordinator_command(&self) -> Command {
        let mut command = isolated(foldwise(), self.folder.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(["coordinator", "--listen", &self.listen, "--state"]).arg(self.state());
        command.args(["--log", "info,refinery_core=warn,foldwise_coordinator=debug"]).args(&self.options);
        command
    }

    /// Kills the coordinator, as a power cut would.
    pub fn kill_coordinator(&mut self) {
        self.coordinator.take().unwrap().kill();
    }

    /// Asks the coordinator to stop and waits until it has.
    pub fn stop_coordinator(&mut self) {
        let running = self.coordinator.take().unwrap();
        running.signal(Signal::SIGTERM);
        let (code, log) = running.end();
        assert_eq!(code, Some(0), "{log}");
    }

    /// Kills the coordinator and starts it again on the same port.
    pub fn crash_coordinator(&mut self) {
        self.kill_coordinator();
        self.start_coordinator();
    }

    /// The coordinator's process.
    pub fn coordinator(&mut self) -> &mut Running {
        self.coordinator.as_mut().unwrap()
    }

    /// Has workers and commands told of another coordinator too.
    pub fn stands_beside(&mut self, other: &Self) {
        self.others.push(format!(",{}://{}", other.scheme, other.listen));
    }

    /// Where the coordinator listens, and others that were named.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.listen, self.others.concat())
    }

    /// The same as address and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.listen
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
        self.recruit(name).slots(slots).registered()
    }

    /// A worker to be started.
    #[must_use]
    pub fn recruit(&self, name: &str) -> Recruit<'_> {
        Recruit::new(self, name)
    }

    /// `foldwise` with arguments, for this coordinator.
    #[must_use]
    pub fn foldwise(&self, arguments: &[&str]) -> Command {
        let mut command = isolated(foldwise(), self.folder.path());
        command.envs(self.environment.iter().map(|(name, path)| (name, path)));
        command.env("FOLDWISE_COORDINATOR", self.url()).current_dir(self.folder.path()).args(arguments);
        command
    }

    /// Runs `foldwise` with arguments, for this coordinator; what it printed, for it must succeed.
    #[must_use]
    pub fn done(&self, arguments: &[&str]) -> String {
        Finished::of(&mut self.foldwise(arguments)).success()
    }

    /// The same, read as JSON.
    #[must_use]
    pub fn json(&self, arguments: &[&str]) -> StudyJson {
        let text = Finished::of(self.foldwise(arguments).args(["--format", "json"])).success();
        serde_json::from_str(&text).unwrap()
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
        let _ = self.done(&["submit", &self.spec(spec)]);
    }

    /// Waits until a study ends.
    pub fn wait(&self, study: &str) {
        let _ = Finished::of(&mut self.foldwise(&["watch", study, "--format", "json"]));
    }

    /// Waits until the next epoch of a study ends.
    pub fn wait_for_epoch(&self, study: &str) {
        let mut watch = Running::start(&mut self.foldwise(&["watch", study, "--format", "json"]));
        watch.line_with("\"event\":\"epoch\"");
    }

    /// How a study stands.
    #[must_use]
    pub fn status(&self, study: &str) -> StudyJson {
        self.json(&["status", study])
    }

    /// A study's report.
    #[must_use]
    pub fn report(&self, study: &str) -> StudyJson {
        self.json(&["report", study])
    }

    /// Waits until a study has succeeded; its report.
    #[must_use]
    pub fn succeeded(&self, study: &str) -> StudyJson {
        let ended = until("the study's end", || {
            let status = self.status(study);
            let over = ["succeeded", "failed", "cancelled"].iter().any(|state| status["state"] == *state);
            over.then_some(status)
        });
        assert_eq!(ended["state"], "succeeded", "{ended:#}");
        self.report(study)
    }

    /// Waits until no worker has a lease of a study's search any more.
    pub fn wait_until_unleased(&self, study: &str) {
        until("the loss of every lease", || (self.status(study)["runs"]["leased"] == 0).then_some(()));
    }

    /// Waits until a run of a study is in trouble for a reason; that run.
    #[must_use]
    pub fn trouble(&self, study: &str, failure: &str) -> StudyJson {
        until(&format!("a run in trouble: {failure}"), || {
            let status = self.status(study);
            status["troubled_runs"].as_array().unwrap().iter().find(|run| run["failure"] == failure).cloned()
        })
    }
}

/// A loopback address that no other test has: while a coordinator is down, nobody else can come by its port, not even a
/// worker that calls it from a port of its own.
pub(crate) fn own_address() -> String {
    static CLUSTERS: AtomicU8 = AtomicU8::new(0);
    if cfg!(target_os = "linux") {
        let [high, low] = [std::process::id() / 250, std::process::id()].map(|part| part % 250 + 1);
        format!("127.{high}.{low}.{}", CLUSTERS.fetch_add(1, Ordering::Relaxed) % 250 + 1)
    } else {
        "127.0.0.1".to_owned()
    }
}
