//! From what a coordinator knows to the report. Nothing is measured or chosen here: scores and statistics are
//! `foldwise_study`'s.

use std::collections::BTreeSet;

use foldwise_study::selection::{EpochRule, Metric, Rule};
use foldwise_study::spec::DeviceKind;

use crate::input::{FinalInput, ProvenanceInput, ReportInput, RunInput, StudyInput, TrialInput};
use crate::time::rfc_3339;
use crate::{FinalReport, Provenance, Report, RunState, SelectionReport, StudyReport, TrialReport, VERSION};

mod components;
mod nested;
mod principal;
mod run;
mod statistics;

use components::components;
use run::Run;
use statistics::Statistics;

impl Report {
    /// The report on what is known. Statistics of a trial are there as soon as all its folds have ended; a winner
    /// and what goes with it when all runs have.
    #[must_use]
    pub fn build(input: ReportInput) -> Self {
        let ReportInput { study, spec, rule, sizes, trials, runs, outer, final_stage, snapshots, provenance } =
            input;
        let grid = grid(runs, trials.len(), sizes.len(), &rule);
        let parameters: Vec<u64> = trials.iter().map(|trial| trial.parameters).collect();
        let statistics = Statistics::new(&rule, &parameters, &grid, &sizes);
        let over = grid.iter().flatten().all(|run| run.state.has_ended());
        let nested = nested::nested(outer, &trials, &rule);
        let final_stage = final_stage.map(|stage| final_report(stage, &trials, &rule));
        let trials = trials.into_iter().zip(grid).enumerate();
        let trials: Vec<TrialReport> =
            trials.map(|(index, (trial, runs))| trial_report(index, trial, runs, &statistics)).collect();
        let by_command = spec.get("command").is_some();
        Self {
            version: VERSION,
            study: study_report(study),
            spec,
            selection: selection(&rule, over.then_some(&statistics)),
            components: components(snapshots, &trials),
            trials,
            nested,
            final_stage,
            provenance: provenance_report(provenance, by_command),
        }
    }
}

/// The runs by trial and fold.
fn grid(runs: Vec<RunInput>, trials: usize, folds: usize, rule: &Rule) -> Vec<Vec<Run>> {
    let mut grid: Vec<Vec<Run>> =
        (0..trials).map(|_| (0..folds).map(|_| Run::queued(rule)).collect()).collect();
    for run in runs {
        let place = grid.get_mut(run.run.trial as usize).and_then(|row| row.get_mut(run.run.fold as usize));
        if let Some(place) = place {
            *place = Run::new(run, rule);
        }
    }
    grid
}

fn study_report(study: StudyInput) -> StudyReport {
    let ended_unix_ms = study.ended_unix_ms;
    let wall_ms = ended_unix_ms.map(|ended| ended.saturating_sub(study.created_unix_ms));
    StudyReport {
        name: study.name,
        display_name: study.display_name,
        description: text(study.description),
        state: study.state,
        message: text(study.message),
        created: rfc_3339(study.created_unix_ms),
        ended: ended_unix_ms.map(rfc_3339),
        seconds: wall_ms.map(|ms| ms as f64 / 1000.0),
    }
}

fn selection(rule: &Rule, statistics: Option<&Statistics>) -> SelectionReport {
    let chosen = statistics.map(|statistics| statistics.chosen.clone()).unwrap_or_default();
    SelectionReport {
        rule: *rule,
        winner: chosen.winner,
        ties: chosen.ties,
        one_standard_error: chosen.one_standard_error,
        comparisons: chosen.comparisons.into_iter().map(Into::into).collect(),
        note: note(rule),
        alternatives: statistics.map(Statistics::alternatives),
    }
}

fn note(rule: &Rule) -> Option<String> {
    let metric = match rule.metric {
        Metric::ValAccuracy => "validation accuracy",
        Metric::ValLoss => "validation loss",
    };
    (rule.epoch == EpochRule::Best).then(|| {
        format!(
            "A run's score is the {metric} of its best epoch. That epoch is chosen on the rows it is scored on, so \
             scores and their means are optimistic; last_epoch_mean does not choose, and best_common_epoch chooses \
             one epoch for all folds."
        )
    })
}

fn trial_report(index: usize, trial: TrialInput, runs: Vec<Run>, statistics: &Statistics) -> TrialReport {
    let ended = runs.iter().all(|run| run.state.has_ended());
    let summary = Some(&statistics.chosen.summaries[index]).filter(|_| ended);
    let mean =
        |selection: &foldwise_study::selection::Selection| selection.summaries[index].mean.filter(|_| ended);
    TrialReport {
        index,
        params: trial.params,
        parameters: trial.parameters,
        batch_norm_parameters: trial.batch_norm_parameters,
        mean: summary.and_then(|summary| summary.mean),
        std: summary.and_then(|summary| summary.std),
        std_error: summary.and_then(|summary| summary.std_error),
        best_epoch_mean: mean(&statistics.best),
        last_epoch_mean: mean(&statistics.last),
        best_common_epoch: statistics.common_epochs[index].filter(|_| ended),
        folds: runs.into_iter().enumerate().map(|(fold, run)| run.into_report(fold)).collect(),
    }
}

fn final_report(stage: FinalInput, trials: &[TrialInput], rule: &Rule) -> FinalReport {
    let FinalInput { mode, trial, state, attempts, error, outcome, weights_digest, tests } = stage;
    let run = Run::of_final(state, attempts, error, outcome, rule);
    let test =
        run.outcome.as_ref().and_then(|outcome| outcome.test).filter(|_| run.state == RunState::Finished);
    let fold = run.into_report(0);
    FinalReport {
        mode,
        trial,
        params: trials.get(trial).map(|trial| trial.params.clone()).unwrap_or_default(),
        epochs: fold.epochs,
        measurements: fold.measurements,
        best_epoch: fold.best_epoch,
        val_accuracy: fold.best_val_accuracy,
        val_loss: fold.best_val_loss,
        test_accuracy: test.and_then(|test| test.accuracy).filter(|accuracy| accuracy.is_finite()),
        test_loss: test.map(|test| test.loss).filter(|loss| loss.is_finite()),
        weights_digest: text(weights_digest),
        tests: (tests > 0 && test.is_some()).then_some(tests),
        attempts: fold.attempts,
        seconds: fold.seconds,
        state: fold.state,
        error: fold.error,
    }
}

fn provenance_report(input: ProvenanceInput, by_command: bool) -> Provenance {
    Provenance {
        foldwise: input.foldwise,
        software: distinct(input.software),
        device: input.device,
        profile: input.profile,
        device_models: distinct(input.device_models),
        data: input.data,
        folds_digest: input.folds_digest,
        cohorts: input.cohorts,
        cohort_splits: input.cohort_splits,
        reproducible: input.device.map(|device| reproducible(device, by_command).to_owned()),
    }
}

fn reproducible(device: DeviceKind, by_command: bool) -> &'static str {
    match device {
        _ if by_command => "as far as the command sees to it",
        DeviceKind::Cpu => "bit for bit",
        DeviceKind::Cuda => "as far as CUDA's libraries allow",
    }
}

fn distinct(texts: Vec<String>) -> Vec<String> {
    let texts: BTreeSet<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    texts.into_iter().collect()
}

fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
