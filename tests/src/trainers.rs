//! The trainers of an agent, as the system lists processes.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::patience::until;
use crate::process::Running;

/// A trainer process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trainer {
    process: i32,
    /// When it started, in ticks since the machine did: another process with the same number started at another time.
    started: u64,
}

impl Trainer {
    /// The trainers that an agent has now.
    #[must_use]
    pub fn of(agent: &Running) -> Vec<Self> {
        let numbers = fs::read_dir("/proc").unwrap().flatten();
        let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let trainers = numbers.filter_map(|process| {
            let Status { parent, started } = status(process)?;
            // Between its two births it is still the agent's double.
            let line = fs::read(format!("/proc/{process}/cmdline")).ok()?;
            let trains = line.split(|&byte| byte == 0).nth(1) == Some(b"trainer");
            (parent == agent.process() && trains).then_some(Self { process, started })
        });
        trainers.collect()
    }

    /// A trainer of an agent, as soon as it has one.
    #[must_use]
    pub fn wait_for(agent: &Running) -> Self {
        until("an agent's trainer", || Self::of(agent).first().copied())
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_alive(self) -> bool {
        status(self.process).is_some_and(|status| status.started == self.started)
    }

    /// What lists of processes call it.
    #[must_use]
    pub fn name(self) -> String {
        fs::read_to_string(format!("/proc/{}/comm", self.process)).unwrap_or_default().trim().to_owned()
    }

    /// Sends it a signal. Whether it still ran.
    pub fn signal(self, signal: Signal) -> bool {
        self.is_alive() && kill(Pid::from_raw(self.process), signal).is_ok()
    }

    /// The most memory that it has ever asked the system for, in bytes of address space.
    #[must_use]
    pub fn address_space_bytes(self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.process)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
    }
}

struct Status {
    parent: i32,
    started: u64,
}

/// What the system says of a process; nothing of one that has ended.
fn status(process: i32) -> Option<Status> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name may hold spaces, and stands in parentheses before everything else.
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    let ended = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    (!ended).then_some(Status { parent, started })
}
