//! The coordinator's clocks, read here and nowhere else.
#![allow(clippy::disallowed_methods, reason = "this file owns the clocks")]

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::ledger::Now;

/// A monotonic clock that starts with the coordinator, and the wall clock beside it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The time by both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { monotonic_ms: millis(self.started.elapsed()), unix_ms: millis(unix) }
    }
}

/// How long something takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// One that runs from now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since then.
    pub(crate) fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
