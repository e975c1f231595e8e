//! Studies, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use foldwise_proto::v1;
use foldwise_report::rfc_3339;
use serde::{Deserialize, Serialize};

use super::super::actions::Action;
use super::super::asked::{Asked, limit};
use super::super::{Page, Problem};
use crate::ledger::{Study, StudyId, StudyPhase};
use crate::service;

/// Studies in one answer, if nothing is said.
const PAGE_USUAL: usize = 50;
/// Studies in one answer at most.
const PAGE_MAX: usize = 200;

/// A study in a line.
#[derive(Debug, Clone, Serialize)]
pub(in super::super) struct StudyView {
    number: StudyId,
    name: String,
    state: &'static str,
    /// Why it failed, or what a reader should know; empty where nothing is to be said.
    message: String,
    runs: Counts,
    trials: u32,
    folds: u32,
    /// Work done of all work, 0 to 1, epochs under way included.
    progress: f64,
    best_trial: Option<u32>,
    best_mean: Option<f64>,
    metric: &'static str,
    seconds_left: Option<f64>,
    priority: i32,
    created: String,
    ended: Option<String>,
    /// What can be done to it now.
    actions: Vec<&'static str>,
}

/// Runs of the search by where they stand.
#[derive(Debug, Clone, Copy, Serialize)]
struct Counts {
    waiting: u32,
    training: u32,
    finished: u32,
    failed: u32,
    cancelled: u32,
    total: u64,
}

impl StudyView {
    pub(in super::super) fn of(study: &Study) -> Self {
        let told = service::study(study);
        let runs = told.runs.unwrap_or_default();
        let total = u64::from(told.trials) * u64::from(told.folds);
        let ended = match &study.phase {
            StudyPhase::Ended { unix_ms, .. } => Some(rfc_3339(*unix_ms)),
            StudyPhase::Searching | StudyPhase::Finishing { .. } => None,
        };
        Self {
            number: study.number,
            state: state_word(told.state()),
            progress: progress(study),
            runs: Counts {
                waiting: runs.queued,
                training: runs.leased,
                finished: runs.finished,
                failed: runs.failed,
                cancelled: runs.cancelled,
                total,
            },
            name: told.display_name,
            message: told.message,
            trials: told.trials,
            folds: told.folds,
            best_trial: told.best_trial,
            best_mean: told.best_mean,
            metric: study.record.rule.metric.word(),
            seconds_left: told.seconds_left,
            priority: told.priority,
            created: rfc_3339(study.record.created_unix_ms),
            ended,
            actions: Action::offered(study),
        }
    }
}

fn progress(study: &Study) -> f64 {
    let work = study.progress;
    let done = if work.total > 0.0 { (work.done / work.total).clamp(0.0, 1.0) } else { 0.0 };
    if matches!(study.phase, StudyPhase::Searching) {
        done
    } else {
        done.max(f64::from(u8::from(study.winner.is_some())))
    }
}

fn state_word(state: v1::StudyState) -> &'static str {
    match state {
        v1::StudyState::Searching => "searching",
        v1::StudyState::Finishing => "finishing",
        v1::StudyState::Succeeded => "succeeded",
        v1::StudyState::Failed => "failed",
        v1::StudyState::Cancelled => "cancelled",
        v1::StudyState::Paused => "paused",
        v1::StudyState::Unspecified => "unknown",
    }
}

/// What part of the list is wanted.
#[derive(Debug, Deserialize)]
pub(in super::super) struct Wish {
    /// Only studies before this number.
    before: Option<StudyId>,
    limit: Option<usize>,
}

/// A part of the list.
#[derive(Debug, Serialize)]
pub(in super::super) struct StudyList {
    studies: Vec<StudyView>,
    /// How many there are in all.
    total: usize,
    /// What `before` is for the next part; absent on the last.
    next: Option<StudyId>,
}

/// `GET /api/studies`.
pub(in super::super) async fn list(
    State(page): State<Arc<Page>>,
    Asked(wish): Asked<Wish>,
) -> Result<Json<StudyList>, Problem> {
    let limit = limit(wish.limit, PAGE_USUAL, PAGE_MAX)?;
    let before = wish.before.unwrap_or(StudyId::MAX);
    let read = page.read(move |ledger, _| {
        let mut studies = ledger.studies().range(..before).rev().map(|(_, study)| study);
        let shown: Vec<StudyView> = studies.by_ref().take(limit).map(StudyView::of).collect();
        let next = shown.last().map(|study| study.number).filter(|_| studies.next().is_some());
        StudyList { studies: shown, total: ledger.studies().len(), next }
    });
    read.await.map(Json)
}
