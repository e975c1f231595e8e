//! What happened, line by line with the simulated time: kept where it is wanted, so that a failure can be read.

use std::cell::RefCell;

thread_local! {
    static LINES: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Keeps lines from now on.
pub fn keep() {
    LINES.with_borrow_mut(|lines| *lines = Some(Vec::new()));
}

/// The lines kept since, and keeps no more.
#[must_use]
pub fn take() -> Vec<String> {
    LINES.with_borrow_mut(Option::take).unwrap_or_default()
}

/// Keeps a line, if lines are kept.
pub(crate) fn note(at_ms: u64, line: impl FnOnce() -> String) {
    LINES.with_borrow_mut(|lines| {
        if let Some(lines) = lines {
            lines.push(format!("{:>8.3} s  {}", at_ms as f64 / 1000.0, line()));
        }
    });
}

/// Writes what the coordinator and the agents log among the lines.
#[derive(Debug, Clone, Copy)]
pub struct Log;

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let now = turmoil::sim_elapsed().map_or(0, |elapsed| elapsed.as_millis());
        note(u64::try_from(now).unwrap_or(u64::MAX), || String::from_utf8_lossy(bytes).trim_end().to_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
