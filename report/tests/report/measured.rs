//! The known study with everything measured, and what the report makes of it.

use foldwise_report::input::SnapshotInput;
use foldwise_report::{Report, ReportInput, json};
use foldwise_study::measure::Part;
use foldwise_study::outcome::{
    ClassPredictions, EpochMeasurements, Measurements, NumberPredictions, Picture, Point, Predictions,
    Resources, RunOutcome, SnapshotFile, StepMeasurements, WrongRow,
};
use foldwise_study::plan::RunId;

use crate::fixture::{LOSS, add, known, losses, study};

/// The known study, of three classes, with all that can be measured.
pub(crate) fn measured() -> ReportInput {
    let mut input = known();
    input.provenance.data.classes = ["shirt", "bag", "boot"].map(str::to_owned).to_vec();
    for run in &mut input.runs {
        let (trial, fold) = (run.run.trial, run.run.fold);
        input.snapshots.extend([0, 2].map(|epoch| snapshot(run.run, epoch)));
        let outcome = run.outcome.as_mut().unwrap();
        let parts = [(Part::Train, 9), (Part::Validation, 6)].map(|(part, rows)| (part, rows + fold));
        outcome.measurements = Some(Box::new(all(outcome, f64::from(trial + 1), &parts)));
    }
    let outcome = input.final_stage.as_mut().unwrap().outcome.as_mut().unwrap();
    outcome.measurements = Some(Box::new(all(outcome, 1.0, &[(Part::Test, 12)])));
    input
}

fn snapshot(run: RunId, epoch: u32) -> SnapshotInput {
    let (trial, fold) = (run.trial as f32, run.fold as f32);
    let weights = vec![epoch as f32 * (fold + 1.0), trial + 0.5 * epoch as f32, fold - 2.0 * epoch as f32];
    SnapshotInput { run, epoch, weights }
}

/// Measurements of a run whose gradients have about this size.
fn all(outcome: &RunOutcome, size: f64, parts: &[(Part, u32)]) -> Measurements {
    let epochs = outcome.epochs.iter().map(|record| EpochMeasurements {
        epoch: record.epoch,
        training_loss: Some(0.4 / f64::from(record.epoch)),
        training_accuracy: Some(0.9),
        gradient_norm: Some(size / f64::from(record.epoch)),
        layer_gradient_norms: vec![Some(0.5 * size), None],
        weight_norm: Some(3.0 + f64::from(record.epoch)),
        layer_weight_norms: vec![Some(2.0), Some(1.0)],
    });
    Measurements {
        layers: vec!["0".to_owned(), "3".to_owned()],
        epochs: epochs.collect(),
        steps: Some(StepMeasurements {
            per_epoch: 2,
            losses: vec![Some(2.25), None, Some(1.5)],
            gradient_norms: vec![Some(0.5), Some(0.25), None],
        }),
        predictions: parts.iter().map(|&(part, rows)| classes(part, rows)).collect(),
        snapshots: Some(SnapshotFile { digest: "5e".to_owned(), epochs: vec![0, 2], weights: 3 }),
        resources: Some(Resources {
            train_bytes: Some(96 << 20),
            predict_bytes: Some(3 << 19),
            members: 4,
            steps: 250,
            rows: 16_000,
            seconds: 0.5,
        }),
    }
}

/// Dark in one corner and bright in the other.
fn picture(channels: u32, width: u32) -> Option<Picture> {
    let count = channels * width * 8;
    let bytes = (0..count).filter_map(|at| u8::try_from(at * 255 / count).ok());
    Picture::new(width, 8, channels, &bytes.collect::<Vec<u8>>()).ok()
}

fn classes(part: Part, rows: u32) -> Predictions {
    let hits = u64::from(rows) - 4;
    Predictions {
        part,
        epoch: 2,
        rows: rows.into(),
        loss: 0.312_345,
        accuracy: Some(hits as f64 / f64::from(rows)),
        classes: Some(ClassPredictions {
            confusion: vec![vec![hits, 1, 0], vec![3, 0, 0], vec![0, 0, 0]],
            first_wrong: vec![
                Some(WrongRow { row: 17, predicted: 1, probability: Some(0.6251), picture: picture(1, 8) }),
                Some(WrongRow { row: 4, predicted: 0, probability: None, picture: picture(3, 4) }),
                None,
            ],
        }),
        numbers: None,
    }
}

/// A study of numbers with predictions beside their targets.
pub(crate) fn regression() -> ReportInput {
    let mut input = study(LOSS);
    input.sizes = vec![(40, 20); 2];
    let points = (0..40_u32).map(|row| {
        let x = row as f32 / 10.0 - 2.0;
        Point { row, x: Some(x), target: vec![x * x], predicted: vec![x * x + 0.125] }
    });
    let predictions = Predictions {
        part: Part::Validation,
        epoch: 2,
        rows: 40,
        loss: 0.015_625,
        accuracy: None,
        classes: None,
        numbers: Some(NumberPredictions {
            r2: vec![Some(0.987_6)],
            mean_absolute_error: vec![0.125],
            mean_squared_error: vec![0.015_625],
            points: points.collect(),
        }),
    };
    let measurements = Measurements { predictions: vec![predictions], ..Measurements::default() };
    let run =
        |curve: &[f64]| RunOutcome { measurements: Some(Box::new(measurements.clone())), ..losses(curve) };
    add(&mut input, [8, 4], 0.1, 50, vec![run(&[3.0, 0.5]), run(&[2.0, 0.625])]);
    input
}

#[test]
fn scores_of_classes_stand_beside_the_confusion() {
    let report = Report::build(measured());
    let measured = report.trials[0].folds[1].measurements.as_ref().unwrap();
    let validation = &measured.predictions[1];
    let classes = validation.classes.as_ref().unwrap();
    // Class 0: 3 of 4 found, 6 taken for it; class 1: none of 3 found, 1 taken for it; class 2: no rows.
    assert_eq!((validation.rows, classes.confusion[0][0]), (7, 3));
    assert_eq!((classes.scores[0].recall, classes.scores[0].precision), (Some(0.75), Some(0.5)));
    assert_eq!((classes.scores[0].f1, classes.scores[1].f1), (Some(0.6), Some(0.0)));
    assert_eq!((classes.scores[2].rows, classes.scores[2].recall, classes.scores[2].f1), (0, None, None));
    assert_eq!(classes.macro_f1, Some(0.3));
    let stage = report.final_stage.unwrap();
    assert_eq!(stage.measurements.unwrap().predictions[0].part, Part::Test);
}

#[test]
fn what_was_measured_is_read_back_to_the_bit() {
    for input in [measured(), regression()] {
        let report = Report::build(input);
        assert_eq!(serde_json::from_str::<Report>(&json(&report)).unwrap(), report);
    }
}

#[test]
fn what_is_not_finite_is_absent() {
    let mut input = regression();
    let outcome = input.runs[0].outcome.as_mut().unwrap();
    let predictions = &mut outcome.measurements.as_mut().unwrap().predictions;
    predictions[0].loss = f64::INFINITY;
    predictions[0].numbers.as_mut().unwrap().points[3].predicted = vec![f32::NAN];
    let outcome = input.runs[1].outcome.as_mut().unwrap();
    let predictions = &mut outcome.measurements.as_mut().unwrap().predictions;
    predictions[0].numbers.as_mut().unwrap().mean_squared_error = vec![f64::INFINITY];
    let report = Report::build(input);
    let of = |fold: usize| &report.trials[0].folds[fold].measurements.as_ref().unwrap().predictions[0];
    assert_eq!((of(0).loss, of(0).numbers.as_ref().unwrap().points.len()), (None, 39));
    assert_eq!(of(1).numbers, None);
    assert_eq!(serde_json::from_str::<Report>(&json(&report)).unwrap(), report);
}

#[test]
fn memory_and_speed_are_times() {
    let first = Report::build(measured());
    let mut other = measured();
    for run in &mut other.runs {
        run.outcome.as_mut().unwrap().measurements.as_mut().unwrap().resources = None;
    }
    let second = Report::build(other);
    assert_ne!(first, second);
    assert_eq!(first.without_times(), second.without_times());
    assert!(first.trials[0].folds[0].measurements.as_ref().unwrap().resources.is_some());
}
