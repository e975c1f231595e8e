//! The outer folds of a study, for its report.

use foldwise_report::RunState;
use foldwise_report::input::OuterInput;
use foldwise_study::plan::RunId;

use super::last_state;
use crate::ledger::{RunEnd, Stage, Study, StudyPhase};

/// One per outer fold, as the ledger knows them.
pub(super) fn outer_inputs(study: &Study) -> Vec<OuterInput> {
    (0..study.record.outer()).map(|fold| outer_input(study, fold)).collect()
}

fn outer_input(study: &Study, fold: u32) -> OuterInput {
    let record = &study.record;
    let (train_rows, test_rows) = record.outer_size(fold);
    let trials = u32::try_from(record.trials.len()).unwrap_or(u32::MAX);
    let cohort = study.outer_cohorts.get(&fold).and_then(|&number| study.cohorts.get(number as usize));
    let mut input = OuterInput {
        train_rows,
        test_rows,
        inner_means: (0..trials).map(|trial| inner_mean(study, trial, fold)).collect(),
        trial: None,
        epochs: None,
        state: RunState::Queued,
        attempts: 0,
        error: None,
        outcome: None,
    };
    match cohort {
        Some(cohort) => {
            input.trial = cohort.runs.first().map(|run| run.trial as usize);
            input.epochs = match cohort.stage {
                Stage::Outer { epochs, .. } => Some(epochs),
                Stage::Search | Stage::Final { .. } => None,
            };
            input.state = last_state(study, cohort);
            input.attempts = cohort.attempt;
            input.error = cohort.failure.as_ref().map(ToString::to_string);
        }
        None if study.phase == StudyPhase::Searching => {}
        // The search is over, and this fold had nothing to train.
        None if study.winner.is_some() => {
            input.state = RunState::Failed;
            input.error = Some("every trial has a failed fold within it".to_owned());
        }
        None => input.state = RunState::Cancelled,
    }
    input
}

/// The mean of a trial's scores on the folds within an outer fold, once it is whole.
fn inner_mean(study: &Study, trial: u32, outer: u32) -> Option<f64> {
    let folds = study.record.within(outer);
    let count = f64::from(study.record.choosing());
    let scores = folds.map(|fold| match study.run(RunId { trial, fold })?.end {
        RunEnd::Finished { score, .. } => Some(score),
        RunEnd::Open | RunEnd::Diverged { .. } => None,
    });
    scores.sum::<Option<f64>>().map(|sum| sum / count)
}
