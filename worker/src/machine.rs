//! What the machine is: its name, its cores, its GPUs; and this program on it.

use std::io;
use std::process::Command;

/// What lists of processes call this program's.
#[cfg(target_os = "linux")]
const NAME: &std::ffi::CStr = c"foldwise-worker";

/// This program, to be started again. On Linux it is the same one even when an upgrade has put another file in its place
/// or removed it: parts of two versions would not understand each other. Its libraries are looked for beside the place that
/// it was started from, as before.
///
/// # Errors
/// Where the system does not say which program this is.
pub fn this_program() -> io::Result<Command> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt as _;
        // The file that this process runs, whatever its path names by now.
        let mut command = Command::new("/proc/self/exe");
        if let Some(called) = std::env::args_os().next() {
            command.arg0(called);
        }
        Ok(command)
    }
    #[cfg(not(target_os = "linux"))]
    Ok(Command::new(std::env::current_exe()?))
}

/// Has this process called by the program's name, and not `exe`, as one that [`this_program`] started would be.
pub fn take_name() {
    // Nothing but lists of processes depends on it.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_name(NAME);
}

/// A name for a worker on this machine that no other worker has.
#[must_use]
pub fn worker_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String =
        host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c)).collect();
    let host = if host.is_empty() { "worker".to_owned() } else { host };
    // A file's random name is as good a source as any, and needs no crate of its own.
    let random = tempfile::Builder::new().prefix("").rand_bytes(6).tempfile();
    let random = random.ok().and_then(|file| Some(file.path().file_name()?.to_string_lossy().into_owned()));
    format!("{:.60}-{}", host, random.unwrap_or_else(|| std::process::id().to_string()))
}

/// Cores that this process may use.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// CUDA devices, asked of a process of their own so that this one touches none. None where asking fails: the
/// absence of a GPU is a normal state. Where there is no driver, nobody is asked: that process would first open all of
/// libtorch.
#[must_use]
pub fn cuda_devices() -> i64 {
    if !crate::cuda::driver_is_there() {
        return 0;
    }
    let asked = this_program().and_then(|mut program| program.arg("count-cuda").output());
    let Ok(output) = asked else { return 0 };
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0)
}

/// Memory of this machine, bytes; `None` where it does not say.
#[must_use]
pub fn memory_bytes() -> Option<u64> {
    let account = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = account.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Processes that this machine has killed since it started because memory ran out; `None` where it does not say.
#[must_use]
pub fn memory_kills() -> Option<u64> {
    let counters = std::fs::read_to_string("/proc/vmstat").ok()?;
    counters.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}
