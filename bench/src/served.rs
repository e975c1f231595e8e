//! A coordinator in a process of its own, so that its time and memory are told from those of its clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use foldwise_coordinator::leadership::{self, Role};
use foldwise_coordinator::store::postgres::Address;
use foldwise_coordinator::{Config, Coordinator, Listener};
use foldwise_data::Cache;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;

use crate::Outcome;

/// The hidden command that is the coordinator: `serve FOLDER [DATABASE]`.
pub(crate) const PART: &str = "serve";

/// A running coordinator, with its state in a new folder on disk.
#[derive(Debug)]
pub(crate) struct Served {
    child: Child,
    /// Closing it stops the coordinator.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    address: String,
    folder: TempDir,
}

/// How commands shared transactions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared {
    /// Transactions.
    pub(crate) batches: u64,
    /// Commands that they took.
    pub(crate) commands: u64,
    /// Commands of the largest.
    pub(crate) largest: u64,
}

impl Served {
    /// Starts this very program as a coordinator. Its state lies below the working directory's `target`, for a folder of
    /// temporary files may be in memory.
    ///
    /// # Errors
    /// When it does not come up.
    pub(crate) fn start() -> Outcome<Self> {
        Self::start_on(None)
    }

    /// The same with its state in a database.
    ///
    /// # Errors
    /// When it does not come up.
    pub(crate) fn start_on(store: Option<&str>) -> Outcome<Self> {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        std::fs::create_dir_all(&target)?;
        let folder = tempfile::tempdir_in(target)?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg(PART)
            .arg(folder.path())
            .args(store)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().ok_or("the coordinator says nothing")?);
        let mut address = String::new();
        answers.read_line(&mut address)?;
        Ok(Self { child, orders, answers, address: address.trim().to_owned(), folder })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When it did not say.
    pub(crate) fn endpoint(&self) -> Outcome<Endpoint> {
        Ok(Endpoint::from_shared(format!("http://{}", self.address))?)
    }

    /// Its state folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Processor time that it has used, s.
    ///
    /// # Errors
    /// When the system does not say.
    pub(crate) fn cpu_seconds(&self) -> Outcome<f64> {
        cpu_seconds(&self.child.id().to_string())
    }

    /// Memory that it has in use, bytes.
    ///
    /// # Errors
    /// When the system does not say.
    pub(crate) fn resident_bytes(&self) -> Outcome<u64> {
        resident_bytes(&self.child.id().to_string())
    }

    /// Stops it; how its commands shared transactions.
    ///
    /// # Errors
    /// When it does not say.
    pub(crate) fn stop(mut self) -> Outcome<Shared> {
        drop(self.orders.take());
        let mut said = String::new();
        self.answers.read_line(&mut said)?;
        self.child.wait()?;
        let numbers: Vec<u64> = said.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [batches, commands, largest] = numbers[..] else { return Err(format!("said {said:?}").into()) };
        Ok(Shared { batches, commands, largest })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that was stopped has ended, and one that a failed benchmark leaves is not waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the coordinator: serves until the standard input closes.
///
/// # Errors
/// When it cannot start.
pub(crate) fn serve(arguments: &[String]) -> Outcome<()> {
    let state = Path::new(arguments.first().ok_or("it needs a state folder")?);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let config = Config { listen: "127.0.0.1:0".parse()?, state: state.to_owned(), ..Config::default() };
        let listener = Listener::bind(&config).await?;
        if let Some(database) = arguments.get(1) {
            return lead(&config, Address::read(database)?, &listener).await;
        }
        let coordinator = Coordinator::open(&config, Cache::at("/nonexistent"))?;
        let desk = coordinator.desk();
        println!("{}", listener.address());
        std::io::stdout().flush()?;
        coordinator.serve(listener.incoming(), told_to_stop()).await?;
        let batches = desk.batches();
        println!("{} {} {}", batches.count, batches.commands, batches.largest);
        Ok(())
    })
}

/// Leads on a database. How its commands shared transactions is not known.
async fn lead(config: &Config, database: Address, listener: &Listener) -> Outcome<()> {
    let tell = |role: &Role| {
        if matches!(role, Role::Leads { .. }) {
            println!("{}", listener.address());
        }
    };
    leadership::serve(config, database, Cache::at("/nonexistent"), listener, told_to_stop(), tell).await?;
    println!("0 0 0");
    Ok(())
}

/// Cancelled when the standard input closes.
fn told_to_stop() -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    std::thread::spawn(move || {
        // However the input ends, it has ended.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stopped.cancel();
    });
    stop
}

/// Processor time that a process has used, s; `self` is this one.
///
/// # Errors
/// When the system does not say.
pub(crate) fn cpu_seconds(process: &str) -> Outcome<f64> {
    /// Parts of a second that the system counts in.
    const TICKS: f64 = 100.0;
    let account = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the program's name in brackets, which may hold anything; user and system time are the 14th and 15th.
    let fields = account.rsplit(')').next().ok_or("no account of time")?.split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS)
}

/// Memory of a process that is in use, from the system's own account, bytes; `self` is this one.
///
/// # Errors
/// When the system does not say.
pub(crate) fn resident_bytes(process: &str) -> Outcome<u64> {
    const PAGE_BYTES: u64 = 4096;
    let account = std::fs::read_to_string(format!("/proc/{process}/statm"))?;
    let pages: u64 = account.split(' ').nth(1).ok_or("no account of memory")?.parse()?;
    Ok(pages * PAGE_BYTES)
}
