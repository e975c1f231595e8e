//! From held rows to a network's inputs: gathered, filled, augmented and normalized.

use tch::{Kind, Tensor};

use super::augment::Augmenter;
use super::data::{DeviceData, Scaling};
use super::{Member, TrainError};

#[cfg(test)]
mod tests;

/// Rows of one pass over the rows that means are taken of.
const ROWS_PER_PASS: i64 = 8192;

/// How a cohort takes in rows. What it was fitted to are the rows that each stream trains on, and no others.
#[derive(Debug)]
pub(super) struct Intake<'a> {
    data: &'a DeviceData,
    /// Row streams, `G`.
    streams: i64,
    /// What missing numbers become, `[G, 1, numbers]`.
    fill: Option<Tensor>,
    scale: Option<Scale>,
    augmenter: Option<Augmenter>,
}

/// `(x − mean) / std`, `[1 or G, 1, numbers]` each.
#[derive(Debug)]
struct Scale {
    mean: Tensor,
    std: Tensor,
}

/// Means and deviations of a stream's rows, as a file of weights names them.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// One per channel or feature.
    pub mean: Vec<f32>,
    /// One per channel or feature.
    pub std: Vec<f32>,
}

impl<'a> Intake<'a> {
    /// The intake of streams that train on the rows `training` (`[G, rows]`) and whose random numbers are the
    /// leaders'.
    pub(super) fn new(
        data: &'a DeviceData,
        leaders: &[&Member],
        training: &Tensor,
    ) -> Result<Self, TrainError> {
        let streams = leaders.len() as i64;
        let fitted = matches!(data.scaling(), Scaling::Fitted);
        let statistics = (fitted || data.has_holes()).then(|| fit(data, training)).transpose()?;
        let scale = match (data.scaling(), &statistics) {
            (Scaling::Fixed { mean, std }, _) => {
                let wide = |numbers: &Tensor| numbers.f_view((1, 1, -1));
                Some(Scale { mean: wide(mean)?, std: wide(std)? })
            }
            (Scaling::Fitted, Some([mean, std, _])) => {
                Some(Scale { mean: mean.shallow_clone(), std: std.shallow_clone() })
            }
            _ => None,
        };
        let fill = statistics.map(|[_, _, fill]| fill).filter(|_| data.has_holes());
        let augmenter = Augmenter::new(leaders, data.shape(), data.device());
        Ok(Self { data, streams, fill, scale, augmenter })
    }

    /// Inputs of the rows `index` (`[G·B]`) for step `step` of the run, augmented.
    pub(super) fn training(&self, index: &Tensor, step: u64) -> Result<Tensor, TrainError> {
        let mut rows = self.filled(&self.data.rows().features(index)?, self.streams)?;
        if let Some(augmenter) = &self.augmenter {
            rows = augmenter.apply(&rows, step)?;
        }
        self.scaled(&rows, self.streams)
    }

    /// Inputs of the rows `index` (`[R, n]`) as they are, and how many streams they are: at least `R`, more where
    /// streams take in the same rows differently. The index is widened with them.
    pub(super) fn evaluation(&self, index: &Tensor) -> Result<(Tensor, Tensor, i64), TrainError> {
        let own = self.fill.is_some() || self.scale.as_ref().is_some_and(|scale| scale.mean.size()[0] > 1);
        let readers = index.size()[0];
        let index = if own && readers < self.streams {
            index.f_repeat_interleave_self_int(self.streams / readers, 0, None)?
        } else {
            index.shallow_clone()
        };
        let readers = index.size()[0];
        let flat = index.f_reshape([-1])?;
        let rows = self.filled(&self.data.rows().features(&flat)?, readers)?;
        Ok((self.scaled(&rows, readers)?, flat, readers))
    }

    /// What stream `stream` was fitted to, per channel or feature.
    pub(super) fn fitted(&self, stream: i64) -> Result<Option<Fitted>, TrainError> {
        let Some(scale) = self.scale.as_ref().filter(|_| matches!(self.data.scaling(), Scaling::Fitted))
        else {
            return Ok(None);
        };
        let channels = self.data.shape()[0] as i64;
        // The held numbers end with the channels, so the first ones are one per channel.
        let own = |numbers: &Tensor| -> Result<Vec<f32>, TrainError> {
            Ok(Vec::try_from(numbers.f_select(0, stream)?.f_view([-1])?.f_narrow(0, 0, channels)?)?)
        };
        Ok(Some(Fitted { mean: own(&scale.mean)?, std: own(&scale.std)? }))
    }

    pub(super) fn data(&self) -> &DeviceData {
        self.data
    }

    fn filled(&self, rows: &Tensor, readers: i64) -> Result<Tensor, TrainError> {
        let Some(fill) = &self.fill else { return Ok(rows.shallow_clone()) };
        let split = rows.f_view((readers, -1, rows.size()[1]))?;
        let fill = per_reader(fill, readers)?;
        Ok(fill.f_where_self(&split.f_isnan()?, &split)?.f_view(&rows.size()[..])?)
    }

    fn scaled(&self, rows: &Tensor, readers: i64) -> Result<Tensor, TrainError> {
        let Some(Scale { mean, std }) = &self.scale else { return Ok(rows.shallow_clone()) };
        let split = rows.f_view((readers, -1, rows.size()[1]))?;
        let scaled = split.f_sub(&per_reader(mean, readers)?)?.f_div(&per_reader(std, readers)?)?;
        Ok(scaled.f_view(&rows.size()[..])?)
    }
}

/// Numbers `[1 or G, 1, n]` for each of `readers` readers, a multiple of `G`.
fn per_reader(numbers: &Tensor, readers: i64) -> Result<Tensor, TrainError> {
    let streams = numbers.size()[0];
    if streams == 1 || streams == readers {
        return Ok(numbers.shallow_clone());
    }
    Ok(numbers.f_repeat_interleave_self_int(readers / streams, 0, None)?)
}

/// Mean, deviation (0 counts as 1) and what fills holes of each stream's rows `[G, rows]`, `[G, 1, numbers]` each: per
/// channel of pictures, per feature of vectors; holes do not count.
fn fit(data: &DeviceData, training: &Tensor) -> Result<[Tensor; 3], TrainError> {
    let streams = training.size()[0];
    let (mut means, mut deviations) = (Vec::new(), Vec::new());
    for stream in 0..streams {
        let index = training.f_select(0, stream)?;
        let [count, sum] = sums(data, &index, |values| Ok(values.shallow_clone()))?;
        let mean = sum.f_div(&count.f_clamp_min(1.0)?)?;
        let [_, squares] = sums(data, &index, |values| {
            let off = values.f_sub(&mean)?;
            Ok(off.f_mul(&off)?)
        })?;
        let deviation = squares.f_div(&count.f_clamp_min(1.0)?)?.f_sqrt()?;
        let one = deviation.f_ones_like()?;
        deviations.push(one.f_where_self(&deviation.f_eq(0.0)?, &deviation)?);
        means.push(mean);
    }
    let wide = |all: &[Tensor]| -> Result<Tensor, TrainError> {
        let inner = data.shape()[1..].iter().product::<usize>() as i64;
        let per_channel = Tensor::f_stack(all, 0)?.f_to_kind(Kind::Float)?.f_unsqueeze(1)?;
        let repeated = per_channel.f_expand([-1, inner, -1], false)?;
        Ok(repeated.f_reshape([streams, 1, -1])?)
    };
    Ok([wide(&means)?, wide(&deviations)?, wide(&means)?])
}

/// How many numbers of the rows there are per channel or feature, holes left out, and what `term` makes of them
/// summed; 64-bit.
fn sums(
    data: &DeviceData,
    index: &Tensor,
    term: impl Fn(&Tensor) -> Result<Tensor, TrainError>,
) -> Result<[Tensor; 2], TrainError> {
    let channels = data.shape()[0] as i64;
    let options = (Kind::Double, index.device());
    let (mut count, mut sum) = (Tensor::f_zeros([channels], options)?, Tensor::f_zeros([channels], options)?);
    let rows = index.size()[0];
    let mut start = 0;
    while start < rows {
        let length = ROWS_PER_PASS.min(rows - start);
        let own = data.rows().features(&index.f_narrow(0, start, length)?)?;
        let values = own.f_view((-1, channels))?.f_to_kind(Kind::Double)?;
        let there = values.f_isnan()?.f_logical_not()?;
        let terms = term(&values)?.f_nan_to_num(0.0, None, None)?;
        let columns = |values: &Tensor| values.f_sum_dim_intlist([0_i64].as_slice(), false, Kind::Double);
        count = count.f_add(&columns(&there)?)?;
        sum = sum.f_add(&columns(&terms)?)?;
        start += length;
    }
    Ok([count, sum])
}
