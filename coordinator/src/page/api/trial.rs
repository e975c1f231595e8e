//! One trial: its values, its folds and their curves.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use foldwise_proto::v1::RunState;
use foldwise_study::plan::RunId;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::super::asked::OfStudy;
use super::super::{Page, Problem};
use super::curves::{self, RunCurve};
use crate::ledger::{RunEnd, Study};
use crate::service;

/// A trial in full.
#[derive(Debug, Serialize)]
pub(in super::super) struct TrialDetail {
    trial: u32,
    params: IndexMap<String, Value>,
    parameters: u64,
    epochs: u32,
    folds: Vec<FoldView>,
    runs: Vec<RunCurve>,
}

#[derive(Debug, Serialize)]
struct FoldView {
    fold: u32,
    state: &'static str,
    score: Option<f64>,
    /// The epoch that the score is of.
    epoch: Option<u32>,
    attempts: u32,
    worker: String,
    /// Why the last attempt that failed did; empty where none did.
    error: String,
}

/// `GET /api/studies/{study}/trials/{trial}`.
pub(in super::super) async fn show(
    State(page): State<Arc<Page>>,
    OfStudy(id, word): OfStudy<String>,
) -> Result<Json<TrialDetail>, Problem> {
    let missing = || Problem::missing(format!("study {id} has no trial {word}"));
    let trial: u32 = word.parse().map_err(|_| missing())?;
    let detail = page.of_study(id, move |study, _| detail(study, trial)).await?;
    let mut detail = detail.ok_or_else(missing)?;
    detail.runs = curves::of_trial(&page, id, trial).await?;
    Ok(Json(detail))
}

fn detail(study: &Study, trial: u32) -> Option<TrialDetail> {
    let record = &study.record;
    let facts = record.trials.facts().get(trial as usize)?;
    Some(TrialDetail {
        trial,
        params: record.trials.parameters(trial as usize),
        parameters: facts.parameters.total,
        epochs: facts.epochs,
        folds: (0..record.choosing()).filter_map(|fold| fold_view(study, RunId { trial, fold })).collect(),
        runs: Vec::new(),
    })
}

fn fold_view(study: &Study, id: RunId) -> Option<FoldView> {
    let run = service::run(study, id)?;
    let epoch = match study.run(id)?.end {
        RunEnd::Finished { epoch, .. } | RunEnd::Diverged { epoch } => Some(epoch),
        RunEnd::Open => None,
    };
    let state = match run.state() {
        RunState::Queued => "waiting",
        RunState::Leased => "training",
        RunState::Finished => "finished",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
        RunState::Unspecified => "unknown",
    };
    let (score, attempts, worker, error) = (run.score, run.attempts, run.worker, run.error);
    Some(FoldView { fold: id.fold, state, score, epoch, attempts, worker, error })
}
