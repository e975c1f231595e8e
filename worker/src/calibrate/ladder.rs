//! The networks that are measured, from those that only fusing keeps busy to those that fill a core alone.

use foldwise_study::network::{Activation, Cnn, Mlp, Network, NetworkSpec, Pooling, Square};
use foldwise_study::plan::ShapeClass;
use tch::Device;

use crate::trainer::{DeviceData, Features, Part, Source, Targets, TrainError};

/// Rows per step that are measured.
pub(super) const BATCHES: [usize; 3] = [1, 10, 64];
/// Rows that there are of each shape.
pub(super) const ROWS_MAX: usize = 16_384;

/// Numbers of a table's row, and a small picture: what most studies have.
const TABLE: &[usize] = &[20];
const PICTURE: &[usize] = &[1, 28, 28];
const CLASSES: usize = 10;

/// A network of the ladder.
#[derive(Debug)]
pub(super) struct Rung {
    pub(super) shape: ShapeClass,
    pub(super) network: Network,
}

/// The ladder: each kind's networks by rising cost. Plain ones, for what a network has beside products and convolutions
/// makes fusing gain more.
pub(super) fn ladder() -> Vec<Rung> {
    let linear: [(&[usize], &[usize]); 7] = [
        (TABLE, &[16, 8]),
        (TABLE, &[64, 32]),
        (PICTURE, &[16]),
        (PICTURE, &[64, 32]),
        (PICTURE, &[128, 64]),
        (PICTURE, &[224, 112]),
        (PICTURE, &[512, 256]),
    ];
    let convolutional: [(&[usize], &[usize]); 6] = [
        (&[2, 4], &[16]),
        (&[4, 8], &[45]),
        (&[8, 16], &[60]),
        (&[16, 32], &[120]),
        (&[16, 32, 64], &[]),
        (&[32, 64, 128], &[]),
    ];
    let linear = linear.into_iter().map(|(input, hidden)| {
        let mlp =
            Mlp { hidden: hidden.to_vec(), activation: Activation::Relu, batch_norm: false, dropout: 0.0 };
        rung(ShapeClass::Linear, &NetworkSpec { mlp: Some(mlp), ..NetworkSpec::default() }, input)
    });
    let convolutional = convolutional.into_iter().map(|(channels, hidden)| {
        // Those without hidden layers are as deep as the picture allows, padded and normalized.
        let deep = hidden.is_empty();
        let cnn = Cnn {
            channels: channels.to_vec(),
            kernel: Square::Side(3),
            padding: Square::Side(usize::from(deep)),
            activation: Activation::Relu,
            batch_norm: deep,
            pool: Pooling::Max,
            global_avg_pool: deep,
            hidden: hidden.to_vec(),
            dropout: 0.0,
        };
        rung(ShapeClass::Convolutional, &NetworkSpec { cnn: Some(cnn), ..NetworkSpec::default() }, PICTURE)
    });
    linear.chain(convolutional).collect()
}

fn rung(shape: ShapeClass, spec: &NetworkSpec, input: &[usize]) -> Rung {
    Rung { shape, network: spec.resolve(input, CLASSES).expect("the ladder's networks fit their rows") }
}

/// Random rows on the device.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) data: DeviceData,
}

impl Rows {
    /// Rows for a network.
    pub(super) fn new(rung: &Rung, device: Device) -> Result<Self, TrainError> {
        // A linear congruential generator (Knuth's MMIX): what the numbers are does not matter.
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33).to_le_bytes()[0]
        };
        let shape = &rung.network.input;
        let features: Vec<u8> = (0..ROWS_MAX * shape.iter().product::<usize>()).map(|_| next()).collect();
        let labels: Vec<u32> = (0..ROWS_MAX).map(|_| u32::from(next()) % 10).collect();
        let targets = Targets::Classes { labels: &labels, count: CLASSES };
        let train = Part { features: Features::Bytes(&features), targets };
        let data = DeviceData::new(Source { shape, train, test: None, normalize: None, raw: false }, device)?;
        Ok(Self { data })
    }

    /// Whether they are what a network takes in.
    pub(super) fn are_for(&self, rung: &Rung) -> bool {
        self.data.shape() == rung.network.input
    }
}

#[cfg(test)]
mod tests {
    use super::ladder;

    #[test]
    fn costs_rise_within_each_kind() {
        let rungs = ladder();
        let cost = |index: usize| (rungs[index].shape, rungs[index].network.multiply_accumulates());
        assert!((1..rungs.len()).all(|index| cost(index - 1) < cost(index)), "{rungs:?}");
    }
}
