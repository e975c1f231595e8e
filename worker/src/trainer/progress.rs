//! How far the member of one slot has come.

use foldwise_study::outcome::EpochRecord;
use foldwise_study::selection::Metric;
use foldwise_study::train::{Rate, TrainSpec};

use super::checkpoint::SlotState;
use super::cohort::improves;
use super::tally::Total;

/// How far the member of one slot has come.
#[derive(Debug)]
pub(super) struct Progress {
    /// Position in the cohort, from 0.
    pub(super) member: usize,
    rate: Rate,
    /// Its epochs, the diverged one not included.
    pub(super) epochs: Vec<EpochRecord>,
    /// The best of them by validation.
    pub(super) best: Option<EpochRecord>,
    /// The epoch, from 1, whose loss was NaN or infinite.
    pub(super) diverged: Option<u32>,
}

/// What an epoch meant for a member.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ended {
    /// It had diverged before.
    Frozen,
    /// It diverged in this epoch.
    Diverged,
    /// It goes on; whether this is its best epoch so far.
    Recorded(EpochRecord, bool),
}

impl Progress {
    pub(super) fn new(member: usize, train: &TrainSpec) -> Self {
        let rate = Rate::new(&train.schedule, train.optimizer.lr);
        Self { member, rate, epochs: Vec::new(), best: None, diverged: None }
    }

    /// The learning rate of the epoch under way; a frozen member stays where it is.
    pub(super) fn rate(&self) -> f64 {
        if self.diverged.is_some() { 0.0 } else { self.rate.current() }
    }

    /// Ends epoch number `epoch` (from 1) with its results.
    pub(super) fn end_epoch(
        &mut self,
        epoch: u32,
        trained: Total,
        val: Option<Total>,
        metric: Metric,
    ) -> Ended {
        if self.diverged.is_some() {
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
            lr: self.rate.current(),
        };
        self.rate.end_epoch(epoch, record.val_loss, record.val_accuracy);
        self.epochs.push(record);
        let improved = improves(metric, &record, self.best.as_ref());
        if improved {
            self.best = Some(record);
        }
        Ended::Recorded(record, improved)
    }

    /// What a checkpoint holds of it.
    pub(super) fn state(&self) -> SlotState {
        SlotState {
            member: self.member,
            diverged: self.diverged,
            best: self.best.map(|record| record.epoch),
            rate: self.rate.state(),
            epochs: self.epochs.clone(),
        }
    }

    /// Goes on where a checkpoint of the same member left off.
    pub(super) fn resume(&mut self, state: &SlotState) {
        self.diverged = state.diverged;
        self.rate.resume(state.rate);
        self.epochs.clone_from(&state.epochs);
        self.best =
            state.best.and_then(|best| self.epochs.iter().find(|record| record.epoch == best)).copied();
    }
}
