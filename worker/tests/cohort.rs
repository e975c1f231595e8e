//! Cohorts through the public interface: members are independent, repeatable and judged alone.

mod pictures;

use foldwise_study::network::Network;
use foldwise_study::outcome::RunEnd;
use foldwise_study::selection::EpochRule;
use foldwise_study::train::{EarlyStopping, Monitor, ReduceOnPlateau, Schedule, ThresholdMode};
use foldwise_worker::trainer::{
    Cohort, DeviceData, Member, MemberOutcome, TestRows, TrainError, Undisturbed, Values, compatible, train,
};
use pictures::{cnn, cohort, data, member, mlp};

fn trained(data: &DeviceData, cohort: &Cohort) -> Vec<MemberOutcome> {
    train(data, cohort, None, &mut Undisturbed).expect("trains")
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
    let plateau = ReduceOnPlateau {
        factor: 0.5,
        patience: 0,
        threshold: 0.9,
        threshold_mode: ThresholdMode::Relative,
        cooldown: 0,
        min_lr: 0.0,
        eps: 1e-8,
        monitor: Monitor::ValLoss,
    };
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
fn a_member_that_stops_early_is_frozen_and_the_others_go_on_unchanged() {
    let data = data();
    for (network, folds) in [(mlp as fn(f64) -> Network, [0, 1, 2, 2, 0, 1]), (cnn, [1; 6]), (mlp, DISTINCT)]
    {
        let mut members = mixed(network, folds);
        members.iter_mut().for_each(|member| member.train.epochs = 6);
        // Nothing improves by so much, so it ends after the third epoch; another has the patience to stay.
        let mut stopping = members.clone();
        stopping[1].train.early_stopping =
            Some(EarlyStopping { patience: 2, min_delta: 1e3, monitor: Monitor::ValLoss });
        stopping[4].train.early_stopping =
            Some(EarlyStopping { patience: 6, min_delta: 1e3, monitor: Monitor::ValAccuracy });
        let shorter = |mut members: Vec<Member>| {
            members.iter_mut().for_each(|member| member.train.epochs = 3);
            members
        };
        for epoch in [EpochRule::Last, EpochRule::Best] {
            let of = |members: Vec<Member>| {
                let mut cohort = cohort(members);
                cohort.selection.epoch = epoch;
                trained(&data, &cohort)
            };
            let (whole, stopped) = (of(members.clone()), of(stopping.clone()));
            for index in [0, 2, 3, 4, 5] {
                assert_eq!(whole[index].outcome.epochs, stopped[index].outcome.epochs, "member {index}");
                assert_eq!(whole[index].weights, stopped[index].weights, "member {index}");
                assert_eq!(whole[index].outcome.test, stopped[index].outcome.test, "member {index}");
            }
            assert_eq!(stopped[1].outcome.end, RunEnd::Finished);
            assert_eq!(stopped[1].outcome.epochs, whole[1].outcome.epochs[..3]);
            // It ends as in a cohort that is trained no longer.
            let short = of(shorter(members.clone()));
            assert_eq!(stopped[1].best_epoch, short[1].best_epoch);
            assert_eq!(stopped[1].weights, short[1].weights);
            assert_eq!(stopped[1].outcome.test, short[1].outcome.test);
        }
    }
}

#[test]
fn what_cannot_be_fused_is_named() {
    let first = member(mlp, 0, 1e-3, 0.1);
    assert_eq!(compatible(&first, &member(mlp, 1, 1e-2, 0.4)), Ok(()));
    let mut other = first.clone();
    other.train.batch_size = 32;
    assert!(compatible(&first, &other).is_err_and(|reason| reason.contains("batch size")));
    assert!(compatible(&first, &member(cnn, 0, 1e-3, 0.1)).is_err());
    let refused = train(&data(), &cohort(vec![first.clone(), other]), None, &mut Undisturbed);
    assert!(matches!(refused, Err(TrainError::Incompatible { member: 1, .. })));
    let mut beyond = first.clone();
    beyond.train_rows[3] = 120;
    let refused = train(&data(), &cohort(vec![beyond]), None, &mut Undisturbed);
    assert!(matches!(refused, Err(TrainError::Incompatible { member: 0, .. })));
    let mut lone = first;
    lone.train.batch_size = 79;
    let refused = train(&data(), &cohort(vec![lone]), None, &mut Undisturbed);
    assert!(matches!(refused, Err(TrainError::LoneRow { rows: 80, batch_size: 79 })));
}

#[test]
fn rows_that_an_outer_fold_keeps_apart_are_tested_like_any_others() {
    let data = data();
    let members = vec![member(mlp, 0, 3e-3, 0.1)];
    let validated = members[0].validation_rows.clone();
    let mut judged = cohort(members);
    judged.selection.epoch = EpochRule::Last;
    judged.test = TestRows::Apart(validated);
    let outcome = trained(&data, &judged).remove(0).outcome;
    let (test, last) = (outcome.test.expect("tested"), outcome.epochs.last().expect("trained"));
    assert_eq!(
        (Some(test.loss), test.accuracy),
        (last.val_loss, last.val_accuracy),
        "the same rows and weights"
    );
    judged.test = TestRows::Apart(vec![119, 120]);
    let refused = train(&data, &judged, None, &mut Undisturbed).expect_err("row 120 is of the test set");
    assert!(refused.to_string().contains("beyond the training rows"), "{refused}");
}
