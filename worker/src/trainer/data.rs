//! Rows held on a device, gathered by index.

use tch::{Device, Kind, Tensor};

use super::TrainError;

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
        let (train, train_rows) = held(&source.train, &source, classes, device)?;
        let test = source.test.map(|part| held(&part, &source, classes, device)).transpose()?;
        let test_rows = test.as_ref().map(|(_, rows)| *rows);
        let rows = match test {
            Some((test, _)) => Rows {
                features: Tensor::f_cat(&[train.features, test.features], 0)?,
                targets: Tensor::f_cat(&[train.targets, test.targets], 0)?,
            },
            None => train,
        };
        let scaling = match source.normalize {
            Some(Normalize::Fitted) => Scaling::Fitted,
            Some(Normalize::Fixed { mean, std }) if source.raw => Scaling::Fixed {
                mean: per_number(mean, source.shape, device)?,
                std: per_number(std, source.shape, device)?,
            },
            _ => Scaling::None,
        };
        let holes = rows.features.f_isnan()?.f_any()?.f_int64_value(&[])? != 0;
        let shape = source.shape.to_vec();
        Ok(Self { device, shape, classes, scaling, holes, train_rows, test_rows, rows })
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

/// A part's rows on the device, and how many there are.
fn held(
    part: &Part<'_>,
    source: &Source<'_>,
    classes: Option<usize>,
    device: Device,
) -> Result<(Rows, usize), TrainError> {
    let width: usize = source.shape.iter().product();
    let length = match part.features {
        Features::Bytes(bytes) => bytes.len(),
        Features::Floats(floats) => floats.len(),
    };
    if length == 0 || length % width != 0 {
        let shape = source.shape;
        return Err(TrainError::Data(format!("{length} features are no whole rows of {shape:?}")));
    }
    let count = length / width;
    let features = features(part, source, count, device)?;
    let targets = targets(part, classes, count)?.f_to(device)?;
    Ok((Rows { features, targets }, count))
}

fn features(
    part: &Part<'_>,
    source: &Source<'_>,
    count: usize,
    device: Device,
) -> Result<Tensor, TrainError> {
    let channels = source.shape[0];
    let inner = source.shape[1..].iter().product::<usize>();
    let shape = [count as i64, channels as i64, inner as i64];
    let mut values = match part.features {
        Features::Bytes(bytes) => {
            let bytes = Tensor::f_from_data_size(bytes, &shape, Kind::Uint8)?.f_to(device)?;
            bytes.f_to_kind(Kind::Float)?.f_div_scalar_(255.0)?
        }
        Features::Floats(floats) => Tensor::f_from_slice(floats)?.f_to(device)?.f_view(&shape[..])?,
    };
    if let Some(Normalize::Fixed { mean, std }) = source.normalize.filter(|_| !source.raw) {
        let (mean, std) = (per_channel(mean, channels, device)?, per_channel(std, channels, device)?);
        values = values.f_sub_(&mean)?.f_div_(&std)?;
    }
    // Pictures lie channels last, which is what convolutions read fastest.
    Ok(values.f_transpose(1, 2)?.f_contiguous()?.f_view((shape[0], shape[1] * shape[2]))?)
}

/// A number per channel for each held number of a row, `[H·W·C]` or `[F]`.
fn per_number(values: &[f32], shape: &[usize], device: Device) -> Result<Tensor, TrainError> {
    let per_channel = per_channel(values, shape[0], device)?.f_view([-1_i64])?;
    let inner = shape[1..].iter().product::<usize>() as i64;
    Ok(per_channel.f_expand([inner, shape[0] as i64], false)?.f_reshape([-1_i64])?)
}

fn per_channel(values: &[f32], channels: usize, device: Device) -> Result<Tensor, TrainError> {
    if values.len() != 1 && values.len() != channels {
        return Err(TrainError::Data(format!(
            "{} values to normalize with, but {channels} channels or features",
            values.len()
        )));
    }
    Ok(Tensor::f_from_slice(values)?.f_to(device)?.f_view((1, values.len() as i64, 1))?)
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
