//! The networks that are measured, on rows made in memory.

use foldwise_study::measure::MeasureSpec;
use foldwise_study::network::{Activation, Cnn, InitRule, Mlp, NetworkSpec, Pooling, Square};
use foldwise_study::seed::Source;
use foldwise_study::selection::{EpochRule, Metric, Rule};
use foldwise_study::train::{Optimizer, OptimizerKind, TrainSpec};
use foldwise_worker::trainer::{
    Cohort, DeviceData, Features, Member, Part, Source as Data, Targets, TrainError,
};
use tch::Device;

/// One network and how many rows make an epoch of about a second.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Its name in tables and in `python/train.py`.
    pub(crate) name: &'static str,
    pub(crate) network: NetworkSpec,
    /// Training rows of an epoch.
    pub(crate) rows: usize,
}

/// Rows of a step.
const BATCH: usize = 64;
/// Fashion-MNIST's picture.
const SHAPE: [usize; 3] = [1, 28, 28];
const CLASSES: usize = 10;

fn mlp(name: &'static str, hidden: [usize; 2], rows: usize) -> Case {
    let mlp = Mlp { hidden: hidden.to_vec(), activation: Activation::Relu, batch_norm: true, dropout: 0.3 };
    let network =
        NetworkSpec { mlp: Some(mlp), init: InitRule::XavierNormal.into(), ..NetworkSpec::default() };
    Case { name, network, rows }
}

fn cnn(name: &'static str, cnn: Cnn, rows: usize) -> Case {
    Case { name, network: NetworkSpec { cnn: Some(cnn), ..NetworkSpec::default() }, rows }
}

/// The networks of studies A and B.
pub(crate) fn cases() -> [Case; 4] {
    let small = Cnn {
        channels: vec![4, 8],
        kernel: Square::Side(3),
        padding: Square::Side(0),
        activation: Activation::Relu,
        batch_norm: false,
        pool: Pooling::Max,
        global_avg_pool: false,
        hidden: vec![45],
        dropout: 0.3,
    };
    let compact = Cnn {
        channels: vec![32, 64, 128],
        padding: Square::Side(1),
        batch_norm: true,
        global_avg_pool: true,
        hidden: Vec::new(),
        dropout: 0.25,
        ..small.clone()
    };
    [
        mlp("mlp-64-32", [64, 32], 8192),
        mlp("mlp-224-112", [224, 112], 4096),
        cnn("cnn-10k", small, 4096),
        cnn("cnn-94k", compact, 1536),
    ]
}

/// Random bytes in the shape of Fashion-MNIST.
pub(crate) fn data(rows: usize) -> Result<DeviceData, TrainError> {
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
    DeviceData::new(Data { shape: &SHAPE, train, test: None, normalize: None, raw: false }, Device::Cpu)
}

/// `width` runs of a case, in `folds` row orders, with three learning rates.
pub(crate) fn cohort(case: &Case, width: usize, folds: usize) -> Result<Cohort, Box<dyn std::error::Error>> {
    let network = case.network.resolve(&SHAPE, CLASSES)?;
    let mut members = Vec::with_capacity(width);
    for index in 0..width {
        let optimizer = Optimizer::new(OptimizerKind::Adamw, [1e-3, 5e-4, 1e-4][index / folds % 3]);
        let train = TrainSpec::new(2, BATCH, optimizer);
        let source = Source { study: 1, train: None, trial: None, fold: u32::try_from(index % folds)? };
        members.push(Member {
            network: network.clone(),
            train,
            source,
            train_rows: (0..u32::try_from(case.rows)?).collect(),
            validation_rows: Vec::new(),
        });
    }
    let selection = Rule { epoch: EpochRule::Last, metric: Metric::ValLoss, allow_failed_folds: false };
    Ok(Cohort { members, selection, test: false, keep_weights: false, measure: MeasureSpec::default() })
}
