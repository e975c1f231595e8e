//! A small classification task and runs of TorchScript modules on it.
#![allow(unreachable_pub, reason = "each test file is a crate of its own")]

use foldwise_study::measure::MeasureSpec;
use foldwise_study::network::{ModuleSpec, Network, NetworkSpec};
use foldwise_study::seed::Source as Seed;
use foldwise_study::selection::{EpochRule, Metric, Rule};
use foldwise_study::train::{Optimizer, OptimizerKind, Order, TrainSpec};
use foldwise_worker::trainer::{Cohort, DeviceData, Features, Member, Part, Source, Targets, TestRows};
use tch::Device;

/// The module in a file.
pub fn network(file: &str) -> Network {
    let module = ModuleSpec { file: file.to_owned(), sha256: None };
    let spec = NetworkSpec { torchscript: Some(module), ..NetworkSpec::default() };
    spec.resolve(&[2], 3).expect("one form")
}

/// Where a module lies: those of `module/modules.py`, and `net.pt`.
pub fn file(name: &str) -> String {
    format!("{}/tests/module/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Thirty rows to train and validate on, ten to test on.
pub fn data() -> DeviceData {
    tch::set_num_threads(1);
    let features: Vec<f32> = (0..40_u16)
        .flat_map(|row| [f32::from(row * 7 % 11) / 5.0 - 1.0, f32::from(row * 3 % 13) / 6.0 - 1.0])
        .collect();
    let labels: Vec<u32> = (0..40).map(|row| row % 3).collect();
    let part = |features, labels| Part {
        features: Features::Floats(features),
        targets: Targets::Classes { labels, count: 3 },
    };
    let source = Source {
        shape: &[2],
        train: part(&features[..60], &labels[..30]),
        test: Some(part(&features[60..], &labels[30..])),
        normalize: None,
        raw: false,
    };
    DeviceData::new(source, Device::Cpu).expect("fits")
}

/// One run of four epochs.
pub fn cohort(network: Network, epoch: EpochRule) -> Cohort {
    let mut train = TrainSpec::new(4, 5, Optimizer::new(OptimizerKind::Adam, 0.05));
    train.order = Order::Given;
    let source = Seed { study: 1, train: None, trial: None, fold: 0 };
    let member =
        Member { network, train, source, train_rows: (0..20).collect(), validation_rows: (20..30).collect() };
    Cohort {
        members: vec![member],
        selection: Rule { epoch, metric: Metric::ValLoss, allow_failed_folds: false },
        test: TestRows::TestSet,
        keep_weights: true,
        measure: MeasureSpec::default(),
    }
}
