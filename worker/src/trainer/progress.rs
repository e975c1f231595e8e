//! How far the member of one slot has come.

use foldwise_study::outcome::EpochRecord;
use foldwise_study::selection::Metric;
use foldwise_study::train::{EarlyStopping, Pace, Rate, TrainSpec};

use super::checkpoint::SlotState;
use super::cohort::improves;
use super::tally::Total;

/// How far the member of one slot has come.
#[derive(Debug)]
pub(super) struct Progress {
    /// Position in the cohort, from 0.
    pub(super) member: usize,
    rate: Rate,
    early_stopping: Option<EarlyStopping>,
    /// Its epochs, the diverged one not included.
    pub(super) epochs: Vec<EpochRecord>,
    /// The best of them by validation.
    pub(super) best: Option<EpochRecord>,
    /// The epoch, from 1, whose loss was NaN or infinite.
    pub(super) diverged: Option<u32>,
    /// The epoch, from 1, after which it was stopped early.
    pub(super) stopped: Option<u32>,
}

/// What an epoch meant for a member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ended {
    /// It had ended before.
    Frozen,
    /// It diverged in this epoch.
    Diverged,
    /// It has another epoch.
    Recorded {
        record: EpochRecord,
        /// Whether it is its best so far.
        improved: bool,
        /// Whether it is its last, because of early stopping.
        stopped: bool,
    },
}

impl Progress {
    pub(super) fn new(member: usize, train: &TrainSpec, steps: u64) -> Self {
        let (rate, early_stopping) = (Rate::new(train, steps), train.early_stopping.clone());
        Self { member, rate, early_stopping, epochs: Vec::new(), best: None, diverged: None, stopped: None }
    }

    /// Whether nothing more is trained.
    pub(super) fn has_ended(&self) -> bool {
        self.diverged.is_some() || self.stopped.is_some()
    }

    /// What step `step` of the epoch under way is taken with; a member that has ended stays where it is.
    pub(super) fn pace(&self, step: u64) -> Pace {
        if self.has_ended() { Pace { lr: 0.0, momentum: None } } else { self.rate.at(step) }
    }

    /// Whether steps of the epoch under way differ.
    pub(super) fn varies(&self) -> bool {
        !self.has_ended() && self.rate.varies()
    }

    /// Ends epoch number `epoch` (from 1) with its results.
    pub(super) fn end_epoch(
        &mut self,
        epoch: u32,
        trained: Total,
        val: Option<Total>,
        metric: Metric,
    ) -> Ended {
        if self.has_ended() {
            return Ended::Frozen;
        }
        if !trained.loss.is_finite() || val.is_some_and(|val| !val.loss.is_finite()) {
            self.diverged = Some(epoch);
            return Ended::Diverged;
        }
        let record = EpochRecord {
            epoch,
            train_loss: trained.loss,
            train_accuracy: trained.accuracy,
            val_loss: val.map(|val| val.loss),
            val_accuracy: val.and_then(|val| val.accuracy),
            lr: self.rate.recorded(),
        };
        self.rate.end_epoch(epoch, record.val_loss, record.val_accuracy);
        self.epochs.push(record);
        let improved = improves(metric, &record, self.best.as_ref());
        if improved {
            self.best = Some(record);
        }
        let stopped = self.early_stopping.as_ref().is_some_and(|stopping| stopping.ends(&self.epochs));
        self.stopped = stopped.then_some(epoch);
        Ended::Recorded { record, improved, stopped }
    }

    /// What a checkpoint holds of it.
    pub(super) fn state(&self) -> SlotState {
        SlotState {
            member: self.member,
            diverged: self.diverged,
            stopped: self.stopped,
            best: self.best.map(|record| record.epoch),
            rate: self.rate.state(),
            epochs: self.epochs.clone(),
        }
    }

    /// Goes on where a checkpoint of the same member left off.
    pub(super) fn resume(&mut self, state: &SlotState) {
        self.diverged = state.diverged;
        self.stopped = state.stopped;
        self.rate.resume(state.rate);
        self.epochs.clone_from(&state.epochs);
        self.best =
            state.best.and_then(|best| self.epochs.iter().find(|record| record.epoch == best)).copied();
    }
}
