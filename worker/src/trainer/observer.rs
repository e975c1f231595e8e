//! Whom a cohort in training tells of itself and asks what to do.

use super::{Checkpoint, CheckpointError, EpochOfMember, TrainError};

/// What a caller is told while a cohort trains, and what it wants.
pub trait Observer {
    /// A member's epoch ended. Epochs that a checkpoint brings along are not told again.
    fn epoch(&mut self, epoch: EpochOfMember);

    /// Asked every few steps; `true` ends the cohort with [`TrainError::Stopped`].
    fn should_stop(&self) -> bool;

    /// Asked after each epoch (from 1) but the last, when its members have been told: what next.
    fn after_epoch(&mut self, epoch: u32) -> AfterEpoch;

    /// A checkpoint that [`Self::after_epoch`] asked for.
    ///
    /// # Errors
    /// Any error ends the cohort and is what [`train`](super::train) gives back.
    fn keep(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError>;

    /// A checkpoint that was asked for could not be taken; the cohort does what it would have done with it.
    fn not_taken(&mut self, _why: &CheckpointError) {}
}

/// What a caller wants after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterEpoch {
    /// Go on.
    Continue,
    /// Hand a checkpoint to [`Observer::keep`] and go on.
    Checkpoint,
    /// Hand a checkpoint to [`Observer::keep`] and end with [`TrainError::Stopped`].
    CheckpointAndStop,
}

/// Lets a cohort train to its end: wants to know nothing and to keep nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Undisturbed;

impl Observer for Undisturbed {
    fn epoch(&mut self, _: EpochOfMember) {}

    fn should_stop(&self) -> bool {
        false
    }

    fn after_epoch(&mut self, _: u32) -> AfterEpoch {
        AfterEpoch::Continue
    }

    fn keep(&mut self, _: Checkpoint) -> Result<(), TrainError> {
        Ok(())
    }
}
