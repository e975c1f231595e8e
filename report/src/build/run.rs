//! One run as the report sees it: its state made to agree with its outcome.

use foldwise_study::outcome::{EpochRecord, RunEnd, RunOutcome, TestRecord};
use foldwise_study::selection::{EpochRule, Metric, Rule};

use super::text;
use crate::input::RunInput;
use crate::{FoldReport, RunState};

/// A run. If it is finished, its outcome is there and was trained to the end.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) state: RunState,
    pub(super) outcome: Option<RunOutcome>,
    rule: Rule,
    attempts: u32,
    worker: Option<String>,
    error: Option<String>,
}

impl Run {
    /// A run that nothing is known of.
    pub(super) fn queued(rule: &Rule) -> Self {
        Self { state: RunState::Queued, outcome: None, rule: *rule, attempts: 0, worker: None, error: None }
    }

    /// A run of the search: finished only with a score.
    pub(super) fn new(input: RunInput, rule: &Rule) -> Self {
        let RunInput { run: _, state, attempts, worker, error, outcome } = input;
        let run = Self { worker: text(worker), ..Self::of_final(state, attempts, error, outcome, rule) };
        let scored = run.score_by(rule.epoch).is_some();
        run.failed_if(!scored, || format!("no finite {} where the rule looks for one", rule.metric.word()))
    }

    /// The run of the final stage, which needs no validation rows.
    pub(super) fn of_final(
        state: RunState,
        attempts: u32,
        error: Option<String>,
        outcome: Option<RunOutcome>,
        rule: &Rule,
    ) -> Self {
        let run = Self { state, outcome, rule: *rule, attempts, worker: None, error: text(error) };
        match run.outcome.as_ref().map(|outcome| outcome.end) {
            Some(RunEnd::Finished) => run,
            Some(RunEnd::Diverged(epoch)) => {
                run.failed_if(true, || format!("diverged in epoch {epoch}: the loss is NaN or infinite"))
            }
            None => run.failed_if(true, || "it has no result".to_owned()),
        }
    }

    /// The epoch and value that an epoch rule picks; none unless finished.
    pub(super) fn score_by(&self, epoch: EpochRule) -> Option<(u32, f64)> {
        self.finished()?.score(&Rule { epoch, ..self.rule })
    }

    /// The metric at an epoch, from 1; none unless finished and finite there.
    pub(super) fn value_at(&self, epoch: u32) -> Option<f64> {
        let record = record_of(self.finished()?, epoch)?;
        let value = match self.rule.metric {
            Metric::ValAccuracy => record.val_accuracy,
            Metric::ValLoss => record.val_loss,
        };
        value.filter(|value| value.is_finite())
    }

    /// The epochs that were trained to their end.
    pub(super) fn epochs(&self) -> impl Iterator<Item = u32> {
        self.finished().into_iter().flat_map(|outcome| outcome.epochs.iter().map(|record| record.epoch))
    }

    fn finished(&self) -> Option<&RunOutcome> {
        self.outcome.as_ref().filter(|_| self.state == RunState::Finished)
    }

    /// A finished run that is none after all. The new reason stands over that of an earlier attempt.
    fn failed_if(self, failed: bool, why: impl FnOnce() -> String) -> Self {
        if !failed || self.state != RunState::Finished {
            return self;
        }
        Self { state: RunState::Failed, error: Some(why()), ..self }
    }

    /// State, test, error and seconds of a last training.
    pub(super) fn into_last(self) -> (RunState, Option<TestRecord>, Option<String>, Option<f64>) {
        let test = self.finished().and_then(|outcome| outcome.test);
        let seconds = self.outcome.map(|outcome| outcome.seconds).filter(|seconds| seconds.is_finite());
        (self.state, test, self.error, seconds)
    }

    pub(super) fn into_report(self, fold: usize) -> FoldReport {
        let best = self.score_by(EpochRule::Best).map(|(epoch, _)| epoch);
        let score = self.score_by(self.rule.epoch).map(|(_, score)| score);
        let record = best.and_then(|epoch| record_of(self.outcome.as_ref()?, epoch)).copied();
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        let (epochs, measurements, seconds) = match self.outcome {
            Some(outcome) => (writable(outcome.epochs), outcome.measurements, Some(outcome.seconds)),
            None => (Vec::new(), None, None),
        };
        FoldReport {
            fold,
            state: self.state,
            best_epoch: best,
            best_val_accuracy: finite(record.and_then(|record| record.val_accuracy)),
            best_val_loss: finite(record.and_then(|record| record.val_loss)),
            score,
            epochs,
            measurements: measurements.map(|measured| (*measured).into()),
            attempts: self.attempts,
            seconds: finite(seconds),
            worker: self.worker,
            error: self.error,
        }
    }
}

/// The record of an epoch; they are in order.
fn record_of(outcome: &RunOutcome, epoch: u32) -> Option<&EpochRecord> {
    let position = outcome.epochs.binary_search_by_key(&epoch, |record| record.epoch).ok()?;
    outcome.epochs.get(position)
}

/// Epochs that JSON can hold, which knows neither NaN nor infinity.
fn writable(mut epochs: Vec<EpochRecord>) -> Vec<EpochRecord> {
    epochs.retain(|record| record.train_loss.is_finite() && record.lr.is_finite());
    for record in &mut epochs {
        for value in [&mut record.train_accuracy, &mut record.val_loss, &mut record.val_accuracy] {
            *value = value.filter(|value| value.is_finite());
        }
    }
    epochs
}
