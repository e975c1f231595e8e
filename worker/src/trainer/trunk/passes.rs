//! What a trunk computes itself: one pass over memory each, compiled for the processor's widest vectors.
//!
//! Values are `[B, H, W, C]`, with the channels of all members side by side. Passes take one row of the batch after
//! the other, or several at a time on as many threads; sums are added up in the rows' order either way.

use pulp::Arch;
use rayon::ThreadPool;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::windows::{self, Differences, Frame, Line, Pooling, Products, Spreading};
use crate::trainer::TrainError;
use crate::trainer::host;
use crate::trainer::number::Number;

/// The passes.
#[derive(Debug)]
pub(super) struct Passes {
    arch: Arch,
    /// Where a trainer has more than one thread.
    pool: Option<ThreadPool>,
    /// Two sums per channel of each row of the batch, `[B, 2, C]`.
    sums: Vec<f32>,
}

/// What a block's values become on the way there, `[B, H, W, C]` by windows.
#[derive(Debug)]
pub(super) struct Pooled<'a, T> {
    /// The largest value of each window.
    pub(super) out: &'a mut [T],
    /// Which of its window's values it is, or [`windows::NONE`] where it was rectified; empty where nobody goes back.
    pub(super) at: &'a mut [u8],
    /// What went in there; empty where nobody needs it.
    pub(super) peaks: &'a mut [f32],
}

impl Passes {
    pub(super) fn new(threads: usize) -> Result<Self, TrainError> {
        Ok(Self { arch: Arch::new(), pool: host::threads(threads)?, sums: Vec::new() })
    }

    /// Mean and variance of each channel over all rows and places.
    #[allow(clippy::cast_possible_truncation, reason = "PyTorch's numbers, in 32 bits")]
    pub(super) fn moments<T: Number>(
        &mut self,
        values: &[T],
        frame: &Frame,
        [mean, variance]: [&mut Vec<f32>; 2],
    ) {
        let (arch, channels) = (self.arch, frame.channels);
        // Sums of differences from a value that is there: those of values far from zero would lose digits.
        let pivot: Vec<f32> = values[..channels].iter().map(|value| value.wide()).collect();
        let rows = values.len() / frame.numbers();
        self.sums.clear();
        self.sums.resize(rows * 2 * channels, 0.0);
        let parts = values.chunks_exact(frame.numbers()).zip(self.sums.chunks_exact_mut(2 * channels));
        run(self.pool.as_ref(), parts.collect(), |(values, sums)| {
            arch.dispatch(Differences { values, pivot: &pivot, sums });
        });
        let count = (rows * frame.places()) as f64;
        let totals = totals(&self.sums, channels);
        mean.clear();
        variance.clear();
        for (channel, pivot) in pivot.iter().enumerate() {
            let off = totals[channel] / count;
            mean.push((f64::from(*pivot) + off) as f32);
            variance.push((totals[channels + channel] / count - off * off).max(0.0) as f32);
        }
    }

    /// Lines through all values, the largest of each window of them, and whether below zero is taken for zero.
    pub(super) fn pool<T: Number>(
        &self,
        values: &[T],
        frame: &Frame,
        line: (Option<&Line>, bool),
        into: Pooled<'_, T>,
    ) {
        let (arch, pooled) = (self.arch, frame.pooled_numbers());
        let Pooled { out, mut at, mut peaks } = into;
        let rows = values.chunks_exact(frame.numbers()).zip(out.chunks_exact_mut(pooled));
        let parts = rows.map(|(values, out)| {
            let at = windows::take(&mut at, pooled);
            (values, Pooled { out, at, peaks: windows::take(&mut peaks, pooled) })
        });
        run(self.pool.as_ref(), parts.collect(), |(values, into)| {
            arch.dispatch(Pooling { values, frame, line, into });
        });
    }

    /// For each channel the sums of gradients, and of gradients times what the peaks are above the mean: `[2, C]`.
    /// Where peaks are not kept every value is one.
    pub(super) fn sums<T: Number>(
        &mut self,
        (delta, at): (&[T], &[u8]),
        frame: &Frame,
        (peaks, values): (&[f32], &[T]),
        mean: &[f32],
    ) -> Vec<f64> {
        let (arch, channels, pooled) = (self.arch, frame.channels, frame.pooled_numbers());
        let rows = delta.len() / pooled;
        self.sums.clear();
        self.sums.resize(rows * 2 * channels, 0.0);
        let each = delta.chunks_exact(pooled).zip(at.chunks_exact(pooled)).enumerate();
        let parts: Vec<_> = each.zip(self.sums.chunks_exact_mut(2 * channels)).collect();
        run(self.pool.as_ref(), parts, |((row, (delta, at)), sums)| {
            let own = row * pooled..(row + 1) * pooled;
            if peaks.is_empty() {
                arch.dispatch(Products { delta, at, peaks: &values[own], mean, sums });
            } else {
                arch.dispatch(Products { delta, at, peaks: &peaks[own], mean, sums });
            }
        });
        totals(&self.sums, channels)
    }

    /// The way back through windows: each gradient goes to the value that it came from, times the line's slope, and
    /// to every value what `line` says of it.
    pub(super) fn spread<T: Number>(
        &self,
        (delta, at): (&[T], &[u8]),
        frame: &Frame,
        (values, line): (&[T], (Option<&Line>, &[f32])),
        into: &mut [T],
    ) {
        let (arch, numbers, pooled) = (self.arch, frame.numbers(), frame.pooled_numbers());
        let rows = delta.chunks_exact(pooled).zip(at.chunks_exact(pooled));
        let rows = rows.zip(values.chunks_exact(numbers)).zip(into.chunks_exact_mut(numbers));
        run(self.pool.as_ref(), rows.collect(), |(((delta, at), values), into)| {
            arch.dispatch(Spreading { delta, at, frame, values, line, into });
        });
    }
}

/// Does something with each part, on as many threads as there are.
fn run<P: Send>(pool: Option<&ThreadPool>, parts: Vec<P>, work: impl Fn(P) + Sync + Send) {
    match pool {
        None => parts.into_iter().for_each(work),
        Some(pool) => pool.install(|| parts.into_par_iter().for_each(work)),
    }
}

/// Sums `[B, 2, C]` added up over rows.
fn totals(sums: &[f32], channels: usize) -> Vec<f64> {
    let mut totals = vec![0.0; 2 * channels];
    for sums in sums.chunks_exact(2 * channels) {
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total += f64::from(*sum);
        }
    }
    totals
}
