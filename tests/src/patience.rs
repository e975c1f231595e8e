//! Waiting: for a condition, with a deadline; and for time to pass, with a reason.
#![allow(clippy::disallowed_methods, reason = "this file owns the tests' clock")]

use std::time::{Duration, Instant};

/// How long a test waits before it calls something lost: generous, for busy machines.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks again and again until there is something; panics with what was waited for when patience ends.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Lets time pass where the test is about time itself and there is nothing to look at; the reason is for the reader.
pub fn let_pass(time: Duration, _reason: &str) {
    std::thread::sleep(time);
}
