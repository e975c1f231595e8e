//! What the machine is, for the head of a section: nothing that names it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Instruction sets that matter to training, by Linux's names and people's.
const INSTRUCTION_SETS: [(&str, &str); 6] = [
    ("avx2", "AVX2"),
    ("avx512f", "AVX-512"),
    ("avx512_bf16", "AVX-512 BF16"),
    ("amx_bf16", "AMX BF16"),
    ("asimd", "NEON"),
    ("sve", "SVE"),
];

/// Reads a file of the system's account of itself; empty where there is none.
fn account(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The rest of the first line that begins with `name`, after the colon.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

/// Today in UTC, `2026-11-21`.
#[allow(clippy::disallowed_methods, reason = "this file owns the clock of the benchmarks")]
pub(crate) fn date() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let text = foldwise_report::rfc_3339(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    text.split('T').next().unwrap_or_default().to_owned()
}

/// Now, for spans.
#[allow(clippy::disallowed_methods, reason = "this file owns the clock of the benchmarks")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Processor, cores, instruction sets, memory, kernel, and how busy it was.
pub(crate) fn description() -> String {
    let processors = account("/proc/cpuinfo");
    let model = field(&processors, "model name").unwrap_or(std::env::consts::ARCH);
    let flags: Vec<&str> = field(&processors, "flags")
        .or_else(|| field(&processors, "Features"))
        .unwrap_or_default()
        .split(' ')
        .collect();
    let sets: Vec<&str> =
        INSTRUCTION_SETS.iter().filter(|(flag, _)| flags.contains(flag)).map(|(_, name)| *name).collect();
    let memory = account("/proc/meminfo");
    let kilobytes: f64 = field(&memory, "MemTotal")
        .and_then(|value| value.split(' ').next()?.parse().ok())
        .unwrap_or_default();
    let release = account("/proc/sys/kernel/osrelease");
    // A kernel's full name may name who runs the machine.
    let kernel: Vec<&str> = release.trim().split(['.', '-']).take(2).collect();
    let load = account("/proc/loadavg");
    format!(
        "{model}, {} cores ({}), {:.0} GiB, Linux {}; load average at the start {}",
        cores(),
        sets.join(", "),
        kilobytes / f64::from(1 << 20),
        kernel.join("."),
        load.split(' ').next().unwrap_or("unknown"),
    )
}

/// The size of the largest cache, bytes.
pub(crate) fn cache_bytes() -> usize {
    let sizes = (0..8).filter_map(|index| {
        let text = account(&format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size"));
        let (number, unit) = text.trim().split_at_checked(text.trim().len().checked_sub(1)?)?;
        let scale = if unit == "M" { 1 << 20 } else { 1 << 10 };
        Some(number.parse::<usize>().ok()? * scale)
    });
    sizes.max().unwrap_or(32 << 20)
}
