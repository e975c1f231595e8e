//! Rows of Fashion-MNIST's shape, made in memory.

use foldwise_worker::trainer::{DeviceData, Features, Normalize, Part, Source, Targets, TrainError};
use tch::Device;

/// Fashion-MNIST's picture.
pub(crate) const SHAPE: [usize; 3] = [1, 28, 28];
/// Its classes.
pub(crate) const CLASSES: usize = 10;

/// Random bytes as pictures, on a device; `raw` keeps them as they are until they are used.
pub(crate) fn random(
    rows: usize,
    normalize: Option<&(Vec<f32>, Vec<f32>)>,
    raw: bool,
    device: Device,
) -> Result<DeviceData, TrainError> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let pixels: usize = SHAPE.iter().product();
    let bytes: Vec<u8> = (0..rows * pixels).map(|_| next().to_le_bytes()[0]).collect();
    let labels: Vec<u32> = (0..rows).map(|_| u32::from(next().to_le_bytes()[1]) % 10).collect();
    let targets = Targets::Classes { labels: &labels, count: CLASSES };
    let train = Part { features: Features::Bytes(&bytes), targets };
    let normalize = normalize.map(|(mean, std)| Normalize::Fixed { mean, std });
    DeviceData::new(Source { shape: &SHAPE, train, test: None, normalize, raw }, device)
}
