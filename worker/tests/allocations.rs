//! What a training step allocates, libtorch's part included. Time on a busy machine says little; a step that makes more
//! tensors than it did says that it got slower, everywhere.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(unsafe_code, reason = "the C library's allocator is counted by standing in front of it")]

use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

use foldwise_study::measure::MeasureSpec;
use foldwise_study::network::{Activation, Cnn, Mlp, NetworkSpec, Pooling, Square};
use foldwise_study::seed::Source as Seed;
use foldwise_study::selection::{EpochRule, Metric, Rule};
use foldwise_study::train::{Optimizer, OptimizerKind, TrainSpec};
use foldwise_worker::trainer::{
    Cohort, DeviceData, Features, Member, Part, Source, Targets, TestRows, Undisturbed, train,
};
use tch::Device;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
}

/// Takes the place of the C library's for this program and all libraries that it loads.
///
/// # Safety
/// As the C library's, which it calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the caller's promises are this function's.
    unsafe { __libc_malloc(size) }
}

const SHAPE: [usize; 3] = [1, 12, 12];
const CLASSES: usize = 10;

/// Allocations of training so many steps of a cohort.
fn allocations(
    network: &NetworkSpec,
    kind: OptimizerKind,
    (members, folds, batch): (u32, u32, usize),
    steps: usize,
) -> u64 {
    let rows = steps * batch;
    let bytes: Vec<u8> = (0..rows * 144).map(|at| (at * 7 % 251).to_le_bytes()[0]).collect();
    let labels: Vec<u32> = (0..10).cycle().take(rows).collect();
    let targets = Targets::Classes { labels: &labels, count: CLASSES };
    let part = Part { features: Features::Bytes(&bytes), targets };
    let source = Source { shape: &SHAPE, train: part, test: None, normalize: None, raw: false };
    let data = DeviceData::new(source, Device::Cpu).expect("memory");
    let network = network.resolve(&SHAPE, CLASSES).expect("a network");
    let member = |index: u32| Member {
        network: network.clone(),
        train: TrainSpec::new(
            1,
            batch,
            Optimizer::new(kind, [0.01, 0.02, 0.03][(index / folds) as usize % 3]),
        ),
        source: Seed { study: 1, train: None, trial: None, fold: index % folds },
        train_rows: (0..).take(rows).collect(),
        validation_rows: Vec::new(),
    };
    let cohort = Cohort {
        members: (0..members).map(member).collect(),
        selection: Rule { epoch: EpochRule::Last, metric: Metric::ValLoss, allow_failed_folds: false },
        test: TestRows::None,
        keep_weights: false,
        measure: MeasureSpec::default(),
    };
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    train(&data, &cohort, None, &mut Undisturbed).expect("trains");
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// Allocations of one step: of 60 steps more than 20, shared out.
fn per_step(network: &NetworkSpec, kind: OptimizerKind, shape: (u32, u32, usize)) -> u64 {
    // The first call also fills libtorch's caches.
    allocations(network, kind, shape, 20);
    (allocations(network, kind, shape, 80) - allocations(network, kind, shape, 20)) / 60
}

/// One test, because what runs beside it would be counted too.
#[test]
fn a_step_allocates_no_more_than_it_did_and_no_more_for_many_members() {
    tch::set_num_threads(1);
    let mlp = |batch_norm, dropout, activation| NetworkSpec {
        mlp: Some(Mlp { hidden: vec![64, 32], activation, batch_norm, dropout }),
        ..NetworkSpec::default()
    };
    let perceptron = mlp(true, 0.3, Activation::Relu);
    let sigmoid = mlp(false, 0.0, Activation::Sigmoid);
    let cnn = Cnn {
        channels: vec![4, 8],
        kernel: Square::Side(3),
        padding: Square::Side(0),
        activation: Activation::Relu,
        batch_norm: true,
        pool: Pooling::Max,
        global_avg_pool: false,
        hidden: vec![16],
        dropout: 0.3,
    };
    let convolutional = NetworkSpec { cnn: Some(cnn), ..NetworkSpec::default() };
    // At most: a seventh more than was counted when this was written.
    let cases = [
        ("perceptron, alone", per_step(&perceptron, OptimizerKind::Adamw, (1, 1, 64)), 145),
        ("perceptron, 15 members", per_step(&perceptron, OptimizerKind::Adamw, (15, 5, 64)), 145),
        ("sigmoid, batch 1", per_step(&sigmoid, OptimizerKind::Sgd, (1, 1, 1)), 135),
        ("convolutional, alone", per_step(&convolutional, OptimizerKind::Adamw, (1, 1, 16)), 3000),
        ("convolutional, 15 members", per_step(&convolutional, OptimizerKind::Adamw, (15, 5, 16)), 3000),
    ];
    let over: Vec<_> = cases.iter().filter(|(_, found, most)| found > most).collect();
    assert!(over.is_empty(), "allocations of a step, found and at most: {cases:?}");
}
