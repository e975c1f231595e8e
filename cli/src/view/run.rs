//! Runs.

use foldwise_proto::v1::{FailureKind, Run, RunState};
use serde::Serialize;

use crate::quantity;
use crate::table::{self, Column};

/// A run in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct RunView {
    trial: u32,
    fold: u32,
    state: &'static str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What kind of failure the last one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_time: Option<String>,
    /// Epochs that a checkpoint is kept of.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint_epoch: Option<u32>,
}

impl RunView {
    /// Of a run.
    pub(crate) fn new(run: &Run) -> Self {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        Self {
            trial: run.trial,
            fold: run.fold,
            state: word(run.state()),
            attempts: run.attempts,
            worker: some(&run.worker),
            score: run.score,
            error: some(&run.error),
            failure: failure_word(run.failure()),
            failure_time: run.failure_time.map(|time| time.to_string()),
            checkpoint_epoch: (run.checkpoint_epoch > 0).then_some(run.checkpoint_epoch),
        }
    }
}

fn failure_word(kind: FailureKind) -> Option<&'static str> {
    match kind {
        FailureKind::Unspecified => None,
        FailureKind::Crash => Some("crash"),
        FailureKind::OutOfMemory => Some("out_of_memory"),
        FailureKind::Data => Some("data"),
        FailureKind::Training => Some("training"),
        FailureKind::Released => Some("released"),
        FailureKind::Hang => Some("hang"),
        FailureKind::Silence => Some("silence"),
    }
}

fn word(state: RunState) -> &'static str {
    match state {
        RunState::Unspecified => "unknown",
        RunState::Queued => "queued",
        RunState::Leased => "leased",
        RunState::Finished => "finished",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
    }
}

/// Runs listed for people are at most so many; JSON has all of them.
const LISTED_MAX: usize = 20;

/// Runs that failed, or whose last attempt did, with their causes, for people; empty if there are none. `now` in seconds
/// since 1970.
pub(crate) fn troubled_runs(runs: &[Run], now: i64) -> String {
    if runs.is_empty() {
        return String::new();
    }
    let columns = [
        Column::Number("trial"),
        Column::Number("fold"),
        Column::Text("state"),
        Column::Number("attempts"),
        Column::Text("worker"),
        Column::Text("when"),
        Column::Text("cause"),
    ];
    let rows = runs.iter().take(LISTED_MAX).map(|run| {
        vec![
            run.trial.to_string(),
            run.fold.to_string(),
            word(run.state()).to_owned(),
            run.attempts.to_string(),
            run.worker.clone(),
            run.failure_time.map(|time| quantity::age(now - time.seconds)).unwrap_or_default(),
            run.error.clone(),
        ]
    });
    let mut text = format!("\nruns in trouble\n{}", table::table(&columns, rows));
    if let Some(more) = runs.len().checked_sub(LISTED_MAX).filter(|&more| more > 0) {
        text.push_str(&format!("and {} more (--format json shows all)\n", quantity::count(more as u64)));
    }
    text
}

#[cfg(test)]
mod tests {
    use foldwise_proto::v1::{Run, RunState};

    use super::troubled_runs;

    #[test]
    fn runs_in_trouble_come_with_their_causes() {
        let failed = Run {
            trial: 3,
            fold: 1,
            state: RunState::Failed.into(),
            attempts: 3,
            worker: "w".to_owned(),
            error: "crashed".to_owned(),
            ..Run::default()
        };
        assert_eq!(troubled_runs(&[], 0), "");
        let text = troubled_runs(std::slice::from_ref(&failed), 0);
        assert_eq!(text.lines().count(), 4);
        assert!(text.contains("crashed"));
        assert!(troubled_runs(&vec![failed; 30], 0).ends_with("and 10 more (--format json shows all)\n"));
    }
}
