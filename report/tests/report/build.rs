//! What is built from results.

use foldwise_report::input::RunInput;
use foldwise_report::{Report, RunState, StudyState};
use foldwise_study::outcome::{RunOutcome, TestRecord};
use foldwise_study::selection::{EpochRule, Rule};

use crate::fixture::{ACCURACY, LOSS, accuracies, add, diverged, known, losses, study};

fn close(value: Option<f64>, expected: f64) {
    let value = value.unwrap();
    assert!((value - expected).abs() < 1e-12, "{value} is not {expected}");
}

#[test]
fn statistics_are_the_known_ones() {
    let report = Report::build(known());
    let winner = &report.trials[0];
    close(winner.mean, 0.88);
    close(winner.std, 0.00025_f64.sqrt());
    close(winner.std_error, 0.00005_f64.sqrt());
    assert_eq!(report.selection.winner, Some(0));
    assert_eq!(report.selection.one_standard_error, Some(3));
    assert!(report.selection.ties.is_empty());

    // Differences −0.02, −0.04, −0.03, −0.01, −0.05: mean −0.03, variance 0.00025, over five folds with a ratio of
    // 1/4. With 4 degrees of freedom p = 1 − 3/4 · x · (1 − x²/12), x = |t| / √(1 + t²/4).
    let comparison = &report.selection.comparisons[0];
    close(Some(comparison.mean_difference), -0.03);
    close(comparison.t, -(8.0_f64.sqrt()));
    let x = (8.0_f64 / 3.0).sqrt();
    assert!((comparison.p.unwrap() - (1.0 - 0.75 * x * (1.0 - x * x / 12.0))).abs() < 1e-9);
    assert_eq!((comparison.trial, comparison.df), (1, 4));
}

#[test]
fn other_epoch_rules_stand_beside() {
    let report = Report::build(known());
    let winner = &report.trials[0];
    close(winner.best_epoch_mean, 0.88);
    close(winner.last_epoch_mean, 0.864);
    let common = winner.best_common_epoch.unwrap();
    assert_eq!(common.epoch, 2);
    close(Some(common.mean), 0.876);
    let alternatives = report.selection.alternatives.unwrap();
    assert_eq!(alternatives.best_epoch.unwrap().trial, 0);
    assert_eq!(alternatives.last_epoch.unwrap().trial, 3);
    close(alternatives.last_epoch.map(|choice| choice.mean), 0.875);
    assert_eq!(alternatives.best_common_epoch.unwrap().trial, 0);
    assert!(report.selection.note.unwrap().contains("optimistic"));
}

#[test]
fn the_last_epoch_rule_needs_no_caution() {
    let mut input = known();
    input.rule = Rule { epoch: EpochRule::Last, ..ACCURACY };
    let report = Report::build(input);
    assert_eq!(report.selection.winner, Some(3));
    assert_eq!(report.selection.note, None);
    assert_eq!(report.trials[0].mean, report.trials[0].last_epoch_mean);
    close(report.trials[0].best_epoch_mean, 0.88);
    let fold = &report.trials[0].folds[0];
    assert_eq!((fold.best_epoch, fold.best_val_accuracy), (Some(2), Some(0.88)));
    close(fold.score, 0.86);
}

#[test]
fn a_diverged_run_has_its_epochs_and_no_score() {
    let report = Report::build(known());
    let trial = &report.trials[2];
    let fold = &trial.folds[3];
    assert_eq!(fold.state, RunState::Failed);
    assert_eq!(fold.error.as_deref(), Some("diverged in epoch 2: the loss is NaN or infinite"));
    assert_eq!((fold.epochs.len(), fold.best_epoch, fold.score), (1, None, None));
    assert_eq!(trial.failed_folds(), 1);
    close(trial.mean, 0.91);
    let comparison = report.selection.comparisons.iter().find(|comparison| comparison.trial == 2).unwrap();
    assert_eq!(comparison.df, 3);

    let mut input = known();
    input.rule.allow_failed_folds = true;
    assert_eq!(Report::build(input).selection.winner, Some(2));
}

#[test]
fn a_run_out_of_attempts_keeps_its_error() {
    let mut input = known();
    let last = input.runs.last_mut().unwrap();
    *last = RunInput {
        state: RunState::Failed,
        attempts: 3,
        error: Some("out of memory".to_owned()),
        outcome: None,
        ..last.clone()
    };
    let report = Report::build(input);
    let fold = &report.trials[3].folds[4];
    assert_eq!((fold.state, fold.attempts, fold.seconds), (RunState::Failed, 3, None));
    assert_eq!(fold.error.as_deref(), Some("out of memory"));
    assert_eq!(report.selection.winner, Some(0));
    assert_eq!(report.selection.one_standard_error, Some(0));
}

#[test]
fn a_finished_run_without_a_finite_score_has_failed() {
    let mut input = study(ACCURACY);
    input.sizes.truncate(2);
    add(&mut input, [1, 1], 0.1, 1, vec![accuracies(&[f64::NAN]), losses(&[0.5])]);
    let report = Report::build(input);
    for fold in &report.trials[0].folds {
        assert_eq!(fold.state, RunState::Failed);
        assert!(fold.error.as_deref().unwrap().contains("no finite val_accuracy"));
        assert_eq!(fold.epochs[0].val_accuracy, None);
    }
    assert_eq!((report.trials[0].mean, report.selection.winner), (None, None));
}

#[test]
fn a_number_as_target_has_losses_alone() {
    let mut input = study(LOSS);
    input.sizes = vec![(50, 50); 2];
    add(&mut input, [8, 4], 0.1, 50, vec![losses(&[3.0, 1.0, 2.0]), losses(&[2.0, f64::INFINITY, 1.5])]);
    add(&mut input, [8, 4], 0.2, 50, vec![losses(&[4.0, 4.0, 4.0]), losses(&[4.0, 4.0, 4.0])]);
    let report = Report::build(input);
    assert_eq!(report.selection.winner, Some(0));
    let trial = &report.trials[0];
    close(trial.mean, 1.25);
    // Epoch 2 is infinite in one fold and epoch 3 better than epoch 1.
    assert_eq!(trial.best_common_epoch.map(|common| (common.epoch, common.mean)), Some((3, 1.75)));
    let fold = &trial.folds[0];
    assert_eq!((fold.best_val_accuracy, fold.best_val_loss), (None, Some(1.0)));
    assert_eq!(trial.folds[1].epochs[1].val_loss, None);
    close(Some(report.selection.comparisons[0].mean_difference), 2.75);
}

#[test]
fn the_final_stage_has_its_kept_epoch_and_the_test() {
    let stage = Report::build(known()).final_stage.unwrap();
    assert_eq!((stage.best_epoch, stage.val_accuracy), (Some(2), Some(0.9)));
    assert_eq!((stage.test_accuracy, stage.test_loss), (Some(0.875), Some(0.312_345)));
    assert_eq!(stage.params["train.optimizer.lr"], 0.003);

    let mut input = known();
    let stage = input.final_stage.as_mut().unwrap();
    let test = Some(TestRecord { loss: 0.1, accuracy: None });
    stage.outcome = Some(RunOutcome { test, ..diverged(accuracies(&[0.5])) });
    let stage = Report::build(input).final_stage.unwrap();
    assert_eq!((stage.state, stage.test_loss, stage.best_epoch), (RunState::Failed, None, None));
    assert!(stage.error.unwrap().starts_with("diverged in epoch 2"));
}

#[test]
fn a_refit_has_no_validation_values() {
    let mut input = known();
    let outcome = input.final_stage.as_mut().unwrap().outcome.as_mut().unwrap();
    for record in &mut outcome.epochs {
        (record.val_accuracy, record.val_loss) = (None, None);
    }
    let stage = Report::build(input).final_stage.unwrap();
    assert_eq!((stage.state, stage.best_epoch, stage.val_loss), (RunState::Finished, None, None));
    assert_eq!(stage.test_accuracy, Some(0.875));
}

#[test]
fn what_is_repeated_or_empty_is_said_once_or_not_at_all() {
    let report = Report::build(known());
    assert_eq!(report.provenance.software.len(), 1);
    assert_eq!(report.provenance.device_models, ["A", "B"]);
    assert_eq!(report.provenance.reproducible.as_deref(), Some("bit for bit"));
    assert_eq!(report.study.message, None);
    assert_eq!(report.study.created, "2024-02-29T12:00:00.000Z");
    assert_eq!(report.study.seconds, Some(83.25));
    assert_eq!(report.study.state, StudyState::Succeeded);
}

#[test]
fn without_times_two_executions_are_the_same() {
    let first = Report::build(known());
    let mut other = known();
    other.study.created_unix_ms += 1_000_000;
    other.study.ended_unix_ms = Some(other.study.created_unix_ms + 1);
    other.runs.reverse();
    for run in &mut other.runs {
        run.attempts = 2;
        run.worker = Some("w2".to_owned());
        run.error = Some("worker w1 left".to_owned());
        run.outcome.as_mut().unwrap().seconds = 9.0;
    }
    let stage = other.final_stage.as_mut().unwrap();
    (stage.attempts, stage.error) = (1, None);
    let mut second = Report::build(other);
    assert_ne!(first, second);
    assert_eq!(first.without_times(), second.without_times());
    second.trials[0].folds[0].score = Some(0.880_000_000_000_000_1);
    assert_ne!(first.without_times(), second.without_times());
}
