//! The wall clock of a cohort.

use std::time::Instant;

/// Counts a cohort's seconds, those before its last checkpoint included.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    before_s: f64,
}

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "a cohort's wall time is measured here and nowhere else")]
    pub(super) fn start() -> Self {
        Self { start: Instant::now(), before_s: 0.0 }
    }

    /// Adds what earlier parts of the same training took.
    pub(super) fn resume(&mut self, before_s: f64) {
        self.before_s = before_s;
    }

    /// Time of training so far, s.
    pub(super) fn seconds(&self) -> f64 {
        self.before_s + self.start.elapsed().as_secs_f64()
    }
}
