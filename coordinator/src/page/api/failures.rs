//! What went wrong: causes with how often, and the last of it in full.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use foldwise_report::rfc_3339;
use foldwise_study::plan::RunId;
use serde::Serialize;

use super::super::asked::OfStudy;
use super::super::{Page, Problem};
use crate::ledger::{Cohort, CohortState, RunEnd, Study};

/// Failures that are told in full: the newest.
const LAST_MAX: usize = 20;

/// What went wrong in a study.
#[derive(Debug, Default, Serialize)]
pub(in super::super) struct Failures {
    /// By how often, the most frequent first.
    causes: Vec<Cause>,
    /// The newest first.
    last: Vec<Failed>,
    /// Runs whose loss was no longer finite, the first of them.
    diverged: Vec<Diverged>,
}

#[derive(Debug, Serialize)]
struct Cause {
    cause: &'static str,
    /// What happened, in words.
    words: &'static str,
    /// Cohorts whose last failed attempt it was, or runs that diverged.
    times: usize,
    /// Runs that it left without a result for good.
    lost_runs: usize,
}

#[derive(Debug, Serialize)]
struct Failed {
    cause: &'static str,
    message: String,
    cohort: u32,
    runs: usize,
    first_trial: u32,
    last_trial: u32,
    attempt: u32,
    worker: String,
    time: String,
    /// What became of it: `given_up`, `split`, `waiting`, `training` or `made_up_for`.
    outcome: &'static str,
}

#[derive(Debug, Serialize)]
struct Diverged {
    trial: u32,
    fold: u32,
    epoch: u32,
}

/// `GET /api/studies/{study}/failures`.
pub(in super::super) async fn list(
    State(page): State<Arc<Page>>,
    OfStudy(id, ()): OfStudy,
) -> Result<Json<Failures>, Problem> {
    page.of_study(id, |study, _| Failures::of(study)).await.map(Json)
}

impl Failures {
    fn of(study: &Study) -> Self {
        let mut causes: BTreeMap<&'static str, Cause> = BTreeMap::new();
        let mut when = Vec::new();
        for (cohort, number) in study.cohorts.iter().zip(0_u32..) {
            let Some(failure) = &cohort.failure else { continue };
            let kind = failure.kind;
            let new = Cause { cause: kind.word(), words: kind.sentence(), times: 0, lost_runs: 0 };
            let entry = causes.entry(kind.word()).or_insert(new);
            entry.times += 1;
            if cohort.state == (CohortState::Failed { split: false }) {
                entry.lost_runs += cohort.runs.len();
            }
            when.push((failure.unix_ms, number));
        }
        when.sort_unstable_by(|one, other| other.cmp(one));
        let newest = when.iter().take(LAST_MAX);
        let last = newest.filter_map(|(_, number)| failed(study.cohorts.get(*number as usize)?, *number));
        let last: Vec<Failed> = last.collect();
        let mut causes: Vec<Cause> = causes.into_values().collect();
        let diverged: Vec<Diverged> = diverged(study).take(LAST_MAX).collect();
        if !diverged.is_empty() {
            let times = self::diverged(study).count();
            let words = "the loss was no longer finite";
            causes.push(Cause { cause: "diverged", words, times, lost_runs: times });
        }
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.times));
        Self { causes, last, diverged }
    }
}

fn failed(cohort: &Cohort, number: u32) -> Option<Failed> {
    let failure = cohort.failure.as_ref()?;
    let trials = || cohort.runs.iter().map(|run| run.trial);
    Some(Failed {
        cause: failure.kind.word(),
        message: failure.message.clone(),
        cohort: number,
        runs: cohort.runs.len(),
        first_trial: trials().min()?,
        last_trial: trials().max()?,
        attempt: failure.attempt,
        worker: failure.worker.clone(),
        time: rfc_3339(failure.unix_ms),
        outcome: match cohort.state {
            CohortState::Ready => "waiting",
            CohortState::Leased { .. } => "training",
            CohortState::Done { .. } | CohortState::Superseded { .. } => "made_up_for",
            CohortState::Failed { split: true } => "split",
            CohortState::Failed { split: false } => "given_up",
        },
    })
}

fn diverged(study: &Study) -> impl Iterator<Item = Diverged> {
    let runs = (0..).flat_map(|trial| (0..study.record.folds()).map(move |fold| RunId { trial, fold }));
    study.runs.iter().zip(runs).filter_map(|(entry, RunId { trial, fold })| match entry.end {
        RunEnd::Diverged { epoch } => Some(Diverged { trial, fold, epoch }),
        RunEnd::Open | RunEnd::Finished { .. } => None,
    })
}
