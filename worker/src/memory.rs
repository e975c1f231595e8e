//! Resident memory of this process, as Linux counts it. Elsewhere nothing can be measured.
#![allow(unsafe_code, reason = "the allocator's call that hands freed memory back has no safe binding")]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" {
    /// glibc's: hands freed memory back to the system.
    fn malloc_trim(pad: usize) -> std::ffi::c_int;
    /// glibc's: sets one of the allocator's limits; 1 where it did.
    fn mallopt(parameter: std::ffi::c_int, value: std::ffi::c_int) -> std::ffi::c_int;
}

/// Keeps memory that is freed for what is allocated next, up to 32 MiB at a time, the most that glibc takes, until it
/// is [handed back](hand_back).
///
/// A training step frees as much as the next one allocates. Handed back and fetched anew every time, with its pages
/// filled with zeros, that took a fifth of the time of small networks.
pub(crate) fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const TRIM_THRESHOLD: std::ffi::c_int = -1;
        const MMAP_THRESHOLD: std::ffi::c_int = -3;
        // SAFETY: glibc documents the calls as safe in any thread; they change where memory comes from and nothing
        // that a program can see. A value that it refuses leaves things as they were.
        unsafe {
            mallopt(MMAP_THRESHOLD, 32 << 20);
            mallopt(TRIM_THRESHOLD, std::ffi::c_int::MAX);
        }
    }
}

/// Hands freed memory back to the system.
pub(crate) fn hand_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: glibc documents the call as safe in any thread; it changes nothing that a program can see.
    unsafe {
        malloc_trim(0);
    }
}

/// Bytes that are resident once freed memory was handed back.
#[must_use]
pub(crate) fn settled() -> Option<u64> {
    hand_back();
    field("VmRSS:")
}

/// The most bytes that were resident since the last [`reset_peak`].
#[must_use]
pub(crate) fn peak() -> Option<u64> {
    field("VmHWM:")
}

/// Lets [`peak`] start anew; whether it did.
pub(crate) fn reset_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// A field of `/proc/self/status`, kB there.
fn field(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_peak_grows_by_what_is_touched() {
        let before = super::settled().expect("Linux tells");
        assert!(super::reset_peak());
        let touched = vec![1_u8; 64 << 20];
        let peak = super::peak().expect("Linux tells");
        assert!(touched.iter().all(|&byte| byte == 1));
        assert!(peak - before >= 60 << 20, "{before} to {peak}");
    }
}
