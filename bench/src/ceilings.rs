//! What bounds training and the coordinator on this machine: arithmetic, memory, the cost of one call, the disk.

use std::io::Write;
use std::sync::OnceLock;

use tch::{Device, Kind, Tensor};

use crate::Outcome;
use crate::machine::{cache_bytes, cores, now};
use crate::rounds::median;
use crate::section::Section;

/// Side of the square matrices.
const SIDE: i64 = 2048;
/// Tries of each measurement; the best counts, since a ceiling is what can be reached.
const TRIES: usize = 5;
/// Most bytes of one of the three tensors that stream through memory.
const STREAM_BYTES_MAX: usize = 1 << 29;
/// Numbers of one of the three tensors that stay in a core's cache.
const IN_CACHE: i64 = 1 << 15;

/// Best rates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ceilings {
    /// Operations per second of square products, 32-bit.
    pub(crate) fp32: f64,
    /// The same of 16-bit numbers (bfloat16).
    pub(crate) bf16: f64,
    /// Bytes per second, of tensors larger than the caches.
    pub(crate) memory: f64,
    /// Bytes per second, of tensors in a core's cache.
    pub(crate) cache: f64,
    /// Seconds of one operator on tensors of one number.
    pub(crate) call: f64,
}

impl Ceilings {
    /// Of `threads` threads, or of a GPU.
    fn measured(device: Device, threads: usize) -> Outcome<Self> {
        tch::set_num_threads(i32::try_from(threads)?);
        let ceilings = tch::no_grad(|| -> Outcome<Self> {
            let stream = (2 * cache_bytes() / 3).clamp(64 << 20, STREAM_BYTES_MAX) / 4;
            Ok(Self {
                fp32: product(device, Kind::Float)?,
                bf16: product(device, Kind::BFloat16)?,
                memory: sum(device, i64::try_from(stream)?)?,
                cache: sum(device, IN_CACHE)?,
                call: call(device)?,
            })
        });
        tch::set_num_threads(1);
        ceilings
    }
}

/// The whole machine's, measured once in a process.
///
/// # Errors
/// What libtorch says.
pub(crate) fn of_all_cores() -> Outcome<Ceilings> {
    static MEASURED: OnceLock<Ceilings> = OnceLock::new();
    if let Some(measured) = MEASURED.get() {
        return Ok(*measured);
    }
    let measured = Ceilings::measured(Device::Cpu, cores())?;
    Ok(*MEASURED.get_or_init(|| measured))
}

/// A GPU's.
///
/// # Errors
/// What libtorch says.
pub(crate) fn of_gpu(device: Device) -> Outcome<Ceilings> {
    Ceilings::measured(device, 1)
}

/// Prints the table.
///
/// # Errors
/// What libtorch or the disk say.
pub(crate) fn table(section: &mut Section) -> Outcome<()> {
    let (one, all) = (Ceilings::measured(Device::Cpu, 1)?, of_all_cores()?);
    section.line(format!(
        "The best of {TRIES} tries, by libtorch: products of {SIDE} × {SIDE} matrices, `a + b` into a third tensor (12 bytes a \
         number).\n"
    ));
    section.table(&["", "one thread:", &format!("{} threads:", cores())]);
    let mut row =
        |name: &str, of: fn(&Ceilings) -> String| section.row(&[name.to_owned(), of(&one), of(&all)]);
    row("products, fp32, GFLOP/s", |ceilings| format!("{:.0}", ceilings.fp32 / 1e9));
    row("products, bf16, GFLOP/s", |ceilings| format!("{:.0}", ceilings.bf16 / 1e9));
    row("sum of tensors beyond the caches, GB/s", |ceilings| format!("{:.1}", ceilings.memory / 1e9));
    row("sum of tensors in a core's cache, GB/s", |ceilings| format!("{:.1}", ceilings.cache / 1e9));
    row("one operator on one number, µs", |ceilings| format!("{:.2}", ceilings.call * 1e6));
    section.line("");
    section
        .line(format!("Writing 4 KiB and waiting for the disk takes {:.2} ms (median of 50).", fsync_ms()?));
    Ok(())
}

/// Operations per second of a square product.
fn product(device: Device, kind: Kind) -> Outcome<f64> {
    let side = if device == Device::Cpu { SIDE } else { 4 * SIDE };
    let matrix = || Tensor::f_randn([side, side], (Kind::Float, device))?.f_to_kind(kind);
    let (a, b) = (matrix()?, matrix()?);
    let seconds = best(device, || a.f_matmul(&b).map(drop))?;
    Ok(2.0 * (side as f64).powi(3) / seconds)
}

/// Bytes per second of a sum into a third tensor.
fn sum(device: Device, numbers: i64) -> Outcome<f64> {
    let tensor = || Tensor::f_ones([numbers], (Kind::Float, device));
    let (a, b, out) = (tensor()?, tensor()?, tensor()?);
    // Small ones are repeated, so that reading the clock is no part of it.
    let repeats = (1 << 24) / numbers.min(1 << 24);
    let seconds = best(device, || {
        for _ in 0..repeats {
            let _ = a.f_add_out(&out, &b)?;
        }
        Ok(())
    })?;
    Ok((repeats * numbers * 12) as f64 / seconds)
}

/// Seconds of one operator on tensors of one number.
fn call(device: Device) -> Outcome<f64> {
    const CALLS: usize = 20_000;
    let (a, b) = (Tensor::f_ones([1], (Kind::Float, device))?, Tensor::f_ones([1], (Kind::Float, device))?);
    let seconds = best(device, || {
        for _ in 0..CALLS {
            let _ = a.f_add(&b)?;
        }
        Ok(())
    })?;
    Ok(seconds / CALLS as f64)
}

/// The shortest of several tries, after one to warm up.
fn best(device: Device, mut work: impl FnMut() -> Result<(), tch::TchError>) -> Outcome<f64> {
    let mut shortest = f64::INFINITY;
    for attempt in 0..=TRIES {
        let start = now();
        work()?;
        if let Device::Cuda(ordinal) = device {
            tch::Cuda::synchronize(i64::try_from(ordinal)?);
        }
        if attempt > 0 {
            shortest = shortest.min(start.elapsed().as_secs_f64());
        }
    }
    Ok(shortest)
}

/// Milliseconds from a write to its being on the disk.
fn fsync_ms() -> Outcome<f64> {
    let mut file = tempfile::tempfile()?;
    let mut times = Vec::new();
    for _ in 0..50 {
        let start = now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(&mut times))
}
