//! The report of a study: the ledger's states joined with the store's results and the kept copies of weights.

use std::sync::Arc;

use foldwise_proto::v1;
use foldwise_report::input::{FinalInput, ProvenanceInput, RunInput, StudyInput, TrialInput};
use foldwise_report::{DataReport, FinalMode, ProfileReport, Report, ReportInput, RunState, StudyState};
use foldwise_study::plan::RunId;
use foldwise_study::spec::FinalSpec;

use crate::artifacts::Artifacts;
use crate::ledger::{
    Cohort, CohortState, EndedAs, Ledger, Now, Stage, Study, StudyId, StudyPhase, StudyRecord,
};
use crate::service::{positions, run, run_state};
use crate::store::{Results, StoreError, StoredRun};

mod nested;
mod weights;

/// What the ledger knows of a study: everything of a report but the results. What follows from the study's record alone is
/// left for later, so that the ledger is not kept from its work.
#[derive(Debug)]
pub struct Outline {
    study: StudyId,
    record: Arc<StudyRecord>,
    input: ReportInput,
}

/// Reads the outline of a study; `None` where there is no such study.
#[must_use]
pub fn outline(ledger: &Ledger, id: StudyId, _now: Now) -> Option<Outline> {
    let study = ledger.studies().get(&id)?;
    let record = Arc::clone(&study.record);
    let choosing = positions(study).filter(|(_, fold)| *fold < record.choosing());
    let runs = choosing.map(|(trial, fold)| run_input(study, RunId { trial, fold }));
    let input = ReportInput {
        study: study_input(study),
        spec: serde_json::Value::Null,
        rule: record.rule,
        sizes: record.sizes[..(record.choosing() as usize).min(record.sizes.len())].to_vec(),
        trials: Vec::new(),
        runs: runs.collect(),
        outer: nested::outer_inputs(study),
        final_stage: final_input(study),
        snapshots: Vec::new(),
        provenance: provenance(study),
    };
    Some(Outline { study: id, record, input })
}

/// The report of an outline and the results in the store.
///
/// # Errors
/// When the results cannot be read.
pub fn report(outline: Outline, results: &Results, artifacts: &Artifacts) -> Result<Report, StoreError> {
    let Outline { study, record, mut input } = outline;
    input.spec = record.spec.to_json();
    let trials = record.trials.facts().iter().enumerate().map(|(trial, facts)| TrialInput {
        params: record.trials.parameters(trial),
        parameters: facts.parameters.total,
        batch_norm_parameters: facts.parameters.batch_norm,
    });
    input.trials = trials.collect();
    let choosing = input.sizes.len();
    for result in results.runs(study)? {
        let (trial, fold) = (result.run.trial as usize, result.run.fold as usize);
        if fold < choosing {
            // The outline has every run, by trial and then fold. One that an extension brought since is not in it.
            if let Some(run) = input.runs.get_mut(trial * choosing + fold) {
                note_maker(&mut input.provenance, &result);
                run.outcome = Some(result.outcome);
            }
        } else if result.run.fold < record.folds() {
            // Of runs within outer folds a report has the trials' means, which the ledger knows.
            note_maker(&mut input.provenance, &result);
        } else if result.run == record.final_run(result.run.trial) {
            if let Some(stage) = &mut input.final_stage {
                note_maker(&mut input.provenance, &result);
                stage.outcome = Some(result.outcome);
                stage.weights_digest = result.weights_digest;
            }
        } else if let Some(outer) = input.outer.get_mut(fold - record.folds() as usize - 1) {
            note_maker(&mut input.provenance, &result);
            outer.outcome = Some(result.outcome);
        }
    }
    input.snapshots = weights::copies(&input.runs, artifacts);
    Ok(Report::build(input))
}

fn note_maker(provenance: &mut ProvenanceInput, result: &StoredRun) {
    let note = |list: &mut Vec<String>, text: &String| {
        if !text.is_empty() && !list.contains(text) {
            list.push(text.clone());
        }
    };
    note(&mut provenance.software, &result.software);
    note(&mut provenance.device_models, &result.device_model);
}

fn study_input(study: &Study) -> StudyInput {
    let (state, message, ended_unix_ms) = match &study.phase {
        StudyPhase::Searching => (StudyState::Searching, None, None),
        StudyPhase::Finishing { .. } => (StudyState::Finishing, None, None),
        StudyPhase::Ended { end, message, unix_ms } => {
            let state = match end {
                EndedAs::Succeeded => StudyState::Succeeded,
                EndedAs::Failed => StudyState::Failed,
                EndedAs::Cancelled => StudyState::Cancelled,
            };
            (state, Some(message.clone()).filter(|message| !message.is_empty()), Some(*unix_ms))
        }
    };
    StudyInput {
        name: format!("studies/{}", study.number),
        display_name: study.record.spec.name.clone(),
        description: Some(study.record.spec.description.clone()).filter(|text| !text.is_empty()),
        state,
        message,
        created_unix_ms: study.record.created_unix_ms,
        ended_unix_ms,
    }
}

fn run_input(study: &Study, id: RunId) -> RunInput {
    let known = run(study, id).unwrap_or_default();
    RunInput {
        run: id,
        state: match run_state(study, id) {
            v1::RunState::Leased => RunState::Leased,
            v1::RunState::Finished => RunState::Finished,
            v1::RunState::Failed => RunState::Failed,
            v1::RunState::Cancelled => RunState::Cancelled,
            v1::RunState::Queued | v1::RunState::Unspecified => RunState::Queued,
        },
        attempts: known.attempts,
        worker: Some(known.worker).filter(|worker| !worker.is_empty()),
        error: Some(known.error).filter(|error| !error.is_empty()),
        outcome: None,
    }
}

fn final_input(study: &Study) -> Option<FinalInput> {
    let cohort = study.cohorts.get(study.final_cohort? as usize)?;
    Some(FinalInput {
        mode: match &study.record.spec.final_stage {
            FinalSpec { hold_out: Some(_), .. } => FinalMode::HoldOut,
            FinalSpec { repeat: Some(_), .. } => FinalMode::Repeat,
            FinalSpec { .. } => FinalMode::Refit,
        },
        trial: cohort.runs.first()?.trial as usize,
        state: last_state(study, cohort),
        attempts: cohort.attempt,
        error: cohort.failure.as_ref().map(ToString::to_string),
        outcome: None,
        weights_digest: None,
        tests: study.tests(),
    })
}

/// Where a last training stands.
fn last_state(study: &Study, cohort: &Cohort) -> RunState {
    match cohort.state {
        CohortState::Done { .. } => RunState::Finished,
        CohortState::Failed { .. } | CohortState::Superseded { .. } => RunState::Failed,
        _ if study.is_over() => RunState::Cancelled,
        CohortState::Leased { .. } => RunState::Leased,
        CohortState::Ready => RunState::Queued,
    }
}

fn provenance(study: &Study) -> ProvenanceInput {
    let record = &study.record;
    let searched = study.cohorts.iter().filter(|cohort| cohort.stage == Stage::Search);
    let splits =
        searched.clone().filter(|cohort| cohort.state == CohortState::Failed { split: true }).count();
    // Each split put two cohorts beside the one it replaced.
    let planned = searched.count() - 2 * splits;
    ProvenanceInput {
        foldwise: env!("CARGO_PKG_VERSION").to_owned(),
        software: Vec::new(),
        device: study.device,
        profile: study
            .device
            .and(study.profile.as_ref())
            .map(|profile| ProfileReport { name: profile.name.clone(), digest: profile.digest() }),
        device_models: Vec::new(),
        data: DataReport {
            name: record.spec.data.rows_name(),
            digest: record.data_digest.clone(),
            train_rows: record.rows.train_rows,
            test_rows: record.rows.test_rows,
            classes: class_names(study),
        },
        folds_digest: record.folds_digest.clone(),
        cohorts: study.device.map(|_| planned),
        cohort_splits: splits,
    }
}

/// Names of the classes, where the data is the catalogue's.
fn class_names(study: &Study) -> Vec<String> {
    let name = study.record.spec.data.dataset.as_deref();
    let entry = foldwise_data::catalogue().iter().find(|entry| Some(entry.name) == name);
    entry.map(|entry| entry.classes.iter().map(|&class| class.to_owned()).collect()).unwrap_or_default()
}
