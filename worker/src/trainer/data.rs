//! Rows held on a device, gathered by index.

use tch::{Device, Kind, Tensor};

use super::TrainError;
use super::host::floats_mut;

/// A dataset in the caller's memory, to be copied to a device.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Shape of one row: `[C, H, W]` or `[F]`.
    pub shape: &'a [usize],
    /// Rows to train and validate on.
    pub train: Part<'a>,
    /// Rows of the test set.
    pub test: Option<Part<'a>>,
    /// What is done to every feature after bytes were scaled to 0..1.
    pub normalize: Option<Normalize<'a>>,
    /// Whether features are held as they are and normalized when they are used: what augmentation needs.
    pub raw: bool,
}

/// Rows and what is to be predicted of them.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// `[rows, …shape]`, row-major, channels first.
    pub features: Features<'a>,
    /// `[rows]`, or `[rows, outputs]` for numbers.
    pub targets: Targets<'a>,
}

/// Features of rows.
#[derive(Debug, Clone, Copy)]
pub enum Features<'a> {
    /// 0..255, to be scaled to 0..1.
    Bytes(&'a [u8]),
    /// As they are.
    Floats(&'a [f32]),
}

/// What is to be predicted.
#[derive(Debug, Clone, Copy)]
pub enum Targets<'a> {
    /// A class per row.
    Classes {
        /// `[rows]`, each below `count`.
        labels: &'a [u32],
        /// How many classes there are.
        count: usize,
    },
    /// One or more numbers per row.
    Numbers(&'a [f32]),
}

/// `(x − mean) / std` per channel (pictures) or per feature.
#[derive(Debug, Clone, Copy)]
pub enum Normalize<'a> {
    /// By given numbers; one serves all.
    Fixed {
        /// One, or one per channel or feature.
        mean: &'a [f32],
        /// One, or one per channel or feature; none is zero.
        std: &'a [f32],
    },
    /// By the mean and deviation of the rows that a run trains on.
    Fitted,
}

/// Rows held on a device as 32-bit floats; made once per dataset and device and kept across cohorts.
#[derive(Debug)]
pub struct DeviceData {
    device: Device,
    shape: Vec<usize>,
    classes: Option<usize>,
    scaling: Scaling,
    /// Mean and deviation of each channel or feature by which features were normalized before they were held.
    applied: Option<Applied>,
    /// Whether a feature may be NaN: missing, to be filled by the mean of the rows that a run trains on.
    holes: bool,
    train_rows: usize,
    test_rows: Option<usize>,
    rows: Rows,
}

/// How features become a network's inputs when they are used.
#[derive(Debug)]
pub(super) enum Scaling {
    /// As they are held.
    None,
    /// By means and deviations of each held number, `[numbers]` each.
    Fixed { mean: Tensor, std: Tensor },
    /// By those of the rows that a run trains on.
    Fitted,
}

/// Means and deviations, one of each per channel or feature.
type Applied = (Vec<f32>, Vec<f32>);

/// The rows on the device: those to train and validate on, then those of the test set.
#[derive(Debug)]
pub(super) struct Rows {
    /// `[rows, F]`, or `[rows, H·W·C]` (channels last) for pictures.
    features: Tensor,
    /// Classes `[rows]` as 64-bit integers, or numbers `[rows, outputs]`.
    targets: Tensor,
}

impl DeviceData {
    /// Copies a dataset to `device`, scaled and normalized.
    ///
    /// # Errors
    /// [`TrainError::Data`] when lengths do not fit the shape, and what libtorch says when memory runs out.
    pub fn new(source: Source<'_>, device: Device) -> Result<Self, TrainError> {
        let width: usize = source.shape.iter().product();
        if width == 0 {
            return Err(TrainError::Data(format!("rows of shape {:?} hold nothing", source.shape)));
        }
        let classes = match source.train.targets {
            Targets::Classes { count, .. } => Some(count),
            Targets::Numbers(_) => None,
        };
        let rows = |part: &Part<'_>| rows(part, source.shape);
        let (train_rows, test_rows) = (rows(&source.train)?, source.test.as_ref().map(rows).transpose()?);
        let parts = [Some((&source.train, train_rows)), source.test.as_ref().zip(test_rows)];
        let count = train_rows + test_rows.unwrap_or(0);
        let mut features = Tensor::f_empty([count as i64, width as i64], (Kind::Float, Device::Cpu))?;
        let (mut rest, mut targets, mut holes) = (floats_mut(&mut features)?, Vec::new(), false);
        for (part, rows) in parts.into_iter().flatten() {
            let (own, others) = rest.split_at_mut(rows * width);
            holes |= fill(own, part.features, &source)?;
            rest = others;
            targets.push(self::targets(part, classes, rows)?);
        }
        let rows =
            Rows { features: features.f_to(device)?, targets: Tensor::f_cat(&targets, 0)?.f_to(device)? };
        let scaling = match source.normalize {
            Some(Normalize::Fitted) => Scaling::Fitted,
            Some(Normalize::Fixed { mean, std }) if source.raw => Scaling::Fixed {
                mean: per_number(mean, source.shape, device)?,
                std: per_number(std, source.shape, device)?,
            },
            _ => Scaling::None,
        };
        let (shape, applied) = (source.shape.to_vec(), applied(&source)?);
        Ok(Self { device, shape, classes, scaling, applied, holes, train_rows, test_rows, rows })
    }

    /// Where the rows lie.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// Shape of one row: `[C, H, W]` or `[F]`.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many classes there are, where targets are classes.
    #[must_use]
    pub fn classes(&self) -> Option<usize> {
        self.classes
    }

    /// How many rows there are to train and validate on.
    #[must_use]
    pub fn train_rows(&self) -> usize {
        self.train_rows
    }

    /// How many rows the test set has, if there is one. They are numbered after the others.
    #[must_use]
    pub fn test_rows(&self) -> Option<usize> {
        self.test_rows
    }

    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Features `[n, F]` of the rows `index` (`[n]`) as they were before they were normalized; pictures channels last.
    pub(super) fn plain(&self, index: &Tensor) -> Result<Tensor, TrainError> {
        let held = self.rows.features(index)?;
        let Some((means, stds)) = &self.applied else { return Ok(held) };
        let wide = |values: &[f32]| per_number(values, &self.shape, self.device);
        Ok(held.f_mul(&wide(stds)?)?.f_add(&wide(means)?)?)
    }

    pub(super) fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    pub(super) fn has_holes(&self) -> bool {
        self.holes
    }
}

impl Rows {
    /// Numbers to predict per row, where targets are numbers.
    pub(super) fn outputs(&self) -> Option<i64> {
        self.targets.size().get(1).copied()
    }

    /// Features `[n, F]` of the rows `index` (`[n]`), as they are held.
    pub(super) fn features(&self, index: &Tensor) -> Result<Tensor, TrainError> {
        Ok(self.features.f_index_select(0, index)?)
    }

    /// Targets `[n]` or `[n, outputs]` of the rows `index` (`[n]`).
    pub(super) fn targets(&self, index: &Tensor) -> Result<Tensor, TrainError> {
        Ok(self.targets.f_index_select(0, index)?)
    }
}

/// How many rows a part has.
fn rows(part: &Part<'_>, shape: &[usize]) -> Result<usize, TrainError> {
    let width: usize = shape.iter().product();
    let length = match part.features {
        Features::Bytes(bytes) => bytes.len(),
        Features::Floats(floats) => floats.len(),
    };
    if length == 0 || length % width != 0 {
        return Err(TrainError::Data(format!("{length} features are no whole rows of {shape:?}")));
    }
    Ok(length / width)
}

/// Writes features down as they are held, in one pass: it is what a trainer does before its first step. Whether some are
/// missing.
fn fill(into: &mut [f32], features: Features<'_>, source: &Source<'_>) -> Result<bool, TrainError> {
    let (channels, places) = (source.shape[0], source.shape[1..].iter().product::<usize>());
    let (means, stds) = applied(source)?.unwrap_or_else(|| (vec![0.0; channels], vec![1.0; channels]));
    let normal = |value: f32, channel: usize| (value - means[channel]) / stds[channel];
    let mut holes = false;
    match features {
        Features::Bytes(bytes) => {
            // There are no more than 256 of them in a channel.
            let tables: Vec<[f32; 256]> = (0..channels)
                .map(|channel| std::array::from_fn(|byte| normal(byte as f32 / 255.0, channel)))
                .collect();
            lay(into, bytes, (channels, places), |byte, channel| tables[channel][usize::from(byte)]);
        }
        Features::Floats(floats) => lay(into, floats, (channels, places), |value, channel| {
            holes |= value.is_nan();
            normal(value, channel)
        }),
    }
    Ok(holes)
}

/// Means and deviations by which features are normalized before they are held.
fn applied(source: &Source<'_>) -> Result<Option<Applied>, TrainError> {
    match source.normalize {
        Some(Normalize::Fixed { mean, std }) if !source.raw => {
            let channels = source.shape[0];
            Ok(Some((each_channel(mean, channels)?, each_channel(std, channels)?)))
        }
        _ => Ok(None),
    }
}

/// Lays rows `[C, H·W]` channels last, `[H·W, C]`, which is what convolutions read fastest.
fn lay<T: Copy>(
    into: &mut [f32],
    values: &[T],
    (channels, places): (usize, usize),
    mut number: impl FnMut(T, usize) -> f32,
) {
    if channels == 1 {
        into.iter_mut().zip(values).for_each(|(into, &value)| *into = number(value, 0));
        return;
    }
    let width = channels * places;
    for (into, values) in into.chunks_exact_mut(width).zip(values.chunks_exact(width)) {
        for (channel, values) in values.chunks_exact(places).enumerate() {
            for (into, &value) in into[channel..].iter_mut().step_by(channels).zip(values) {
                *into = number(value, channel);
            }
        }
    }
}

/// A number per channel for each held number of a row, `[H·W·C]` or `[F]`.
fn per_number(values: &[f32], shape: &[usize], device: Device) -> Result<Tensor, TrainError> {
    let values = each_channel(values, shape[0])?;
    let places = shape[1..].iter().product::<usize>();
    Ok(Tensor::f_from_slice(&values.repeat(places))?.f_to(device)?)
}

/// One number for each channel, or one for all.
fn each_channel(values: &[f32], channels: usize) -> Result<Vec<f32>, TrainError> {
    match values.len() {
        1 => Ok(vec![values[0]; channels]),
        count if count == channels => Ok(values.to_vec()),
        count => Err(TrainError::Data(format!(
            "{count} values to normalize with, but {channels} channels or features"
        ))),
    }
}

fn targets(part: &Part<'_>, classes: Option<usize>, count: usize) -> Result<Tensor, TrainError> {
    match (part.targets, classes) {
        (Targets::Classes { labels, count: classes }, Some(expected)) => {
            if classes != expected || labels.len() != count {
                return Err(TrainError::Data(format!(
                    "{} labels of {classes} classes for {count} rows of {expected} classes",
                    labels.len()
                )));
            }
            if let Some(label) = labels.iter().find(|&&label| label as usize >= classes) {
                return Err(TrainError::Data(format!("label {label}, but only {classes} classes")));
            }
            let labels: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
            Ok(Tensor::f_from_slice(&labels)?)
        }
        (Targets::Numbers(numbers), None) => {
            if numbers.is_empty() || numbers.len() % count != 0 {
                return Err(TrainError::Data(format!("{} numbers for {count} rows", numbers.len())));
            }
            Ok(Tensor::f_from_slice(numbers)?.f_view((count as i64, -1))?)
        }
        (Targets::Classes { .. }, None) | (Targets::Numbers(_), Some(_)) => {
            Err(TrainError::Data("one part has classes and the other has numbers".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Tensor};

    use super::{DeviceData, Features, Normalize, Part, Source, Targets};

    #[test]
    fn pictures_are_scaled_normalized_and_laid_channels_last() {
        // Two rows of two channels, 1 × 2 pixels.
        let bytes = [0, 255, 51, 102, 255, 0, 0, 51];
        let part = Part {
            features: Features::Bytes(&bytes),
            targets: Targets::Classes { labels: &[1, 0], count: 2 },
        };
        let normalize = Some(Normalize::Fixed { mean: &[0.5, 0.0], std: &[0.5, 1.0] });
        let source = Source { shape: &[2, 1, 2], train: part, test: None, normalize, raw: false };
        let data = DeviceData::new(source, Device::Cpu).expect("fits");
        let rows = data.rows().features(&Tensor::from_slice(&[1_i64, 0])).expect("in range");
        let expected = Tensor::from_slice(&[1.0_f32, 0.0, -1.0, 0.2, -1.0, 0.2, 1.0, 0.4]).view((2, 4));
        assert!(rows.allclose(&expected, 1e-6, 1e-6, false), "{rows:?}");
    }

    #[test]
    fn a_label_beyond_the_classes_is_refused() {
        let part = Part {
            features: Features::Floats(&[0.0; 4]),
            targets: Targets::Classes { labels: &[0, 2], count: 2 },
        };
        let source = Source { shape: &[2], train: part, test: None, normalize: None, raw: false };
        assert!(DeviceData::new(source, Device::Cpu).is_err());
    }
}
