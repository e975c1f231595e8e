//! What a worker has done since its start, and what its slots do: kept as it happens, read when it is asked for.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Of one worker.
#[derive(Debug)]
pub struct Meters {
    slots: Vec<SlotMeter>,
    attempts: Family<Ended, Counter>,
    epochs: Family<OfSlot, Counter>,
}

/// What a slot does.
#[derive(Debug, Default)]
struct SlotMeter {
    busy: AtomicBool,
    /// Its trainer's process; 0 for none.
    process: AtomicU32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    end: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSlot {
    slot: u32,
}

impl Meters {
    /// Of a worker with so many slots.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self {
            slots: (0..slots).map(|_| SlotMeter::default()).collect(),
            attempts: Family::default(),
            epochs: Family::default(),
        }
    }

    /// Has a registry show what is counted.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("attempts", "Attempts at cohorts by how they ended here", self.attempts.clone());
        registry.register("epochs", "Epochs of runs that trainers told of", self.epochs.clone());
    }

    /// Slots that have a cohort, and the processes of trainers by slot.
    pub fn slots(&self) -> impl Iterator<Item = (bool, Option<u32>)> {
        self.slots.iter().map(|slot| {
            let process = slot.process.load(Ordering::Relaxed);
            (slot.busy.load(Ordering::Relaxed), (process != 0).then_some(process))
        })
    }

    pub(super) fn busy(&self, slot: u32, busy: bool) {
        if let Some(slot) = self.slots.get(slot as usize) {
            slot.busy.store(busy, Ordering::Relaxed);
        }
    }

    pub(super) fn trainer(&self, slot: u32, process: Option<u32>) {
        if let Some(slot) = self.slots.get(slot as usize) {
            slot.process.store(process.unwrap_or(0), Ordering::Relaxed);
        }
    }

    pub(super) fn ended(&self, end: &'static str) {
        self.attempts.get_or_create(&Ended { end }).inc();
    }

    pub(super) fn epoch(&self, slot: u32) {
        self.epochs.get_or_create(&OfSlot { slot }).inc();
    }
}
