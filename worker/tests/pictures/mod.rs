//! A small classification task and cohorts on it: what the tests of cohorts and of checkpoints train.
#![allow(unreachable_pub, reason = "each test file is a crate of its own")]

use foldwise_study::measure::MeasureSpec;
use foldwise_study::network::{Activation, Cnn, InitRule, Layer, Mlp, Network, NetworkSpec, Pooling, Square};
use foldwise_study::seed::Source as Seed;
use foldwise_study::selection::{EpochRule, Metric, Rule};
use foldwise_study::train::{Optimizer, OptimizerKind, TrainSpec};
use foldwise_worker::trainer::{Cohort, DeviceData, Features, Member, Part, Source, Targets, TestRows};
use tch::Device;

const ROWS: usize = 120;
const TEST_ROWS: usize = 30;
const SHAPE: [usize; 3] = [2, 8, 8];
const CLASSES: usize = 3;

/// Pictures whose class shows in their mean, from a fixed sequence.
pub fn data() -> DeviceData {
    // As a trainer's slot has: several threads share a kernel's work otherwise when the machine is busy, and sums round
    // otherwise then.
    tch::set_num_threads(1);
    let mut state = 7_u32;
    let mut part = |rows: usize| {
        let labels: Vec<u32> = (0..rows).map(|row| u32::try_from(row * 7 % 3).expect("small")).collect();
        let mut bytes = Vec::new();
        for label in &labels {
            for _ in 0..SHAPE.iter().product::<usize>() {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                bytes.push((state >> 24).to_le_bytes()[0] / 2 + u8::try_from(label * 40).expect("small"));
            }
        }
        (bytes, labels)
    };
    let (train, test) = (part(ROWS), part(TEST_ROWS));
    let part = |(bytes, labels)| {
        let targets = Targets::Classes { labels, count: CLASSES };
        Part { features: Features::Bytes(bytes), targets }
    };
    let source = Source {
        shape: &SHAPE,
        train: part((&train.0, &train.1)),
        test: Some(part((&test.0, &test.1))),
        normalize: None,
        raw: false,
    };
    DeviceData::new(source, Device::Cpu).expect("fits")
}

/// Two hidden layers with batch norm.
pub fn mlp(dropout: f64) -> Network {
    let mlp = Mlp { hidden: vec![12, 6], activation: Activation::Relu, batch_norm: true, dropout };
    let spec = NetworkSpec { mlp: Some(mlp), init: InitRule::XavierNormal.into(), ..NetworkSpec::default() };
    spec.resolve(&SHAPE, CLASSES).expect("fits")
}

/// Two blocks with batch norm, dropout of pictures between them.
pub fn cnn(dropout: f64) -> Network {
    let cnn = Cnn {
        channels: vec![4, 6],
        kernel: Square::Side(3),
        padding: Square::Side(1),
        activation: Activation::Relu,
        batch_norm: true,
        pool: Pooling::Max,
        global_avg_pool: false,
        hidden: vec![8],
        dropout,
    };
    let mut layers = NetworkSpec { cnn: Some(cnn), ..NetworkSpec::default() }.expand().expect("one form");
    // Dropout of pictures too, after the first block.
    layers.insert(4, Layer::Dropout(foldwise_study::network::Dropout { rate: dropout }));
    let spec = NetworkSpec { layers: Some(layers), ..NetworkSpec::default() };
    spec.resolve(&SHAPE, CLASSES).expect("fits")
}

fn spec(lr: f64) -> TrainSpec {
    let optimizer = Optimizer::new(OptimizerKind::Adamw, lr);
    TrainSpec::new(2, 16, optimizer)
}

/// A run whose fold holds out every third row; fold 2 holds out fewer.
pub fn member(network: fn(f64) -> Network, fold: u32, lr: f64, dropout: f64) -> Member {
    let rows = 0..u32::try_from(ROWS).expect("small");
    let (validation_rows, train_rows): (Vec<u32>, Vec<u32>) = rows.partition(|row| row % 3 == fold % 3);
    let validation_rows = if fold == 2 { validation_rows[..29].to_vec() } else { validation_rows };
    let source = Seed { study: 11, train: None, trial: None, fold };
    Member { network: network(dropout), train: spec(lr), source, train_rows, validation_rows }
}

/// Judged by the best epoch's validation loss, tested, with weights.
pub fn cohort(members: Vec<Member>) -> Cohort {
    let selection = Rule { epoch: EpochRule::Best, metric: Metric::ValLoss, allow_failed_folds: false };
    Cohort {
        members,
        selection,
        test: TestRows::TestSet,
        keep_weights: true,
        measure: MeasureSpec::default(),
    }
}
