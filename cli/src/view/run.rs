//! Runs.

use foldwise_proto::v1::{Run, RunState};
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
        }
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

/// Failed runs listed for people are at most so many; JSON has all of them.
const LISTED_MAX: usize = 20;

/// The failed ones among these, with their causes, for people; empty if none failed.
pub(crate) fn failed_runs(runs: &[Run]) -> String {
    let failed: Vec<&Run> = runs.iter().filter(|run| run.state() == RunState::Failed).collect();
    if failed.is_empty() {
        return String::new();
    }
    let columns = [
        Column::Number("trial"),
        Column::Number("fold"),
        Column::Number("attempts"),
        Column::Text("worker"),
        Column::Text("cause"),
    ];
    let rows = failed.iter().take(LISTED_MAX).map(|run| {
        vec![
            run.trial.to_string(),
            run.fold.to_string(),
            run.attempts.to_string(),
            run.worker.clone(),
            run.error.clone(),
        ]
    });
    let mut text = format!("\nfailed runs\n{}", table::table(&columns, rows));
    if let Some(more) = failed.len().checked_sub(LISTED_MAX).filter(|&more| more > 0) {
        text.push_str(&format!("and {} more (--format json shows all)\n", quantity::count(more as u64)));
    }
    text
}

#[cfg(test)]
mod tests {
    use foldwise_proto::v1::{Run, RunState};

    use super::failed_runs;

    #[test]
    fn failed_runs_come_with_their_causes() {
        let failed = Run {
            trial: 3,
            fold: 1,
            state: RunState::Failed.into(),
            attempts: 3,
            worker: "w".to_owned(),
            error: "crashed".to_owned(),
            ..Run::default()
        };
        let finished = Run { state: RunState::Finished.into(), ..Run::default() };
        assert_eq!(failed_runs(std::slice::from_ref(&finished)), "");
        let text = failed_runs(&[finished, failed.clone()]);
        assert_eq!(text.lines().count(), 4);
        assert!(text.contains("crashed"));
        assert!(failed_runs(&vec![failed; 30]).ends_with("and 10 more (--format json shows all)\n"));
    }
}
