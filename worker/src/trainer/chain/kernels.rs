//! What a chain computes itself: one pass over memory each, compiled for the processor's widest vectors.
//!
//! Values are `[E·F, B]`: one stretch of rows for each feature of each member.

use pulp::Arch;

use crate::trainer::layers::{EPSILON, Function, MOMENTUM};

/// Sums go in so many lanes, so that they are the same whatever the width of a processor's vectors.
const LANES: usize = 16;

/// The passes.
#[derive(Debug)]
pub(super) struct Kernels {
    arch: Arch,
}

impl Kernels {
    pub(super) fn new() -> Self {
        Self { arch: Arch::new() }
    }

    /// Whether a function's derivative follows from its value.
    pub(super) fn know(function: Function) -> bool {
        match function {
            Function::Relu | Function::Sigmoid | Function::Tanh => true,
            Function::LeakyRelu(slope) => slope > 0.0,
            Function::Gelu => false,
        }
    }

    /// Adds a number to each row of `rows` numbers.
    pub(super) fn add_to_rows(&self, values: &mut [f32], numbers: &[f32], rows: usize) {
        self.arch.dispatch(|| {
            for (row, &number) in values.chunks_exact_mut(rows).zip(numbers) {
                row.iter_mut().for_each(|value| *value += number);
            }
        });
    }

    /// Sums each row of `rows` numbers.
    pub(super) fn sum_rows(&self, values: &[f32], sums: &mut [f32], rows: usize) {
        self.arch.dispatch(|| {
            for (row, into) in values.chunks_exact(rows).zip(sums) {
                *into = sum(row);
            }
        });
    }

    /// `out = a · b`.
    pub(super) fn multiply(&self, a: &[f32], b: &[f32], out: &mut [f32]) {
        self.arch.dispatch(|| {
            for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                *out = a * b;
            }
        });
    }

    /// `values = values + by`.
    pub(super) fn add(&self, values: &mut [f32], by: &[f32]) {
        self.arch.dispatch(|| {
            for (value, by) in values.iter_mut().zip(by) {
                *value += by;
            }
        });
    }

    /// Multiplies each member's numbers, `[E, …]`, by its factor.
    pub(super) fn scale_members(&self, values: &mut [f32], factors: &[f32]) {
        let each = values.len() / factors.len();
        self.arch.dispatch(|| {
            for (values, factor) in values.chunks_exact_mut(each).zip(factors) {
                values.iter_mut().for_each(|value| *value *= factor);
            }
        });
    }

    /// `values = values · by`.
    pub(super) fn scale(&self, values: &mut [f32], by: &[f32]) {
        self.arch.dispatch(|| {
            for (value, by) in values.iter_mut().zip(by) {
                *value *= by;
            }
        });
    }

    /// Applies a rectifying function; others are libtorch's.
    #[allow(clippy::cast_possible_truncation, reason = "slopes are 32-bit numbers in PyTorch too")]
    pub(super) fn rectify(&self, function: Function, values: &mut [f32]) {
        // Not `value > 0`: what is not a number stays so.
        self.arch.dispatch(|| match function {
            Function::Relu => {
                values.iter_mut().for_each(|value| *value = if *value <= 0.0 { 0.0 } else { *value });
            }
            Function::LeakyRelu(slope) => {
                let slope = slope as f32;
                values.iter_mut().for_each(|value| *value *= if *value <= 0.0 { slope } else { 1.0 });
            }
            Function::Sigmoid | Function::Tanh | Function::Gelu => {}
        });
    }

    /// Turns a gradient by a function's values into one by its arguments.
    #[allow(clippy::cast_possible_truncation, reason = "slopes are 32-bit numbers in PyTorch too")]
    pub(super) fn function_back(&self, function: Function, values: &[f32], delta: &mut [f32]) {
        let each = delta.iter_mut().zip(values);
        self.arch.dispatch(|| match function {
            Function::Relu => {
                each.for_each(|(delta, &value)| *delta = if value > 0.0 { *delta } else { 0.0 });
            }
            Function::LeakyRelu(slope) => {
                let slope = slope as f32;
                each.for_each(|(delta, &value)| *delta *= if value > 0.0 { 1.0 } else { slope });
            }
            Function::Sigmoid => each.for_each(|(delta, &value)| *delta *= value * (1.0 - value)),
            Function::Tanh => each.for_each(|(delta, &value)| *delta *= 1.0 - value * value),
            Function::Gelu => {}
        });
    }

    /// Batch norm by the rows' own mean and deviation; `out` and normal values, and the running statistics.
    #[allow(clippy::cast_possible_truncation, reason = "PyTorch's numbers, in 32 bits")]
    pub(super) fn normalize(
        &self,
        values: &[f32],
        [out, normal]: [&mut [f32]; 2],
        inverse: &mut [f32],
        [scale, shift]: [&[f32]; 2],
        [mean_ahead, variance_ahead]: [&mut [f32]; 2],
    ) {
        let rows = values.len() / inverse.len();
        let count = rows as f32;
        let momentum = MOMENTUM as f32;
        self.arch.dispatch(|| {
            let mut at = 0;
            for feature in 0..inverse.len() {
                let own = &values[at..at + rows];
                let mean = sum(own) / count;
                let normal = &mut normal[at..at + rows];
                for (normal, value) in normal.iter_mut().zip(own) {
                    *normal = value - mean;
                }
                let squares = dot(normal, normal);
                let inverted = 1.0 / (squares / count + EPSILON as f32).sqrt();
                inverse[feature] = inverted;
                mean_ahead[feature] += momentum * (mean - mean_ahead[feature]);
                variance_ahead[feature] += momentum * (squares / (count - 1.0) - variance_ahead[feature]);
                let (scale, shift) = (scale[feature], shift[feature]);
                for (out, normal) in out[at..at + rows].iter_mut().zip(normal) {
                    *normal *= inverted;
                    *out = *normal * scale + shift;
                }
                at += rows;
            }
        });
    }

    /// Batch norm's way back, in place; the gradients of scales and shifts.
    pub(super) fn normalize_back(
        &self,
        delta: &mut [f32],
        normal: &[f32],
        inverse: &[f32],
        scale: &[f32],
        [scales, shifts]: [&mut [f32]; 2],
    ) {
        let rows = delta.len() / inverse.len();
        let count = rows as f32;
        self.arch.dispatch(|| {
            let mut at = 0;
            for feature in 0..inverse.len() {
                let (delta, normal) = (&mut delta[at..at + rows], &normal[at..at + rows]);
                let (by_shift, by_scale) = (sum(delta), dot(delta, normal));
                (shifts[feature], scales[feature]) = (by_shift, by_scale);
                let factor = scale[feature] * inverse[feature];
                let (mean, slope) = (by_shift / count, by_scale / count);
                for (delta, normal) in delta.iter_mut().zip(normal) {
                    *delta = factor * (*delta - mean - normal * slope);
                }
                at += rows;
            }
        });
    }

    /// Cross-entropy of one member's outputs `[K, B]` for the classes of its rows: each row's loss and hit, and the
    /// gradient of their mean.
    pub(super) fn cross_entropy(
        &self,
        out: &[f32],
        targets: &[i64],
        (delta, losses, hits): (&mut [f32], &mut [f32], &mut [f32]),
    ) {
        let rows = losses.len();
        // Losses hold the largest output, hits the sum of exponentials, until the end.
        self.arch.dispatch(|| {
            losses.copy_from_slice(&out[..rows]);
            for own in out.chunks_exact(rows) {
                for (largest, &value) in losses.iter_mut().zip(own) {
                    *largest = if value > *largest || value.is_nan() { value } else { *largest };
                }
            }
        });
        hits.fill(0.0);
        for (own, delta) in out.chunks_exact(rows).zip(delta.chunks_exact_mut(rows)) {
            let each = delta.iter_mut().zip(own).zip(&*losses).zip(&mut *hits);
            for (((delta, &value), &largest), sum) in each {
                *delta = (value - largest).exp();
                *sum += *delta;
            }
        }
        let share = 1.0 / rows as f32;
        self.arch.dispatch(|| {
            for delta in delta.chunks_exact_mut(rows) {
                for (delta, &sum) in delta.iter_mut().zip(&*hits) {
                    let own = *delta / sum * share;
                    // Processors are slow with numbers below this, and a sure network's are all of them.
                    *delta = if own < f32::MIN_POSITIVE { 0.0 } else { own };
                }
            }
        });
        for (row, &class) in targets.iter().enumerate() {
            let own = usize::try_from(class).unwrap_or(0) * rows + row;
            let largest = losses[row];
            delta[own] -= share;
            losses[row] = hits[row].ln() - (out[own] - largest);
            let first = out.iter().skip(row).step_by(rows).position(|&value| value == largest);
            hits[row] = if first == usize::try_from(class).ok() { 1.0 } else { 0.0 };
        }
    }

    /// Squared errors of one member's outputs `[K, B]` for numbers `[B, K]`: each row's mean, and the gradient of the
    /// mean over rows.
    pub(super) fn squared_error(
        &self,
        out: &[f32],
        targets: &[f32],
        (delta, losses): (&mut [f32], &mut [f32]),
    ) {
        let rows = losses.len();
        let outputs = out.len() / rows;
        let share = 2.0 / (rows * outputs) as f32;
        losses.fill(0.0);
        for (output, (own, delta)) in out.chunks_exact(rows).zip(delta.chunks_exact_mut(rows)).enumerate() {
            for (row, (value, delta)) in own.iter().zip(delta).enumerate() {
                let off = value - targets[row * outputs + output];
                *delta = off * share;
                losses[row] += off * off;
            }
        }
        losses.iter_mut().for_each(|loss| *loss /= outputs as f32);
    }
}

// Inlined into what `Arch::dispatch` compiles for the processor's widest vectors.
#[inline(always)]
#[allow(clippy::inline_always, reason = "a call would leave the code that is compiled for wide vectors")]
fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for values in whole {
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "as for `sum`")]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
    lanes.iter().sum::<f32>() + rest.sum::<f32>()
}
