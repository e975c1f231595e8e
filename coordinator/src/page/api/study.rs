//! One study: all that the page of a study says above its table.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use foldwise_study::selection::{Direction, EpochRule};
use foldwise_study::trials::Trials;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::super::asked::OfStudy;
use super::super::{Page, Problem};
use super::studies::StudyView;
use crate::ledger::{CohortState, Stage, Study};

/// Cohorts that train, listed at most; a study may hold thousands of slots.
const TRAINING_MAX: usize = 32;

/// A study in full.
#[derive(Debug, Serialize)]
pub(in super::super) struct StudyDetail {
    #[serde(flatten)]
    study: StudyView,
    description: String,
    /// The paths that are searched, in the order of the space.
    searched: Vec<String>,
    /// `maximize` or `minimize`.
    direction: Direction,
    /// Which epoch of a run gives its score.
    epoch_rule: EpochRule,
    /// Epochs of the longest run.
    epochs: u32,
    device: Option<&'static str>,
    profile: Option<String>,
    cohorts: usize,
    /// Values of the best trial, by path.
    best_params: IndexMap<String, Value>,
    /// Cohorts that train, the first of them.
    training: Vec<Training>,
    /// Cohorts that train, all of them.
    training_total: usize,
    /// Cohorts of which an attempt failed.
    troubled_cohorts: usize,
    /// Where the final stage stands; absent before it.
    final_stage: Option<&'static str>,
}

/// A cohort that trains.
#[derive(Debug, Serialize)]
struct Training {
    cohort: u32,
    worker: String,
    slot: u32,
    attempt: u32,
    /// How many runs train together.
    runs: usize,
    first_trial: u32,
    last_trial: u32,
    is_final: bool,
}

impl StudyDetail {
    pub(in super::super) fn of(study: &Study) -> Self {
        let record = &study.record;
        let best = study.winner.or(study.best().map(|best| best.trial));
        let planned = study.device.and(study.profile.as_ref());
        Self {
            study: StudyView::of(study),
            description: record.spec.description.clone(),
            searched: searched(&record.trials),
            direction: record.rule.metric.direction(),
            epoch_rule: record.rule.epoch,
            epochs: record.trials.facts().iter().map(|facts| facts.epochs).max().unwrap_or(0),
            device: study.device.map(|device| device.word()),
            profile: planned.map(|profile| profile.name.clone()),
            cohorts: study.cohorts.iter().filter(|cohort| cohort.stage == Stage::Search).count(),
            best_params: best.map(|trial| record.trials.parameters(trial as usize)).unwrap_or_default(),
            training: study
                .leased()
                .take(TRAINING_MAX)
                .filter_map(|number| training(study, number))
                .collect(),
            training_total: study.leased().count(),
            troubled_cohorts: study.cohorts.iter().filter(|cohort| cohort.failure.is_some()).count(),
            final_stage: final_stage(study),
        }
    }
}

/// An extension may search what its study did not search before.
pub(super) fn searched(trials: &Trials) -> Vec<String> {
    let mut paths: Vec<String> = trials.parameters(0).into_keys().collect();
    let last = trials.parameters(trials.len().saturating_sub(1));
    let more: Vec<String> = last.into_keys().filter(|path| !paths.contains(path)).collect();
    paths.extend(more);
    paths
}

fn training(study: &Study, number: u32) -> Option<Training> {
    let cohort = study.cohorts.get(number as usize)?;
    let CohortState::Leased { worker, slot, .. } = &cohort.state else { return None };
    let trials = || cohort.runs.iter().map(|run| run.trial);
    Some(Training {
        cohort: number,
        worker: worker.clone(),
        slot: *slot,
        attempt: cohort.attempt,
        runs: cohort.runs.len(),
        first_trial: trials().min()?,
        last_trial: trials().max()?,
        is_final: cohort.stage != Stage::Search,
    })
}

fn final_stage(study: &Study) -> Option<&'static str> {
    let cohort = study.cohorts.get(study.final_cohort? as usize)?;
    Some(match &cohort.state {
        CohortState::Ready if study.is_over() => "cancelled",
        CohortState::Ready => "waiting",
        CohortState::Leased { .. } => "training",
        CohortState::Done { .. } => "finished",
        CohortState::Failed { .. } | CohortState::Superseded { .. } => "failed",
    })
}

/// `GET /api/studies/{study}`.
pub(in super::super) async fn show(
    State(page): State<Arc<Page>>,
    OfStudy(id, ()): OfStudy,
) -> Result<Json<StudyDetail>, Problem> {
    page.of_study(id, |study, _| StudyDetail::of(study)).await.map(Json)
}
