//! A worker that must not outlive the program that started it, however that one ends.
//!
//! Linux kills a child with its parent (`PR_SET_PDEATHSIG`) if the child itself asks for it, and keeps to it when the
//! child becomes another program. So `foldwise run` starts `foldwise worker`, which asks and then becomes the worker.

use std::io;
use std::process;

use crate::arguments::SlotArguments;

/// The arguments with which this program becomes a worker that ends with this process.
///
/// The thread that starts it counts as the parent: it must be one that lives as long as the process.
pub(in crate::command) fn arguments(coordinator: &str, slots: &SlotArguments) -> Vec<String> {
    let mut arguments = ["worker", "--coordinator", coordinator, "--bound-to"].map(str::to_owned).to_vec();
    arguments.push(process::id().to_string());
    arguments.extend(slots.to_worker());
    arguments
}

/// Ties this process to its parent, which should be `parent`.
#[cfg(target_os = "linux")]
pub(super) fn tie(parent: u32) -> io::Result<()> {
    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
    // What it would hand back, nobody is there to take.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have ended before that was said.
    let parent = i32::try_from(parent).ok().and_then(Pid::from_raw);
    if getppid() == parent { Ok(()) } else { Err(io::Error::other("that process has ended")) }
}

/// Elsewhere a worker ends with its parent only where that one can still see to it.
#[cfg(not(target_os = "linux"))]
pub(super) fn tie(_parent: u32) -> io::Result<()> {
    Ok(())
}
