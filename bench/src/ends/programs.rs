//! The programs as people start them: a whole run, or a coordinator and a worker.

use std::fs::{self, File};
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use foldwise_proto::v1::ListWorkersRequest;
use foldwise_proto::v1::study_service_client::StudyServiceClient;
use tonic::transport::{Channel, Endpoint};

use super::log::seconds_of_day;
use crate::Outcome;

/// What is logged: enough to see when a cohort's training begins and ends.
const LOG: &str = "info,foldwise_worker=debug";
/// Pause between looks at a program that comes up.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// Where the programs lie.
pub(super) struct Programs {
    folder: PathBuf,
}

/// A run from its start to its end.
pub(super) struct Run {
    /// Seconds since midnight.
    pub(super) started: f64,
    /// Seconds from the start to the first of the report.
    pub(super) printed: f64,
    /// Seconds from the start to the end of the process.
    pub(super) ended: f64,
}

impl Programs {
    pub(super) fn of(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Those that were built with this program.
    pub(super) fn beside() -> Outcome<Self> {
        let own = std::env::current_exe()?;
        Ok(Self::of(own.parent().ok_or("this program lies nowhere")?.to_owned()))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command.env("RUST_LOG", LOG).stdin(Stdio::null());
        command
    }

    /// Runs a study on this machine, and takes the times.
    #[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    pub(super) fn run(&self, study: &Path, state: &Path) -> Outcome<Run> {
        let (started, clock) = (seconds_of_day(), Instant::now());
        let mut command = self.command("foldwise");
        command.arg("run").arg(study).arg("--state").arg(state).args(["--slots", "1"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut output = child.stdout.take().ok_or("the pipe was asked for")?;
        output.read_exact(&mut [0])?;
        let printed = clock.elapsed().as_secs_f64();
        output.read_to_end(&mut Vec::new())?;
        let status = child.wait()?;
        if !status.success() {
            return Err(format!("`foldwise run` ended with {status}").into());
        }
        Ok(Run { started, printed, ended: clock.elapsed().as_secs_f64() })
    }

    /// Seconds of a process that opens libtorch and does nothing else.
    #[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    pub(super) fn open_libtorch(&self) -> Outcome<f64> {
        let clock = Instant::now();
        self.command("foldwise-worker").arg("count-cuda").stdout(Stdio::null()).status()?;
        Ok(clock.elapsed().as_secs_f64())
    }
}

/// A coordinator, and a folder for it and its worker.
pub(super) struct House<'a> {
    programs: &'a Programs,
    folder: tempfile::TempDir,
    url: String,
    _coordinator: Ends,
}

/// A program that ends with this value.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        // One that has ended already needs no ending.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A worker.
pub(super) struct Worker(Ends);

impl<'a> House<'a> {
    /// Starts a coordinator and waits until it answers.
    pub(super) async fn open(programs: &'a Programs) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = programs.command("foldwise");
        command
            .args(["coordinator", "--listen", &address.to_string(), "--state"])
            .arg(folder.path().join("state"));
        command.stdout(Stdio::null()).stderr(File::create(folder.path().join("coordinator.log"))?);
        let coordinator = Ends(command.spawn()?);
        let house = Self { programs, folder, url: format!("http://{address}"), _coordinator: coordinator };
        while house.client().await.is_err() {
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        Ok(house)
    }

    pub(super) async fn client(&self) -> Outcome<StudyServiceClient<Channel>> {
        let channel = Endpoint::from_shared(self.url.clone())?.connect().await?;
        Ok(StudyServiceClient::new(channel))
    }

    /// Starts a worker of one slot.
    pub(super) fn worker(&self) -> Outcome<Worker> {
        let mut command = self.programs.command("foldwise-worker");
        command.args(["agent", "--coordinator", &self.url, "--slots", "1", "--device", "cpu"]);
        command.stdout(Stdio::null()).stderr(File::create(self.worker_log())?);
        Ok(Worker(Ends(command.spawn()?)))
    }

    /// Waits until the worker is registered, and idle.
    pub(super) async fn wait_for_worker(&self, client: &mut StudyServiceClient<Channel>) -> Outcome<()> {
        while client.list_workers(ListWorkersRequest {}).await?.into_inner().workers.is_empty() {
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        // What comes up beside its registration.
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(())
    }

    pub(super) fn worker_log(&self) -> PathBuf {
        self.folder.path().join("worker.log")
    }
}

impl Worker {
    /// What the agent and its trainers take: their share of what is resident, and what is theirs alone.
    pub(super) fn memory(&self) -> Outcome<String> {
        let agent = self.0.0.id();
        let children = fs::read_to_string(format!("/proc/{agent}/task/{agent}/children")).unwrap_or_default();
        let mut all = vec![format!("agent {}", memory_of(agent)?)];
        for child in children.split_whitespace() {
            all.push(format!("trainer {}", memory_of(child.parse()?)?));
        }
        Ok(all.join(", "))
    }
}

fn memory_of(process: u32) -> Outcome<String> {
    let account = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let mebibytes = |field: &str| {
        let line = account.lines().find_map(|line| line.strip_prefix(field));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kibibytes.map_or(0, |kibibytes| kibibytes >> 10)
    };
    Ok(format!("{} MiB of its own, {} MiB with its share", mebibytes("Anonymous:"), mebibytes("Pss:")))
}
