//! How commands share transactions.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the coordinator's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batches {
    /// Transactions.
    pub count: u64,
    /// Commands that they made durable.
    pub commands: u64,
    /// The most of one.
    pub largest: u64,
}

/// Counts transactions and the commands in them.
#[derive(Debug, Default)]
pub(super) struct Counter {
    count: AtomicU64,
    commands: AtomicU64,
    largest: AtomicU64,
}

impl Counter {
    /// A transaction took so many commands.
    pub(super) fn note(&self, commands: usize) {
        let commands = commands as u64;
        self.count.fetch_add(1, Ordering::Relaxed);
        self.commands.fetch_add(commands, Ordering::Relaxed);
        self.largest.fetch_max(commands, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Batches {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Batches { count: read(&self.count), commands: read(&self.commands), largest: read(&self.largest) }
    }
}
