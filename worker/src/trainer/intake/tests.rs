//! Rows are filled and normalized by what a stream trains on, as NumPy does it (`tests/golden/intake.py`).

use std::collections::BTreeMap;

use foldwise_study::measure::MeasureSpec;
use foldwise_study::network::{Activation, Mlp, Network, NetworkSpec};
use foldwise_study::seed::Source as Seed;
use foldwise_study::selection::{EpochRule, Metric, Rule};
use foldwise_study::train::{Augmentation, Noise, Optimizer, OptimizerKind, TrainSpec};
use serde::Deserialize;
use tch::{Device, Tensor};

use super::Intake;
use crate::trainer::{
    Cohort, DeviceData, Features, Member, MemberOutcome, Normalize, Part, Source, Targets, TestRows,
    Undisturbed, Values, train,
};

#[derive(Debug, Deserialize)]
struct Golden {
    shape: Vec<usize>,
    rows: Vec<Option<f32>>,
    folds: Vec<Fold>,
}

#[derive(Debug, Deserialize)]
struct Fold {
    train: Vec<u32>,
    mean: Vec<f32>,
    std: Vec<f32>,
    filled: Vec<f32>,
    scaled: Vec<f32>,
}

/// The last rows are the test set.
const TEST: usize = 3;

fn golden() -> BTreeMap<String, Golden> {
    serde_json::from_str(include_str!("../../../tests/golden/intake.json")).expect("data")
}

impl Golden {
    fn width(&self) -> usize {
        self.shape.iter().product()
    }

    fn features(&self) -> Vec<f32> {
        self.rows.iter().map(|value| value.unwrap_or(f32::NAN)).collect()
    }

    fn held(&self, features: &[f32], normalize: Option<Normalize<'_>>) -> DeviceData {
        // As a trainer's slot has.
        tch::set_num_threads(1);
        let labels: Vec<u32> = (0..2).cycle().take(features.len() / self.width()).collect();
        let (features, tested) = features.split_at(features.len() - TEST * self.width());
        let (labels, test_labels) = labels.split_at(labels.len() - TEST);
        let part = |features, labels| Part {
            features: Features::Floats(features),
            targets: Targets::Classes { labels, count: 2 },
        };
        let (train, test) = (part(features, labels), Some(part(tested, test_labels)));
        let source = Source { shape: &self.shape, train, test, normalize, raw: true };
        DeviceData::new(source, Device::Cpu).expect("fits")
    }

    fn network(&self) -> Network {
        let activation = Activation::Tanh;
        let mlp = Mlp { hidden: vec![5], activation, dropout: 0.0, batch_norm: false };
        let spec = NetworkSpec { mlp: Some(mlp), ..NetworkSpec::default() };
        spec.resolve(&self.shape, 2).expect("fits")
    }

    /// Trains on the fold's rows that are not in the test set.
    fn member(&self, fold: usize) -> Member {
        let rows = self.rows.len() / self.width() - TEST;
        let all = || 0..u32::try_from(rows).expect("small");
        let trains = |row: &u32| self.folds[fold].train.contains(row);
        Member {
            network: self.network(),
            train: TrainSpec::new(3, 6, Optimizer::new(OptimizerKind::Adam, 0.02)),
            source: Seed { study: 4, train: None, trial: None, fold: u32::try_from(fold).expect("small") },
            train_rows: all().filter(trains).collect(),
            validation_rows: all().filter(|row| !trains(row)).collect(),
        }
    }

    /// Channels last, as rows are held.
    fn in_held_order(&self, rows: &[f32]) -> Tensor {
        let [count, channels] = [rows.len() / self.width(), self.shape[0]].map(|side| side as i64);
        Tensor::from_slice(rows).view((count, channels, -1)).transpose(1, 2).reshape([count, -1])
    }
}

fn close(what: &str, found: &Tensor, expected: &Tensor) {
    assert!(found.allclose(expected, 1e-4, 1e-4, false), "{what}: {found} for {expected}");
}

#[test]
fn rows_are_filled_and_normalized_as_by_numpy() {
    for (name, golden) in golden() {
        let features = golden.features();
        let members: Vec<Member> = (0..3).map(|fold| golden.member(fold)).collect();
        let leaders: Vec<&Member> = members.iter().collect();
        // The script's folds have rows of what is the test set elsewhere.
        let training: Vec<i64> =
            golden.folds.iter().flat_map(|fold| fold.train.iter().map(|&row| i64::from(row))).collect();
        let training = Tensor::from_slice(&training).view((3, -1));
        let all = Tensor::arange(30, (tch::Kind::Int64, Device::Cpu)).view((1, -1));
        let every = all.repeat([3, 1]).view(-1);
        let stacked = |of: fn(&Fold) -> &Vec<f32>| {
            let folds: Vec<Tensor> = golden.folds.iter().map(|fold| golden.in_held_order(of(fold))).collect();
            Tensor::cat(&folds, 0)
        };
        let data = golden.held(&features, Some(Normalize::Fitted));
        let intake = Intake::new(&data, &leaders, &training).expect("memory");
        let scaled = stacked(|fold| &fold.scaled);
        close(&name, &intake.training(&every, 0).expect("rows"), &scaled);
        // One reader stands for all, and is widened.
        let (rows, index, readers) = intake.evaluation(&all).expect("rows");
        assert_eq!((readers, &index), (3, &every), "{name}");
        close(&name, &rows, &scaled);
        for (stream, fold) in (0..).zip(&golden.folds) {
            let fitted = intake.fitted(stream).expect("floats").expect("fitted");
            close(&name, &Tensor::from_slice(&fitted.mean), &Tensor::from_slice(&fold.mean));
            close(&name, &Tensor::from_slice(&fitted.std), &Tensor::from_slice(&fold.std));
        }
        // Without normalization holes alone are filled.
        let data = golden.held(&features, None);
        let intake = Intake::new(&data, &leaders, &training).expect("memory");
        close(&name, &intake.training(&every, 0).expect("rows"), &stacked(|fold| &fold.filled));
        assert_eq!(intake.fitted(0).expect("floats"), None);
        // Given numbers are the same for all streams.
        let (mean, std) = (golden.folds[1].mean.as_slice(), golden.folds[1].std.as_slice());
        let data = golden.held(&features, Some(Normalize::Fixed { mean, std }));
        let intake = Intake::new(&data, &leaders[1..2], &training.narrow(0, 1, 1)).expect("memory");
        let own = golden.in_held_order(&golden.folds[1].scaled);
        close(&name, &intake.training(&all.view(-1), 0).expect("rows"), &own);
    }
}

fn trained(data: &DeviceData, members: Vec<Member>) -> Vec<MemberOutcome> {
    let selection = Rule { epoch: EpochRule::Last, metric: Metric::ValLoss, allow_failed_folds: false };
    let measure = MeasureSpec::default();
    let cohort = Cohort { members, selection, test: TestRows::TestSet, keep_weights: true, measure };
    train(data, &cohort, None, &mut Undisturbed).expect("trains")
}

#[test]
fn rows_that_are_not_trained_on_change_nothing_of_training() {
    for (name, golden) in golden() {
        let member = golden.member(1);
        let before = golden.features();
        let trains = |row: usize| member.train_rows.iter().any(|&own| own as usize == row);
        for other in [1e6, f32::NAN] {
            let mut after = before.clone();
            for (row, features) in after.chunks_mut(golden.width()).enumerate() {
                if !trains(row) {
                    features[0] = other;
                    features[1] *= -3.0;
                }
            }
            for normalize in [None, Some(Normalize::Fitted)] {
                let of = |features: &[f32]| {
                    trained(&golden.held(features, normalize), vec![member.clone()]).remove(0)
                };
                let (before, after) = (of(&before), of(&after));
                assert_eq!(before.weights, after.weights, "{name}");
                assert_ne!(before.outcome.test, after.outcome.test, "{name}");
                for (before, after) in before.outcome.epochs.iter().zip(&after.outcome.epochs) {
                    assert_eq!(before.train_loss.to_bits(), after.train_loss.to_bits(), "{name}");
                    assert_ne!(before.val_loss, after.val_loss, "{name}");
                }
            }
        }
    }
}

#[test]
fn members_of_several_folds_take_in_rows_as_they_do_alone() {
    for (name, golden) in golden() {
        let data = golden.held(&golden.features(), Some(Normalize::Fitted));
        // Two members of each fold.
        let mut members: Vec<Member> = [0, 1, 2, 2, 0, 1].map(|fold| golden.member(fold)).to_vec();
        members[4].train.optimizer.lr = 0.1;
        for noise in [None, Some(Augmentation::Noise(Noise { std: 0.3 }))] {
            members.iter_mut().for_each(|member| member.train.augment = noise.clone().into_iter().collect());
            let fused = trained(&data, members.clone());
            for (index, fused) in fused.iter().enumerate() {
                let alone = trained(&data, vec![members[index].clone()]).remove(0);
                let what = format!("{name}, member {index}");
                let [alone_weights, fused_weights] =
                    [&alone, fused].map(|outcome| outcome.weights.as_ref().expect("kept"));
                assert_eq!(alone_weights.normalize, fused_weights.normalize, "{what}");
                for (alone, fused) in alone.outcome.epochs.iter().zip(&fused.outcome.epochs) {
                    assert!((alone.train_loss - fused.train_loss).abs() < 1e-5, "{what}");
                    let off = alone.val_loss.expect("validated") - fused.val_loss.expect("validated");
                    assert!(off.abs() < 1e-5, "{what}");
                }
                let tests = [&alone, fused].map(|outcome| outcome.outcome.test.expect("tested").loss);
                assert!((tests[0] - tests[1]).abs() < 1e-5, "{what}: {tests:?}");
                for (alone, fused) in alone_weights.tensors.iter().zip(&fused_weights.tensors) {
                    let (Values::Float(a), Values::Float(b)) = (&alone.values, &fused.values) else {
                        continue;
                    };
                    close(&what, &Tensor::from_slice(b), &Tensor::from_slice(a));
                }
            }
        }
    }
}
