//! The time that training takes: where one thread does all of it that thread's own, which the load of others does not
//! change, and that of the wall elsewhere.

use std::fmt;
use std::time::Instant;

use foldwise_study::spec::DeviceKind;

/// Which time is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopwatch {
    /// What this thread spent on a core.
    Thread,
    /// The wall's.
    Wall,
}

/// A reading.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    wall: Instant,
    thread_ns: Option<u64>,
}

impl Stopwatch {
    /// The one that fits a device, as far as the system tells.
    pub(super) fn of(kind: DeviceKind, threads: u32) -> Self {
        let alone = kind == DeviceKind::Cpu && threads == 1;
        if alone && thread_ns().is_some() { Self::Thread } else { Self::Wall }
    }

    #[allow(clippy::disallowed_methods, reason = "what a calibration measures is time")]
    pub(super) fn read(self) -> Reading {
        let thread_ns = match self {
            Self::Thread => thread_ns(),
            Self::Wall => None,
        };
        Reading { wall: Instant::now(), thread_ns }
    }
}

impl Reading {
    /// Seconds from an earlier reading to this one.
    pub(super) fn seconds_since(self, earlier: Self) -> f64 {
        match (earlier.thread_ns, self.thread_ns) {
            (Some(before), Some(after)) => after.saturating_sub(before) as f64 / 1e9,
            _ => self.wall.duration_since(earlier.wall).as_secs_f64(),
        }
    }
}

/// Time that this thread spent on a core, ns; `None` where the system does not say.
#[cfg(target_os = "linux")]
fn thread_ns() -> Option<u64> {
    // The account in /proc is brought up to date at the scheduler's ticks only, some milliseconds apart.
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (u64::try_from(spent.tv_sec).ok()?, u64::try_from(spent.tv_nsec).ok()?);
    Some(seconds * 1_000_000_000 + nanoseconds)
}

#[cfg(not(target_os = "linux"))]
fn thread_ns() -> Option<u64> {
    None
}

impl fmt::Display for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Thread => "the thread's time on its core",
            Self::Wall => "the wall clock",
        })
    }
}
