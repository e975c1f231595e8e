//! Weights on their principal components, against scikit-learn and against what must hold.

use foldwise_report::input::SnapshotInput;
use foldwise_report::{ComponentsReport, Report};
use foldwise_study::plan::RunId;
use serde_json::Value as Json;

use crate::fixture::{known, study};
use crate::measured::measured;

/// Made by `components/expected.py`.
const EXPECTED: &str = include_str!("components/expected.json");

/// These weights as copies of the first trial's folds, four each.
fn components(weights: &[Vec<f32>]) -> Vec<ComponentsReport> {
    let mut input = known();
    let copies = weights.iter().zip(0..).map(|(weights, place)| SnapshotInput {
        run: RunId { trial: 0, fold: place / 4 },
        epoch: place % 4,
        weights: weights.clone(),
    });
    input.snapshots = copies.collect();
    input.snapshots.reverse();
    Report::build(input).components
}

fn close(value: f64, expected: &Json) {
    let expected = expected.as_f64().unwrap();
    assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
}

#[test]
fn they_are_scikit_learns() {
    let expected: Json = serde_json::from_str(EXPECTED).unwrap();
    let weights: Vec<Vec<f32>> = serde_json::from_value(expected["weights"].clone()).unwrap();
    let found = components(&weights).remove(0);
    assert_eq!((found.weights, found.points.len(), found.left_out), (20, 12, 0));
    close(found.explained[0], &expected["explained"][0]);
    close(found.explained[1], &expected["explained"][1]);
    for (place, point) in found.points.iter().enumerate() {
        assert_eq!((point.trial, point.fold, point.epoch as usize), (0, place / 4, place % 4));
        close(point.first, &expected["scores"][place][0]);
        close(point.second, &expected["scores"][place][1]);
        close(point.norm, &expected["norms"][place]);
    }
    let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    for (a, left) in found.points.iter().enumerate() {
        for (b, right) in found.points.iter().enumerate() {
            let wide =
                |row: usize| weights[row].iter().map(|&weight| f64::from(weight)).collect::<Vec<f64>>();
            let whole = distance(&wide(a), &wide(b));
            let flat = distance(&[left.first, left.second], &[right.first, right.second]);
            assert!(flat <= whole + 1e-9, "{flat} is further than {whole}");
        }
    }
}

#[test]
fn two_directions_hold_what_has_two() {
    let (one, other) = ([1.0_f32, 2.0, 0.0, -1.0, 0.5], [0.0_f32, 1.0, 4.0, 2.0, 0.0]);
    let places = [(0.0, 0.0), (3.0, 1.0), (-2.0, 2.0), (1.0, -1.0), (0.5, 0.25)];
    let row = |(a, b): (f32, f32)| one.iter().zip(&other).map(|(one, other)| a * one + b * other).collect();
    let weights: Vec<Vec<f32>> = places.map(row).to_vec();
    let found = components(&weights).remove(0);
    assert!((found.explained.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    for (a, left) in found.points.iter().enumerate() {
        for (b, right) in found.points.iter().enumerate() {
            let pairs = weights[a].iter().zip(&weights[b]);
            let whole: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
            let flat = (left.first - right.first).powi(2) + (left.second - right.second).powi(2);
            assert!((whole - flat).abs() < 1e-9, "{flat} is not {whole}");
        }
    }
}

#[test]
fn one_direction_leaves_nothing_for_the_second() {
    let found = components(&[vec![1.0, 1.0], vec![2.0, 2.0], vec![4.0, 4.0]]).remove(0);
    assert_eq!(found.explained[1], 0.0);
    assert!(found.points.iter().all(|point| point.second == 0.0));
    let same = components(&[vec![1.0, 1.0], vec![1.0, 1.0]]).remove(0);
    assert_eq!(same.explained, [0.0, 0.0]);
}

#[test]
fn a_tie_of_magnitudes_does_not_turn_the_sign() {
    for weights in [[vec![1.0, 0.1], vec![-1.0, 0.3]], [vec![-1.0, 0.3], vec![1.0, 0.1]]] {
        let found = components(&weights).remove(0);
        assert!(found.points[0].first > 0.0 && found.points[1].first < 0.0);
    }
}

#[test]
fn networks_of_one_size_are_projected_together() {
    let report = Report::build(measured());
    let sizes: Vec<usize> = report.components.iter().map(|group| group.points.len()).collect();
    assert_eq!(sizes, [20, 20]);
    let start = &report.components[1].points[0];
    assert_eq!((start.trial, start.epoch, start.train_loss, start.val_accuracy), (0, 0, None, None));
    let later = &report.components[1].points[1];
    assert_eq!((later.epoch, later.train_loss, later.val_accuracy), (2, Some(0.5), Some(0.88)));
}

#[test]
fn what_cannot_be_projected_is_counted_or_left() {
    let found = components(&[vec![1.0, 2.0], vec![f32::NAN, 1.0], vec![3.0, 2.0]]).remove(0);
    assert_eq!((found.points.len(), found.left_out), (2, 1));
    assert!(components(&[vec![1.0]]).is_empty() && components(&[]).is_empty());
    let many: Vec<Vec<f32>> = (0..300_u16).map(|place| vec![f32::from(place), 1.0]).collect();
    let mut input = study(crate::fixture::ACCURACY);
    crate::fixture::add(&mut input, [1, 1], 0.1, 2, vec![crate::fixture::accuracies(&[0.5])]);
    input.snapshots = many
        .into_iter()
        .zip(0..)
        .map(|(weights, epoch)| SnapshotInput { run: RunId { trial: 0, fold: 0 }, epoch, weights })
        .collect();
    let found = Report::build(input).components.remove(0);
    assert_eq!((found.points.len(), found.left_out), (256, 44));
    assert_eq!((found.points[0].epoch, found.points[255].epoch), (0, 299));
}
