//! How a slot comes to a trainer: what it says and hears of one, and the process that is one in life.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::process::{Child, Command};

use super::SlotDevice;
use crate::command::CommandRules;
use crate::machine;

/// What a process that trains is to have in its environment: glibc then asks for huge pages, by which steps over large
/// activations gain a tenth. Elsewhere it says nothing to anybody.
pub const HUGE_PAGES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");

/// Starts trainers. In life they are processes; a simulation has its own.
pub trait Launch: Send + Sync + std::fmt::Debug {
    /// Starts a trainer for a slot, whose files go to `scratch`.
    ///
    /// # Errors
    /// When it cannot be started.
    fn launch(&self, slot: u32, scratch: &Path) -> Result<Launched, String>;
}

/// A trainer that was started.
pub struct Launched {
    /// Where orders go, as length-delimited messages.
    pub orders: Box<dyn AsyncWrite + Send + Sync + Unpin>,
    /// Where events come from, likewise.
    pub events: Box<dyn AsyncRead + Send + Sync + Unpin>,
    /// Its life; dropping it ends it.
    pub life: Box<dyn Life>,
}

/// A trainer's life.
pub trait Life: Send + Sync {
    /// Waits for its end.
    fn end(&mut self) -> Pin<Box<dyn Future<Output = Ending> + Send + '_>>;

    /// Its process, where it is one.
    fn process(&self) -> Option<u32> {
        None
    }
}

/// How a trainer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// For people.
    pub reason: String,
    /// Whether the machine's memory had run out.
    pub out_of_memory: bool,
}

/// Starts processes of this program.
#[derive(Debug)]
pub struct ProcessLauncher {
    /// What each slot trains on.
    pub slots: Vec<SlotDevice>,
    /// Threads of each CPU trainer.
    pub threads: u32,
    /// What commands of studies' own are allowed; none are without.
    pub commands: Option<CommandRules>,
    /// What they have in their environment beside the agent's.
    pub environment: Option<(&'static str, &'static str)>,
}

impl Launch for ProcessLauncher {
    fn launch(&self, slot: u32, scratch: &Path) -> Result<Launched, String> {
        let device = self.slots.get(slot as usize).ok_or_else(|| format!("there is no slot {slot}"))?;
        let program = machine::this_program();
        let program =
            program.map_err(|error| format!("cannot find this program to start a trainer from: {error}"))?;
        let mut command = Command::from(program);
        if let Some((name, value)) = self.environment {
            command.env(name, value);
        }
        let mut child = command
            .arg("trainer")
            .args(["--device", device.kind.word()])
            .args(["--ordinal", &device.ordinal.to_string()])
            .args(["--threads", &self.threads.to_string()])
            .arg("--scratch")
            .arg(scratch)
            .args(self.commands.iter().flat_map(CommandRules::to_arguments))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A group of its own: Ctrl-C at a terminal is for the agent, which then ends its trainers in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start a trainer from this program: {error}"))?;
        let piped = "the pipes were asked for above";
        let orders = Box::new(child.stdin.take().expect(piped));
        let events = Box::new(child.stdout.take().expect(piped));
        let life = Process { child, memory_kills: machine::memory_kills() };
        Ok(Launched { orders, events, life: Box::new(life) })
    }
}

struct Process {
    child: Child,
    /// Processes that this machine had killed for memory when this one started.
    memory_kills: Option<u64>,
}

impl Life for Process {
    fn process(&self) -> Option<u32> {
        self.child.id()
    }

    fn end(&mut self) -> Pin<Box<dyn Future<Output = Ending> + Send + '_>> {
        Box::pin(async {
            match self.child.wait().await {
                Ok(status) => ending(status, self.memory_kills),
                Err(error) => of_unknown(&error),
            }
        })
    }
}

fn of_unknown(error: &io::Error) -> Ending {
    Ending { reason: format!("the trainer ended, and how is not known: {error}"), out_of_memory: false }
}

fn ending(status: ExitStatus, memory_kills: Option<u64>) -> Ending {
    use std::os::unix::process::ExitStatusExt;
    const SIGKILL: i32 = 9;
    let killed = status.signal() == Some(SIGKILL);
    let out_of_memory = killed && machine::memory_kills() > memory_kills;
    let how = match (status.code(), status.signal()) {
        _ if out_of_memory => "was killed: the machine ran out of memory".to_owned(),
        (_, Some(SIGKILL)) => "was killed (signal 9)".to_owned(),
        (_, Some(signal)) => format!("died of signal {signal}"),
        (Some(code), None) => format!("ended with exit code {code}; its log says why"),
        (None, None) => "ended".to_owned(),
    };
    Ending { reason: format!("the trainer {how}"), out_of_memory }
}

impl std::fmt::Debug for Launched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launched").finish_non_exhaustive()
    }
}
