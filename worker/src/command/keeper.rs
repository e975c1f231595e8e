//! The keeper: a process between a trainer and one command, which makes sure that nothing of the command outlives its trainer.
//!
//! It is this program again. It takes its errand as a line on standard input and orders after it, starts the command in a
//! process group of its own without further rights, and tells of its end on standard output, which the command's report goes
//! to as well. When its input ends, because the trainer is done with the command or has died however it may, it kills
//! the group and whatever left the group.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fd::AsFd;
use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, kill_process_group,
    prlimit, setrlimit, wait, waitid,
};
use serde::{Deserialize, Serialize};

/// Asks the command itself to end.
pub(super) const ASK: u8 = b'a';
/// Asks its whole group to end.
pub(super) const END: u8 = b'e';
/// What the keeper's own lines among those of the report begin with.
pub(super) const MARK: u8 = 0x1e;
/// The first number that a report's file descriptor may have: that after standard error's.
const REPORT_FD_MIN: i32 = 3;
/// Times that processes which left the group are looked for and killed: each may have started others meanwhile.
const SWEEPS_MAX: u32 = 1_000;
/// What the variable with the number of the report's file descriptor is called.
const REPORT_FD: &str = "FOLDWISE_REPORT_FD";

/// What a keeper is to start.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Errand {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) folder: PathBuf,
    /// All of it: nothing else is handed on.
    pub(crate) environment: Vec<(String, String)>,
    /// Address space that a process of it may have.
    pub(crate) memory_bytes: Option<u64>,
    /// Bytes that a file of it may have.
    pub(crate) file_bytes: Option<u64>,
}

/// What a keeper says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// The command runs, in a process group of this number.
    Group(i32),
    /// It could not be started.
    Unstarted(String),
    /// It ended with this exit code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

/// The command's process while it may be sent signals.
type Place = Arc<Mutex<Option<Pid>>>;

/// Keeps one command, from its errand to its end.
///
/// # Errors
/// When the system refuses what a keeper needs.
pub fn run() -> io::Result<()> {
    let mut orders = BufReader::new(io::stdin());
    let mut line = String::new();
    if orders.read_line(&mut line)? == 0 {
        // The trainer ended before it had a command to run.
        return Ok(());
    }
    let errand: Errand = serde_json::from_str(&line)?;
    confine(&errand)?;
    let (mut out, report) = take_output()?;
    let place: Place = Arc::new(Mutex::new(None));
    let ordered = Arc::clone(&place);
    // From here on everything ends with the trainer. While the command starts, that waits.
    let mut held = place.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::spawn(move || obey(orders, &ordered));
    let started = start(&errand, &report);
    drop(report);
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return say(&mut out, &Word::Unstarted(error.to_string())),
    };
    let group = Pid::from_child(&child);
    *held = Some(group);
    drop(held);
    // A trainer that cannot be told has ended, which ends the command as well.
    let _ = say(&mut out, &Word::Group(group.as_raw_nonzero().get()));
    let status = end_of(&mut child, group, &place)?;
    say(&mut out, &word_of(status))
}

/// What the command inherits from this process: no rights beyond the user's, no core files, files of a bounded size; and
/// whatever it leaves behind becomes a child of this process.
fn confine(errand: &Errand) -> io::Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    setrlimit(Resource::Core, bound(0))?;
    if let Some(bytes) = errand.file_bytes {
        setrlimit(Resource::Fsize, bound(bytes))?;
    }
    Ok(())
}

/// This process is larger than what a command may be allowed, so that its limit cannot be inherited.
fn limit_memory(command: &mut Child, errand: &Errand) -> io::Result<()> {
    let Some(bytes) = errand.memory_bytes else { return Ok(()) };
    match prlimit(Some(Pid::from_child(command)), Resource::As, bound(bytes)) {
        // It has ended by now.
        Ok(_) | Err(Errno::SRCH) => Ok(()),
        Err(error) => {
            command.kill()?;
            Err(error.into())
        }
    }
}

fn bound(most: u64) -> Rlimit {
    Rlimit { current: Some(most), maximum: Some(most) }
}

/// Standard output twice: for this process, and as the file descriptor that the command inherits under its number. What
/// is printed from here on goes to standard error.
fn take_output() -> io::Result<(fs::File, OwnedFd)> {
    // The first has the smallest number that is free.
    let report = fcntl_dupfd_cloexec(io::stdout().as_fd(), REPORT_FD_MIN)?;
    let own = fcntl_dupfd_cloexec(&report, REPORT_FD_MIN)?;
    fcntl_setfd(&report, FdFlags::empty())?;
    rustix::stdio::dup2_stdout(io::stderr().as_fd())?;
    Ok((fs::File::from(own), report))
}

fn start(errand: &Errand, report: &OwnedFd) -> io::Result<Child> {
    let mut command = Command::new(&errand.program)
        .args(&errand.arguments)
        .current_dir(&errand.folder)
        .env_clear()
        .envs(errand.environment.iter().map(|(name, value)| (name, value)))
        .env(REPORT_FD, report.as_raw_fd().to_string())
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()?;
    limit_memory(&mut command, errand)?;
    Ok(command)
}

/// Sends on what the trainer orders, until it has nothing more to say; then everything ends.
fn obey(mut orders: impl Read, place: &Place) {
    let mut order = [0];
    while let Ok(1) = orders.read(&mut order) {
        if let Some(command) = *place.lock().unwrap_or_else(PoisonError::into_inner) {
            // A process that has just ended cannot be asked.
            let _ = match order[0] {
                ASK => kill_process(command, Signal::TERM),
                END => kill_process_group(command, Signal::TERM),
                _ => Ok(()),
            };
        }
    }
    let place = place.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(command) = *place {
        let _ = kill_process_group(command, Signal::KILL);
    }
    sweep();
    // The process that waits for the command may end meanwhile, which ends this one as well.
    std::process::exit(0);
}

/// Waits for the command's end, and ends what it has left behind. As long as it has not been collected, its number is no other
/// process's.
fn end_of(child: &mut Child, group: Pid, place: &Place) -> io::Result<ExitStatus> {
    wait_for(group);
    // Where everything ends because the trainer has, this waits for that.
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = kill_process_group(group, Signal::KILL);
    *place = None;
    let status = child.wait()?;
    sweep();
    Ok(status)
}

/// Waits until the command has ended, and leaves it uncollected. What has lost its parent to the command is this process's child
/// and is collected as it ends: a command that starts much over a long time would else run into the user's limit of processes.
fn wait_for(command: Pid) {
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    loop {
        match waitid(WaitId::All, ended) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            // Everything was collected elsewhere, because everything ends.
            Err(_) => return,
        }
        if !matches!(waitid(WaitId::Pid(command), ended | WaitIdOptions::NOHANG), Ok(None)) {
            return;
        }
        let children = children();
        if children.is_empty() {
            // The system does not list even the command: nobody can be told from it.
            while waitid(WaitId::Pid(command), ended).is_err_and(|error| error == Errno::INTR) {}
            return;
        }
        for child in children.into_iter().filter(|&child| child != command) {
            // One that runs stays.
            let _ = waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        }
    }
}

/// Kills the children of this process until there are none: what left the command's group and lost its parent.
fn sweep() {
    for _ in 0..SWEEPS_MAX {
        let children = children();
        if children.is_empty() {
            return;
        }
        for child in children {
            let _ = kill_process(child, Signal::KILL);
        }
        let _ = wait(WaitOptions::empty());
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
    }
}

/// The children of this process, those that ended and were not collected among them.
fn children() -> Vec<Pid> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let numbers = lists.flat_map(|list| {
        let numbers =
            list.split_whitespace().filter_map(|number| number.parse().ok().and_then(Pid::from_raw));
        numbers.collect::<Vec<_>>()
    });
    numbers.collect()
}

fn word_of(status: ExitStatus) -> Word {
    match (status.code(), status.signal()) {
        (Some(code), _) => Word::Code(code),
        (None, signal) => Word::Signal(signal.unwrap_or_default()),
    }
}

/// A line of this process's own. The command's last one may lack its end.
fn say(out: &mut fs::File, word: &Word) -> io::Result<()> {
    let mut line = match word {
        Word::Group(_) | Word::Unstarted(_) => vec![MARK],
        Word::Code(_) | Word::Signal(_) => vec![b'\n', MARK],
    };
    serde_json::to_writer(&mut line, word)?;
    line.push(b'\n');
    out.write_all(&line)
}
