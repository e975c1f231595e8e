//! The rules on a CPU: one pass over values, gradients and state, each read and written once.

use foldwise_study::train::{Optimizer as Settings, OptimizerKind};
use pulp::Arch;
use rayon::ThreadPool;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use tch::Tensor;

use super::{Rates, TrainError};
use crate::trainer::host::{self, floats, floats_mut};
use crate::trainer::parameters::Block;

/// Numbers of a stretch that one of several threads takes: enough to be worth the hand-over.
const STRETCH: usize = 1 << 14;

/// Steps of a cohort whose numbers lie in this process's memory.
#[derive(Debug)]
pub(super) struct Host {
    arch: Arch,
    /// Where a trainer has more than one thread.
    pool: Option<ThreadPool>,
}

/// A stretch of one member's numbers, one after another in memory.
struct Part<'a> {
    values: &'a mut [f32],
    gradient: &'a [f32],
    /// What the rule keeps; empty where it keeps less.
    state: [&'a mut [f32]; 3],
    rates: &'a Rates<f32>,
}

/// What all members agree on.
#[derive(Debug, Clone, Copy)]
struct Options {
    kind: OptimizerKind,
    nesterov: bool,
    centered: bool,
    /// Whether the gradient enters the momentum whole.
    first_step: bool,
}

impl Host {
    pub(super) fn new(threads: usize) -> Result<Self, TrainError> {
        Ok(Self { arch: Arch::new(), pool: host::threads(threads)? })
    }

    /// Takes a step: `values` and `state` are flat, `gradients` one per block, `rates` one per slot.
    pub(super) fn step(
        &self,
        blocks: &[Block],
        (values, gradients, state): (&mut Tensor, &[Tensor], &mut [Tensor]),
        (settings, rates, step): (&Settings, &[Rates<f32>], i32),
    ) -> Result<(), TrainError> {
        let options = Options {
            kind: settings.kind,
            nesterov: settings.nesterov(),
            centered: settings.centered(),
            first_step: step == 1,
        };
        let gradients = gradients.iter().map(Tensor::f_contiguous).collect::<Result<Vec<_>, _>>()?;
        let gradients = gradients.iter().map(floats).collect::<Result<Vec<_>, _>>()?;
        let mut rest_of_state: [&mut [f32]; 3] = [&mut [], &mut [], &mut []];
        for (rest, tensor) in rest_of_state.iter_mut().zip(state) {
            *rest = floats_mut(tensor)?;
        }
        let mut rest_of_values = floats_mut(values)?;
        let most = if self.pool.is_some() { STRETCH } else { usize::MAX };
        let mut parts = Vec::with_capacity(blocks.len() * rates.len());
        for (block, gradient) in blocks.iter().zip(gradients) {
            let numbers = usize::try_from(block.numbers()).unwrap_or(0);
            for (gradient, rates) in gradient.chunks_exact(numbers).zip(rates) {
                for gradient in gradient.chunks(most) {
                    let values = take(&mut rest_of_values, gradient.len());
                    let state = rest_of_state.each_mut().map(|rest| take(rest, gradient.len()));
                    parts.push(Part { values, gradient, state, rates });
                }
            }
        }
        let all = |parts: Vec<Part<'_>>| parts.into_iter().for_each(|part| apply(part, options));
        match &self.pool {
            None => self.arch.dispatch(|| all(parts)),
            Some(pool) => pool.install(|| {
                parts.into_par_iter().for_each(|part| self.arch.dispatch(|| apply(part, options)));
            }),
        }
        Ok(())
    }
}

/// The first `count` numbers, or all where there are fewer, taken off.
fn take<'a>(rest: &mut &'a mut [f32], count: usize) -> &'a mut [f32] {
    let all = std::mem::take(rest);
    let (head, tail) = all.split_at_mut(count.min(all.len()));
    *rest = tail;
    head
}

// Inlined into what `Arch::dispatch` compiles for the processor's widest vectors.
#[inline(always)]
#[allow(clippy::inline_always, reason = "a call would leave the code that is compiled for wide vectors")]
fn apply(part: Part<'_>, options: Options) {
    match options.kind {
        OptimizerKind::Sgd => descend(part, options),
        OptimizerKind::Adam | OptimizerKind::Adamw => adapt(part),
        OptimizerKind::Rmsprop => descend_by_squares(part, options),
        OptimizerKind::Adagrad => descend_by_sums(part),
    }
}

/// Zero in place of a number too small for its full digits. What a unit without gradients keeps of earlier ones becomes
/// ever smaller and stays so small for good, and processors compute with such numbers tens of times as slowly.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as for `apply`")]
fn flushed(number: f32) -> f32 {
    if number.abs() < f32::MIN_POSITIVE { 0.0 } else { number }
}

/// `torch.optim.SGD`.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as for `apply`")]
fn descend(part: Part<'_>, options: Options) {
    let Part { values, gradient, state: [velocity, ..], rates } = part;
    let rates = *rates;
    if velocity.is_empty() {
        for (value, gradient) in values.iter_mut().zip(gradient) {
            *value += rates.descent * (gradient + rates.penalty * *value);
        }
        return;
    }
    let entering = if options.first_step { 1.0 } else { rates.entering };
    for ((value, gradient), velocity) in values.iter_mut().zip(gradient).zip(velocity) {
        let gradient = gradient + rates.penalty * *value;
        *velocity = flushed(*velocity * rates.momentum + gradient * entering);
        let direction = if options.nesterov { gradient + *velocity * rates.momentum } else { *velocity };
        *value += direction * rates.descent;
    }
}

/// `torch.optim.Adam` and `AdamW`. The second mean is kept divided by 1 − β₂; `factor` multiplies it back.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as for `apply`")]
fn adapt(part: Part<'_>) {
    let Part { values, gradient, state: [first, second, largest], rates } = part;
    let rates = *rates;
    let step = |value: &mut f32, gradient: f32, first: &mut f32, second: &mut f32| {
        *value *= rates.decay;
        let gradient = gradient + rates.penalty * *value;
        *first = flushed(*first + rates.first * (gradient - *first));
        *second = flushed(*second * rates.second + gradient * gradient);
    };
    let numbers = values.iter_mut().zip(gradient).zip(first).zip(second);
    if largest.is_empty() {
        for (((value, &gradient), first), second) in numbers {
            step(value, gradient, first, second);
            *value += *first / (second.sqrt() * rates.factor + rates.offset) * rates.descent;
        }
        return;
    }
    for ((((value, &gradient), first), second), largest) in numbers.zip(largest) {
        step(value, gradient, first, second);
        *largest = larger(*largest, *second);
        *value += *first / (largest.sqrt() * rates.factor + rates.offset) * rates.descent;
    }
}

/// The larger number; NaN where either is, so that a member that diverged is seen to.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as for `apply`")]
fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// `torch.optim.RMSprop`.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as for `apply`")]
fn descend_by_squares(part: Part<'_>, options: Options) {
    let Part { values, gradient, state: [squares, second, third], rates } = part;
    let rates = *rates;
    // What is kept beside the squares: the momentum, if any, before the mean, if any.
    let (velocity, mean) = match (options.centered, third.is_empty()) {
        (true, true) => (third, second),
        _ => (second, third),
    };
    for (index, (value, gradient)) in values.iter_mut().zip(gradient).enumerate() {
        let gradient = gradient + rates.penalty * *value;
        let square = &mut squares[index];
        *square = flushed(*square * rates.second + gradient * gradient * rates.first);
        let variance = match mean.get_mut(index) {
            Some(mean) => {
                *mean = flushed(*mean + rates.first * (gradient - *mean));
                *square - *mean * *mean
            }
            None => *square,
        };
        let mut direction = gradient / (variance.sqrt() + rates.eps);
        if let Some(velocity) = velocity.get_mut(index) {
            *velocity = flushed(*velocity * rates.momentum + direction);
            direction = *velocity;
        }
        *value += direction * rates.descent;
    }
}

/// `torch.optim.Adagrad`.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as for `apply`")]
fn descend_by_sums(part: Part<'_>) {
    let Part { values, gradient, state: [sums, ..], rates } = part;
    let rates = *rates;
    for ((value, gradient), sum) in values.iter_mut().zip(gradient).zip(sums) {
        let gradient = gradient + rates.penalty * *value;
        *sum += gradient * gradient;
        *value += gradient / (sum.sqrt() + rates.eps) * rates.descent;
    }
}

#[cfg(test)]
mod tests {
    use super::flushed;

    #[test]
    fn numbers_without_their_full_digits_become_zero() {
        assert_eq!([1e-39, -1e-39, 0.0].map(flushed), [0.0; 3]);
        assert_eq!([1.2e-38, -2.0, f32::INFINITY].map(flushed), [1.2e-38, -2.0, f32::INFINITY]);
        assert!(flushed(f32::NAN).is_nan());
    }
}
