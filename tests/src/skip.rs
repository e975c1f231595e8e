//! Tests that need a right that not every machine gives.

use std::fs;
use std::process::Command;

/// The capability to mount file systems and to make networks, by its number in Linux.
const CAP_SYS_ADMIN: u32 = 21;

/// Says that a test was skipped for want of a right, or of the program that uses it.
///
/// # Panics
/// Where this process has both: then the test could have run, and what kept it from running is a failure.
pub fn skipped(program: &str, why: &str) {
    let there = Command::new(program).arg("-V").output().is_ok();
    assert!(!(there && may_administer()), "skipped although it can run here: {why}");
    eprintln!("skipped: {why}");
}

/// Whether this process may administer the system.
fn may_administer() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    bits.is_some_and(|bits| bits & (1 << CAP_SYS_ADMIN) != 0)
}
