//! What grows while a coordinator works: commands, transactions, attempts, epochs.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::ledger::{Change, LeaseName, Ledger, Study};

/// From 50 µs to 26 s, doubling.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(50e-6, 2.0, 20))
}

/// From 1 to 4,096, doubling.
fn counts() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 13))
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCommand {
    command: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Timed {
    command: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    end: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDevice {
    device: &'static str,
}

/// Counted since the coordinator's start.
#[derive(Debug)]
pub(crate) struct Counters {
    commands: Family<OfCommand, Counter>,
    command_seconds: Family<Timed, Histogram, fn() -> Histogram>,
    commit_seconds: Histogram,
    commit_commands: Histogram,
    cohort_runs: Histogram,
    attempts: Family<Ended, Counter>,
    epochs: Family<OfDevice, Counter>,
    rows: Family<OfDevice, Counter>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            commands: Family::default(),
            command_seconds: Family::new_with_constructor(seconds),
            commit_seconds: seconds(),
            commit_commands: counts(),
            cohort_runs: counts(),
            attempts: Family::default(),
            epochs: Family::default(),
            rows: Family::default(),
        }
    }
}

impl Counters {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("commands", "Commands by kind and by what came of them", self.commands.clone());
        let help = "From a command's arrival until its effect is durable and answered";
        registry.register_with_unit("command", help, Unit::Seconds, self.command_seconds.clone());
        let help = "Transactions of the store";
        registry.register_with_unit("commit", help, Unit::Seconds, self.commit_seconds.clone());
        registry.register(
            "commit_commands",
            "Commands that share a transaction",
            self.commit_commands.clone(),
        );
        registry.register("cohort_runs", "Runs of the cohorts that were leased", self.cohort_runs.clone());
        registry.register("attempts", "Attempts at cohorts by how they ended", self.attempts.clone());
        registry.register("epochs", "Epochs of runs that workers reported", self.epochs.clone());
        registry.register("rows", "Training rows of the epochs that workers reported", self.rows.clone());
    }

    /// A command was answered after so many seconds.
    pub(crate) fn command(&self, command: &'static str, outcome: &'static str, seconds: f64) {
        self.commands.get_or_create(&OfCommand { command, outcome }).inc();
        self.command_seconds.get_or_create(&Timed { command }).observe(seconds);
    }

    /// So many commands became durable in one transaction, which took so many seconds.
    pub(crate) fn commit(&self, commands: usize, seconds: f64) {
        self.commit_seconds.observe(seconds);
        self.commit_commands.observe(commands as f64);
    }

    /// A change became durable.
    pub(crate) fn change(&self, change: &Change, ledger: &Ledger) {
        let ended = |end| {
            self.attempts.get_or_create(&Ended { end }).inc();
        };
        match change {
            Change::CohortLeased { study, cohort, .. } => {
                let study = ledger.studies().get(study);
                let cohort = study.and_then(|study| study.cohorts.get(*cohort as usize));
                self.cohort_runs.observe(cohort.map_or(0, |cohort| cohort.runs.len()) as f64);
            }
            Change::CohortDone { .. } => ended("done"),
            Change::CohortReturned { failure, .. } | Change::CohortFailed { failure, .. } => {
                ended(failure.kind.word());
            }
            _ => {}
        }
    }

    /// A worker reported epochs of these runs' folds.
    pub(crate) fn epochs(&self, ledger: &Ledger, lease: LeaseName, folds: &[u32]) {
        let Some(study) = ledger.studies().get(&lease.study) else { return };
        let of = OfDevice { device: study.device.map_or("none", |device| device.word()) };
        self.epochs.get_or_create(&of).inc_by(folds.len() as u64);
        let rows = folds.iter().map(|&fold| rows_of(study, fold) as u64).sum();
        self.rows.get_or_create(&of).inc_by(rows);
    }
}

/// Rows that an epoch on a fold trains on; a last training's are about all.
fn rows_of(study: &Study, fold: u32) -> usize {
    let record = &study.record;
    record.sizes.get(fold as usize).map_or(record.rows.train_rows, |(train, _)| *train)
}
