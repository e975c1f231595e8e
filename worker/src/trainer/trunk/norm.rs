//! A trunk's batch norm: a line per channel each way.

use tch::Tensor;

use super::passes::Passes;
use super::windows::{Frame, Line};
use crate::trainer::TrainError;
use crate::trainer::host::{floats, numbers_mut};
use crate::trainer::layers::{EPSILON, MOMENTUM, Running};
use crate::trainer::number::Number;

/// Batch norm: the position of its scale, before its shift.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) first: usize,
    running: Running,
    /// Of the step under way.
    pub(super) mean: Vec<f32>,
    variance: Vec<f32>,
}

/// What batch norm's way back does to each channel.
pub(super) struct NormBack {
    pub(super) by_scale: Vec<f32>,
    pub(super) by_shift: Vec<f32>,
    /// What every value gets, by its own size.
    pub(super) line: Line,
    /// What gradients are multiplied by.
    pub(super) slopes: Vec<f32>,
}

impl Norm {
    pub(super) fn new(first: usize, running: Running) -> Self {
        Self { first, running, mean: Vec::new(), variance: Vec::new() }
    }

    /// Batch norm as a line per channel: by the batch's own moments in training, which the running ones follow.
    #[allow(clippy::cast_possible_truncation, reason = "PyTorch's numbers, in 32 bits")]
    pub(super) fn line<T: Number>(
        &mut self,
        values: &[T],
        frame: &Frame,
        leaves: &[Tensor],
        passes: &mut Passes,
        trains: bool,
    ) -> Result<Line, TrainError> {
        let (scales, shifts) = (floats(&leaves[self.first])?, floats(&leaves[self.first + 1])?);
        if trains {
            passes.moments(values, frame, [&mut self.mean, &mut self.variance]);
            let count = (values.len() / frame.channels) as f32;
            let ahead = [&mut self.running.mean, &mut self.running.variance];
            let [means, variances] = ahead.map(numbers_mut::<f32>);
            let each = means?.iter_mut().zip(variances?).zip(&self.mean).zip(&self.variance);
            for (((running_mean, running_variance), mean), variance) in each {
                *running_mean += MOMENTUM as f32 * (mean - *running_mean);
                *running_variance +=
                    MOMENTUM as f32 * (variance * (count / (count - 1.0)) - *running_variance);
            }
        } else {
            self.mean = floats(&self.running.mean)?.to_vec();
            self.variance = floats(&self.running.variance)?.to_vec();
        }
        let mut line = Line::default();
        for (((scale, shift), mean), variance) in
            scales.iter().zip(shifts).zip(&self.mean).zip(&self.variance)
        {
            let slope = scale * inverse(*variance);
            line.slope.push(slope);
            line.from.push(shift - mean * slope);
        }
        Ok(line)
    }

    /// The way back of `count` values of each channel, from the sums of gradients and of gradients times what peaks are
    /// above the mean.
    #[allow(clippy::cast_possible_truncation, reason = "PyTorch's numbers, in 32 bits")]
    pub(super) fn back(&self, sums: &[f64], count: usize, scales: &[f32]) -> NormBack {
        let (sums, products) = sums.split_at(scales.len());
        let mut back = NormBack {
            by_scale: Vec::new(),
            by_shift: sums.iter().map(|&sum| sum as f32).collect(),
            line: Line::default(),
            slopes: Vec::new(),
        };
        let each = sums.iter().zip(products).zip(scales).zip(&self.mean).zip(&self.variance);
        for ((((sum, product), scale), mean), variance) in each {
            let inverse = inverse(*variance);
            let by_scale = *product as f32 * inverse;
            let slope = scale * inverse;
            let share = 1.0 / count as f32;
            let along = -slope * by_scale * share * inverse;
            back.by_scale.push(by_scale);
            back.slopes.push(slope);
            back.line.slope.push(along);
            back.line.from.push(-slope * (*sum as f32) * share - along * mean);
        }
        back
    }
}

#[allow(clippy::cast_possible_truncation, reason = "PyTorch's numbers, in 32 bits")]
fn inverse(variance: f32) -> f32 {
    1.0 / (variance + EPSILON as f32).sqrt()
}
