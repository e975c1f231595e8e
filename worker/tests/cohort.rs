//! Cohorts through the public interface: members are independent, repeatable and judged alone.

use foldwise_study::network::{Activation, Cnn, Init, Layer, Mlp, Network, NetworkSpec, Pooling, Square};
use foldwise_study::outcome::RunEnd;
use foldwise_study::seed::Source as Seed;
use foldwise_study::selection::{EpochRule, Metric, Rule};
use foldwise_study::train::{Monitor, Optimizer, OptimizerKind, ReduceOnPlateau, Schedule, TrainSpec};
use foldwise_worker::trainer::{
    Cohort, DeviceData, EpochOfMember, Features, Member, MemberOutcome, Order, Part, Source, Targets,
    TrainError, Values, compatible, train,
};
use tch::Device;

const ROWS: usize = 120;
const TEST_ROWS: usize = 30;
const SHAPE: [usize; 3] = [2, 8, 8];
const CLASSES: usize = 3;

/// Pictures whose class shows in their mean, from a fixed sequence.
fn data() -> DeviceData {
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
    };
    DeviceData::new(source, Device::Cpu).expect("fits")
}

fn mlp(dropout: f64) -> Network {
    let mlp = Mlp { hidden: vec![12, 6], activation: Activation::Relu, batch_norm: true, dropout };
    let spec = NetworkSpec { mlp: Some(mlp), init: Init::XavierNormal, ..NetworkSpec::default() };
    spec.resolve(&SHAPE, CLASSES).expect("fits")
}

fn cnn(dropout: f64) -> Network {
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
    let optimizer = Optimizer {
        kind: OptimizerKind::Adamw,
        lr,
        weight_decay: None,
        momentum: None,
        nesterov: None,
        betas: None,
        eps: None,
    };
    TrainSpec {
        epochs: 2,
        batch_size: 16,
        loss: None,
        optimizer,
        schedule: Schedule::Constant,
        shuffle: true,
        seed: None,
        common_random_numbers: true,
    }
}

/// A run whose fold holds out every third row; fold 2 holds out fewer.
fn member(network: fn(f64) -> Network, fold: u32, lr: f64, dropout: f64) -> Member {
    let rows = 0..u32::try_from(ROWS).expect("small");
    let (validation_rows, train_rows): (Vec<u32>, Vec<u32>) = rows.partition(|row| row % 3 == fold % 3);
    let validation_rows = if fold == 2 { validation_rows[..29].to_vec() } else { validation_rows };
    let source = Seed { study: 11, train: None, trial: None, fold };
    Member { network: network(dropout), train: spec(lr), source, train_rows, validation_rows }
}

fn cohort(members: Vec<Member>) -> Cohort {
    let selection = Rule { epoch: EpochRule::Best, metric: Metric::ValLoss, allow_failed_folds: false };
    Cohort { members, selection, test: true, keep_weights: true }
}

fn trained(data: &DeviceData, cohort: &Cohort) -> Vec<MemberOutcome> {
    train(data, cohort, &mut |_| Order::Continue, &|| false).expect("trains")
}

fn numbers(outcome: &MemberOutcome) -> Vec<(String, Vec<f32>)> {
    let weights = outcome.weights.as_ref().expect("kept");
    let floats = |values: &Values| match values {
        Values::Float(numbers) => numbers.clone(),
        Values::Integer(_) => Vec::new(),
    };
    weights.tensors.iter().map(|tensor| (tensor.name.clone(), floats(&tensor.values))).collect()
}

fn assert_close(alone: &MemberOutcome, fused: &MemberOutcome, what: &str) {
    assert_eq!(alone.outcome.end, fused.outcome.end, "{what}");
    assert_eq!(alone.best_epoch, fused.best_epoch, "{what}");
    for (a, b) in alone.outcome.epochs.iter().zip(&fused.outcome.epochs) {
        assert!((a.train_loss - b.train_loss).abs() < 1e-4, "{what}: {a:?} and {b:?}");
        assert!(
            (a.val_loss.expect("validated") - b.val_loss.expect("validated")).abs() < 1e-4,
            "{what}: {a:?} and {b:?}"
        );
        assert_eq!(a.lr, b.lr, "{what}");
    }
    for ((name, a), (_, b)) in numbers(alone).iter().zip(&numbers(fused)) {
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 2e-3 + 1e-3 * a.abs(), "{what}, {name}: {a} and {b}");
        }
    }
    let (a, b) = (alone.outcome.test.expect("tested"), fused.outcome.test.expect("tested"));
    assert!((a.loss - b.loss).abs() < 1e-3, "{what}");
}

/// Members of three folds, two of them sharing their rows or not, with all else of their own.
fn mixed(network: fn(f64) -> Network, folds: [u32; 6]) -> Vec<Member> {
    let lrs = [1e-3, 3e-3, 1e-2, 2e-3, 5e-3, 1e-3];
    let dropouts = [0.3, 0.0, 0.1, 0.5, 0.2, 0.3];
    (0..6).map(|index| member(network, folds[index], lrs[index], dropouts[index])).collect()
}

fn alone_as_fused(network: fn(f64) -> Network) {
    let data = data();
    // All rows shared; two members per stream; streams of unequal size, so none shared.
    for folds in [[1; 6], [0, 1, 2, 2, 0, 1], [0, 0, 0, 1, 1, 2]] {
        let members = mixed(network, folds);
        let fused = trained(&data, &cohort(members.clone()));
        for (index, (own, fused)) in members.into_iter().zip(&fused).enumerate() {
            let alone = trained(&data, &cohort(vec![own]));
            assert_close(&alone[0], fused, &format!("member {index} of folds {folds:?}"));
        }
    }
}

#[test]
fn perceptrons_train_alone_as_in_a_cohort() {
    alone_as_fused(mlp);
}

#[test]
fn convolutional_networks_train_alone_as_in_a_cohort() {
    alone_as_fused(cnn);
}

#[test]
fn the_same_cohort_twice_is_the_same_bit_for_bit() {
    let data = data();
    for network in [mlp, cnn] {
        let cohort = cohort(mixed(network, [0, 1, 2, 2, 0, 1]));
        let (first, second) = (trained(&data, &cohort), trained(&data, &cohort));
        for (first, second) in first.iter().zip(&second) {
            assert_eq!(first.outcome.epochs, second.outcome.epochs);
            assert_eq!(first.weights, second.weights);
        }
    }
}

/// Six streams of one member each.
const DISTINCT: [u32; 6] = [0, 1, 2, 3, 4, 5];

#[test]
fn a_member_leaves_no_trace_in_the_others() {
    let data = data();
    for network in [mlp, cnn] {
        for folds in [[1; 6], [0, 1, 2, 2, 0, 1], DISTINCT] {
            let members = mixed(network, folds);
            let mut changed = members.clone();
            changed[2].train.optimizer.lr *= 7.0;
            changed[2].train.optimizer.weight_decay = Some(0.5);
            changed[2].network = network(0.6);
            if folds == DISTINCT {
                // Other rows in another order; where streams are shared this would regroup the members.
                changed[2].train_rows = (40..120).rev().collect();
            }
            let (before, after) = (trained(&data, &cohort(members)), trained(&data, &cohort(changed)));
            for index in [0, 1, 3, 4, 5] {
                assert_eq!(before[index].outcome.epochs, after[index].outcome.epochs, "member {index}");
                assert_eq!(before[index].weights, after[index].weights, "member {index}");
            }
            assert_ne!(before[2].weights, after[2].weights);
        }
    }
}

#[test]
fn a_diverged_member_is_frozen_and_the_others_go_on_unchanged() {
    let data = data();
    for network in [mlp, cnn] {
        let members = mixed(network, [0, 1, 2, 2, 0, 1]);
        let mut wild = members.clone();
        wild[3].train.optimizer.lr = 1e38;
        let (calm, wild) = (trained(&data, &cohort(members)), trained(&data, &cohort(wild)));
        assert_eq!(wild[3].outcome.end, RunEnd::Diverged(1));
        assert_eq!((wild[3].best_epoch, &wild[3].weights, wild[3].outcome.test), (None, &None, None));
        assert!(wild[3].outcome.epochs.is_empty());
        for index in [0, 1, 2, 4, 5] {
            assert_eq!(calm[index].outcome.epochs, wild[index].outcome.epochs, "member {index}");
            assert_eq!(calm[index].weights, wild[index].weights, "member {index}");
        }
    }
}

#[test]
fn a_cohort_that_diverged_as_a_whole_ends() {
    let mut wild = member(mlp, 0, 1e38, 0.0);
    wild.train.epochs = 1000;
    let outcomes = trained(&data(), &cohort(vec![wild.clone(), wild]));
    assert!(outcomes.iter().all(|outcome| outcome.outcome.end == RunEnd::Diverged(1)));
}

#[test]
fn orders_and_looks_stop_a_cohort() {
    let (data, cohort) = (data(), cohort(mixed(mlp, [1; 6])));
    let mut seen = Vec::new();
    let observed = train(
        &data,
        &cohort,
        &mut |epoch: EpochOfMember| {
            seen.push((epoch.record.epoch, epoch.member));
            Order::Stop
        },
        &|| false,
    );
    assert!(matches!(observed, Err(TrainError::Stopped)));
    assert_eq!(seen, (0..6).map(|member| (1, member)).collect::<Vec<_>>());
    assert!(matches!(train(&data, &cohort, &mut |_| Order::Continue, &|| true), Err(TrainError::Stopped)));
}

#[test]
fn the_selected_epochs_weights_are_kept_and_tested() {
    let data = data();
    let mut long = member(mlp, 0, 0.05, 0.0);
    long.train.epochs = 6;
    let best = trained(&data, &cohort(vec![long.clone()])).remove(0);
    let epoch = best.best_epoch.expect("finished");
    let losses: Vec<f64> = best.outcome.epochs.iter().filter_map(|record| record.val_loss).collect();
    assert!(losses.iter().all(|&loss| loss >= losses[epoch as usize - 1]));
    // Training that ends with that epoch ends in the same weights.
    long.train.epochs = epoch;
    let mut shorter = cohort(vec![long]);
    shorter.selection.epoch = EpochRule::Last;
    let last = trained(&data, &shorter).remove(0);
    assert_eq!(last.weights, best.weights);
    assert_eq!(last.outcome.test, best.outcome.test);
}

#[test]
fn a_refit_keeps_the_last_epochs_weights() {
    let mut refit = member(cnn, 0, 1e-3, 0.1);
    refit.validation_rows.clear();
    let outcome = trained(&data(), &cohort(vec![refit])).remove(0);
    assert_eq!(outcome.best_epoch, Some(2));
    assert!(outcome.outcome.epochs.iter().all(|record| record.val_loss.is_none()));
    assert!(outcome.outcome.test.is_some() && outcome.weights.is_some());
}

#[test]
fn each_member_follows_its_own_schedule() {
    let plateau =
        ReduceOnPlateau { factor: 0.5, patience: 0, threshold: 0.9, min_lr: 0.0, monitor: Monitor::ValLoss };
    let mut members = vec![member(mlp, 0, 1e-3, 0.0), member(mlp, 0, 1e-3, 0.0)];
    members[1].train.schedule = Schedule::ReduceOnPlateau(plateau);
    members.iter_mut().for_each(|member| member.train.epochs = 3);
    let outcomes = trained(&data(), &cohort(members));
    let rates =
        |index: usize| outcomes[index].outcome.epochs.iter().map(|record| record.lr).collect::<Vec<_>>();
    assert_eq!(rates(0), [1e-3, 1e-3, 1e-3]);
    assert_eq!(rates(1), [1e-3, 1e-3, 5e-4]);
    assert_ne!(outcomes[0].outcome.epochs[2], outcomes[1].outcome.epochs[2]);
}

#[test]
fn what_cannot_be_fused_is_named() {
    let first = member(mlp, 0, 1e-3, 0.1);
    assert_eq!(compatible(&first, &member(mlp, 1, 1e-2, 0.4)), Ok(()));
    let mut other = first.clone();
    other.train.batch_size = 32;
    assert!(compatible(&first, &other).is_err_and(|reason| reason.contains("batch size")));
    assert!(compatible(&first, &member(cnn, 0, 1e-3, 0.1)).is_err());
    let refused = train(&data(), &cohort(vec![first.clone(), other]), &mut |_| Order::Continue, &|| false);
    assert!(matches!(refused, Err(TrainError::Incompatible { member: 1, .. })));
    let mut beyond = first.clone();
    beyond.train_rows[3] = 120;
    let refused = train(&data(), &cohort(vec![beyond]), &mut |_| Order::Continue, &|| false);
    assert!(matches!(refused, Err(TrainError::Incompatible { member: 0, .. })));
    let mut lone = first;
    lone.train.batch_size = 79;
    let refused = train(&data(), &cohort(vec![lone]), &mut |_| Order::Continue, &|| false);
    assert!(matches!(refused, Err(TrainError::LoneRow { rows: 80, batch_size: 79 })));
}
