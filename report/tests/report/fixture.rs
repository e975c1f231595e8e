//! Small studies with known numbers.

use foldwise_report::input::{FinalInput, OuterInput, ProvenanceInput, RunInput, StudyInput, TrialInput};
use foldwise_report::{DataReport, FinalMode, ProfileReport, ReportInput, RunState, StudyState};
use foldwise_study::outcome::{EpochRecord, RunEnd, RunOutcome, TestRecord};
use foldwise_study::plan::RunId;
use foldwise_study::selection::{EpochRule, Metric, Rule};
use foldwise_study::spec::DeviceKind;
use serde_json::json;

/// 2024-02-29T12:00:00Z.
const CREATED_UNIX_MS: u64 = 1_709_208_000_000;

pub(crate) const ACCURACY: Rule =
    Rule { metric: Metric::ValAccuracy, epoch: EpochRule::Best, allow_failed_folds: false };
pub(crate) const LOSS: Rule = Rule { metric: Metric::ValLoss, ..ACCURACY };

/// A study without trials: 100 rows in five folds.
pub(crate) fn study(rule: Rule) -> ReportInput {
    ReportInput {
        study: StudyInput {
            name: "studies/1".to_owned(),
            display_name: "known".to_owned(),
            description: Some("A study with known numbers.".to_owned()),
            state: StudyState::Succeeded,
            message: Some(String::new()),
            created_unix_ms: CREATED_UNIX_MS,
            ended_unix_ms: Some(CREATED_UNIX_MS + 83_250),
        },
        spec: json!({ "name": "known", "train": { "epochs": 3, "optimizer": { "lr": 0.001 } } }),
        rule,
        sizes: vec![(80, 20); 5],
        trials: Vec::new(),
        runs: Vec::new(),
        outer: Vec::new(),
        final_stage: None,
        snapshots: Vec::new(),
        provenance: ProvenanceInput {
            foldwise: "0.1.0".to_owned(),
            software: ["foldwise 0.1.0, torch 2.11.0"; 3].map(str::to_owned).to_vec(),
            device: Some(DeviceKind::Cpu),
            profile: Some(ProfileReport { name: "den".to_owned(), digest: "p1".to_owned() }),
            device_models: vec!["B".to_owned(), "A".to_owned(), "B".to_owned()],
            data: DataReport {
                name: "rows".to_owned(),
                digest: "d1".to_owned(),
                train_rows: 100,
                test_rows: Some(20),
                classes: Vec::new(),
            },
            folds_digest: "f1".to_owned(),
            cohorts: Some(4),
            cohort_splits: 0,
        },
    }
}

/// Adds a trial with one run per curve.
pub(crate) fn add(
    input: &mut ReportInput,
    hidden: [u32; 2],
    lr: f64,
    parameters: u64,
    outcomes: Vec<RunOutcome>,
) {
    let params = [("network.mlp.hidden", json!(hidden)), ("train.optimizer.lr", json!(lr))];
    let trial = u32::try_from(input.trials.len()).unwrap();
    input.trials.push(TrialInput {
        params: params.into_iter().map(|(path, value)| (path.to_owned(), value)).collect(),
        parameters,
        batch_norm_parameters: 0,
    });
    input.runs.extend(outcomes.into_iter().zip(0..).map(|(outcome, fold)| RunInput {
        run: RunId { trial, fold },
        state: RunState::Finished,
        attempts: 1,
        worker: Some("w1".to_owned()),
        error: None,
        outcome: Some(outcome),
    }));
}

/// A run with these validation accuracies; its losses are what is missing to 1.
pub(crate) fn accuracies(curve: &[f64]) -> RunOutcome {
    outcome(curve.iter().map(|&value| (Some(1.0 - value), Some(value))))
}

/// A run with these validation losses, of a target that is a number.
pub(crate) fn losses(curve: &[f64]) -> RunOutcome {
    outcome(curve.iter().map(|&value| (Some(value), None)))
}

fn outcome(values: impl Iterator<Item = (Option<f64>, Option<f64>)>) -> RunOutcome {
    let epochs = values.zip(1..).map(|((val_loss, val_accuracy), epoch)| EpochRecord {
        epoch,
        train_loss: 0.5,
        train_accuracy: val_accuracy,
        val_loss,
        val_accuracy,
        lr: 0.001,
    });
    RunOutcome {
        end: RunEnd::Finished,
        epochs: epochs.collect(),
        seconds: 2.5,
        test: None,
        measurements: None,
    }
}

/// The same run, diverged in the epoch after its last.
pub(crate) fn diverged(outcome: RunOutcome) -> RunOutcome {
    let epoch = u32::try_from(outcome.epochs.len()).unwrap() + 1;
    RunOutcome { end: RunEnd::Diverged(epoch), ..outcome }
}

/// Four trials. Trial 0 wins with a mean of 0.88; trial 3 is smaller, within one standard error, and would win by
/// the last epoch; one fold of trial 2 diverged.
pub(crate) fn known() -> ReportInput {
    let mut input = study(ACCURACY);
    let peaked = [0.88, 0.89, 0.87, 0.90].map(|best| accuracies(&[0.80, best, best - 0.02]));
    let peaked = peaked.into_iter().chain([accuracies(&[0.80, 0.84, 0.86])]);
    add(&mut input, [96, 48], 0.003, 80_650, peaked.collect());
    let rising = |best: [f64; 5]| best.map(|best| accuracies(&[0.5, 0.6, best])).to_vec();
    add(&mut input, [96, 48], 0.001, 80_650, rising([0.86, 0.85, 0.84, 0.89, 0.81]));
    let mut broken = rising([0.90, 0.91, 0.92, 0.90, 0.91]);
    broken[3] = diverged(accuracies(&[0.99]));
    add(&mut input, [64, 32], 0.003, 52_650, broken);
    add(&mut input, [64, 32], 0.001, 52_650, rising([0.875, 0.885, 0.865, 0.89, 0.86]));
    input.final_stage = Some(FinalInput {
        mode: FinalMode::HoldOut,
        trial: 0,
        state: RunState::Finished,
        attempts: 2,
        error: Some("worker w1 left".to_owned()),
        outcome: Some(RunOutcome {
            test: Some(TestRecord { loss: 0.312_345, accuracy: Some(0.875) }),
            ..accuracies(&[0.8, 0.9, 0.85])
        }),
        weights_digest: Some("0123456789abcdef".to_owned()),
        tests: 1,
    });
    input
}

/// The known study, judged by four outer folds: one chose another trial, and one failed.
pub(crate) fn judged() -> ReportInput {
    let mut input = known();
    let outer = |trial: usize, inner: f64, tested: Option<f64>| {
        let mut inner_means = vec![Some(0.70), Some(0.71), None, Some(0.72)];
        inner_means[trial] = Some(inner);
        OuterInput {
            train_rows: 75,
            test_rows: 25,
            inner_means,
            trial: Some(trial),
            epochs: Some(2),
            state: if tested.is_some() { RunState::Finished } else { RunState::Failed },
            attempts: 1,
            error: tested.is_none().then(|| "the trainer died of signal 9".to_owned()),
            outcome: tested.map(|accuracy| RunOutcome {
                test: Some(TestRecord { loss: 1.0 - accuracy, accuracy: Some(accuracy) }),
                ..accuracies(&[0.5, 0.5])
            }),
        }
    };
    input.outer = vec![
        outer(0, 0.88, Some(0.84)),
        outer(3, 0.86, Some(0.85)),
        outer(0, 0.87, None),
        outer(0, 0.89, Some(0.86)),
    ];
    input
}
