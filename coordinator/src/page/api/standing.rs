//! Where every trial of a study stands, read in parts so that the ledger is never kept from its work for long.

use std::sync::Arc;

use foldwise_proto::v1::RunState;
use foldwise_study::plan::RunId;
use serde::Serialize;

use super::super::{Page, Problem};
use crate::ledger::{RunEnd, Study, StudyId, StudyRecord};
use crate::service;

/// Runs that one look at the ledger takes in: a millisecond.
const RUNS_MAX: usize = 20_000;

/// Where a trial stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    pub(super) trial: u32,
    pub(super) state: TrialState,
    /// Folds with a score.
    pub(super) finished: u32,
    /// The mean of their scores.
    pub(super) mean: Option<f64>,
}

/// What a trial's folds come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TrialState {
    /// A fold trains.
    Training,
    /// None trains, and some have not ended.
    Waiting,
    /// All have a score.
    Finished,
    /// One failed, and none trains.
    Failed,
    /// Ended with its study before all folds had.
    Cancelled,
}

impl TrialState {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Waiting => "waiting",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Standing {
    pub(super) fn of(study: &Study, trial: u32) -> Self {
        let folds = study.record.choosing();
        let (mut finished, mut sum) = (0, 0.0);
        let (mut training, mut failed, mut cancelled) = (false, false, false);
        for fold in 0..folds {
            let run = RunId { trial, fold };
            if let Some(RunEnd::Finished { score, .. }) = study.run(run).map(|run| run.end) {
                finished += 1;
                sum += score;
                continue;
            }
            match service::run_state(study, run) {
                RunState::Leased => training = true,
                RunState::Failed => failed = true,
                RunState::Cancelled => cancelled = true,
                RunState::Queued | RunState::Finished | RunState::Unspecified => {}
            }
        }
        let state = match () {
            () if training => TrialState::Training,
            () if failed => TrialState::Failed,
            () if cancelled => TrialState::Cancelled,
            () if finished == folds => TrialState::Finished,
            () => TrialState::Waiting,
        };
        Self { trial, state, finished, mean: (finished > 0).then(|| sum / f64::from(finished)) }
    }

    /// Whether every fold has a score: only such means are compared.
    pub(super) fn is_whole(&self) -> bool {
        self.state == TrialState::Finished
    }
}

/// Reads all of them. Parts may be of moments that differ by milliseconds.
pub(super) async fn read(page: &Page, id: StudyId) -> Result<(Arc<StudyRecord>, Vec<Standing>), Problem> {
    let mut standings = Vec::new();
    loop {
        let first = u32::try_from(standings.len()).unwrap_or(u32::MAX);
        let part = page.of_study(id, move |study, _| {
            let record = Arc::clone(&study.record);
            let trials = u32::try_from(record.trials.len()).unwrap_or(u32::MAX);
            let part = u32::try_from(RUNS_MAX).unwrap_or(u32::MAX) / record.choosing().max(1);
            let last = trials.min(first.saturating_add(part.max(1)));
            let part: Vec<Standing> = (first..last).map(|trial| Standing::of(study, trial)).collect();
            (record, part, last == trials)
        });
        let (record, part, done) = part.await?;
        standings.extend(part);
        if done {
            return Ok((record, standings));
        }
    }
}
