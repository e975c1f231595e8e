//! Everything that a cohort's training needs to go on after a whole epoch, on the host.
//!
//! Streams of random numbers are named by what they are for and by epoch or step, so nothing of them is held.

mod error;
mod file;
#[cfg(test)]
mod tests;

use foldwise_study::outcome::EpochRecord;
use foldwise_study::train::RateState;
use serde::{Deserialize, Serialize};

pub use error::CheckpointError;

use super::TrainError;
use super::measure::Recorded;
use super::module::ModuleState;

/// To be raised when what is held, or how training goes on from it, changes.
const FORMAT: u32 = 2;

/// Everything that going on needs, after a whole epoch.
///
/// It holds weights, the optimizer's state, batch norm's statistics or what else a module holds, each member's epochs and
/// schedule, and, where they are kept, the weights of the best epochs. Only the cohort that it was taken of goes on from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    pub(super) numbers: Numbers,
    /// `[N]`.
    pub(super) values: Vec<f32>,
    /// What the optimizer keeps between steps, none to three of `[N]`.
    pub(super) optimizer: Vec<Vec<f32>>,
    /// Batch norm's statistics, `[E·C]` each.
    pub(super) running: Vec<Vec<f32>>,
    /// Weights `[N]` and statistics of each member's best epoch, where they are kept.
    pub(super) selected: Option<(Vec<f32>, Vec<Vec<f32>>)>,
    /// What a module holds, which has its weights once more.
    pub(super) module: Option<ModuleState>,
    /// What it held in its best epoch, where that is kept.
    pub(super) selected_module: Option<ModuleState>,
    /// What was measured so far.
    pub(super) recorded: Recorded,
}

/// What a checkpoint holds beside tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Numbers {
    /// Of the cohort.
    pub(super) fingerprint: String,
    /// Epochs that are done.
    pub(super) epoch: u32,
    /// Steps that were taken.
    pub(super) steps: u64,
    /// Steps that the optimizer counts.
    pub(super) optimizer_steps: i32,
    /// Wall time so far, s.
    pub(super) seconds: f64,
    /// In the slots' order.
    pub(super) slots: Vec<SlotState>,
}

/// How far the member of one slot has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotState {
    /// Position in the cohort, from 0.
    pub(super) member: usize,
    /// The epoch, from 1, in which it diverged.
    pub(super) diverged: Option<u32>,
    /// The epoch, from 1, after which it was stopped early.
    pub(super) stopped: Option<u32>,
    /// The best epoch, from 1.
    pub(super) best: Option<u32>,
    pub(super) rate: RateState,
    /// Held as a tensor; the diverged epoch is not among them.
    #[serde(skip)]
    pub(super) epochs: Vec<EpochRecord>,
}

impl Checkpoint {
    /// Epochs that are done, at least one.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.numbers.epoch
    }

    /// The checkpoint as a safetensors file: numbers that are not tensors are JSON in its metadata, with a BLAKE3
    /// digest of the whole file.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] when the format cannot hold it.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TrainError> {
        Ok(file::write(self)?)
    }

    /// Reads what [`Self::to_bytes`] wrote. Memory is bounded by a small multiple of the bytes given, whatever they
    /// announce.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] for bytes that are damaged, incomplete, of another format or contradict
    /// themselves. Whether they are of the right cohort shows when it is trained.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TrainError> {
        let checkpoint = file::read(bytes)?;
        checkpoint.check()?;
        Ok(checkpoint)
    }

    /// Whether the parts agree with each other.
    fn check(&self) -> Result<(), CheckpointError> {
        let Numbers { epoch, seconds, slots, .. } = &self.numbers;
        let refused = |reason: &str| Err(CheckpointError::Contents(reason.to_owned()));
        if *epoch == 0 || slots.is_empty() {
            return refused("it has no epoch or no member");
        }
        if !seconds.is_finite() || *seconds < 0.0 {
            return refused("its wall time is not a time");
        }
        for slot in slots {
            if [slot.diverged, slot.stopped].iter().flatten().any(|ended| !(1..=*epoch).contains(ended)) {
                return refused("a member ended in an epoch that is not done");
            }
            if slot.best.is_some_and(|best| best == 0 || best > slot.recorded(*epoch)) {
                return refused("a member's best epoch is none of its epochs");
            }
        }
        Ok(())
    }
}

impl SlotState {
    /// Epochs with a record when `epoch` epochs are done: all but the diverged one and those after the end.
    fn recorded(&self, epoch: u32) -> u32 {
        let last = self.stopped.unwrap_or(epoch);
        self.diverged.map_or(last, |diverged| diverged.saturating_sub(1).min(last))
    }
}
