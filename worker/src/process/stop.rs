//! Whether the cohort in hand is to be given up, told by one thread and looked at by another.

use std::sync::atomic::{AtomicU8, Ordering};

/// Nothing was said.
const GO_ON: u8 = 0;
/// To the end of the epoch, with a checkpoint.
const AFTER_EPOCH: u8 = 1;
/// As soon as possible.
const NOW: u8 = 2;

/// Whether to stop, and how soon.
#[derive(Debug, Default)]
pub(super) struct StopSignal(AtomicU8);

impl StopSignal {
    /// Asks to stop: with a checkpoint after the epoch, or at once. The sooner of two wishes holds.
    pub(super) fn raise(&self, keep_checkpoint: bool) {
        self.0.fetch_max(if keep_checkpoint { AFTER_EPOCH } else { NOW }, Ordering::Relaxed);
    }

    /// Takes the wish back: the next cohort begins.
    pub(super) fn clear(&self) {
        self.0.store(GO_ON, Ordering::Relaxed);
    }

    /// Whether to stop at once.
    pub(super) fn now(&self) -> bool {
        self.0.load(Ordering::Relaxed) == NOW
    }

    /// Whether to stop after the epoch, with a checkpoint.
    pub(super) fn after_epoch(&self) -> bool {
        self.0.load(Ordering::Relaxed) == AFTER_EPOCH
    }
}
