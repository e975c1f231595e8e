//! A cluster in one thread: the real coordinator and the real agents under simulated network, time and crashes.
//!
//! A seed makes a [`scenario::Scenario`]: a study, workers, and what befalls them when. [`cluster::run`] plays it, with
//! trainers whose results are known (`trainer.rs`), while a witness checks the ledger's invariants. At its end the
//! report must equal that of the same study in an undisturbed cluster. The same seed plays out the same, to the message.

pub mod cluster;
pub mod history;
mod network;
mod operator;
pub mod report;
pub mod scenario;
mod trainer;
mod witness;

use std::collections::BTreeMap;

use report::Report;
use scenario::{Scenario, StudyKind, TrainerFaults};

/// Plays seeds and compares their reports with those of undisturbed clusters.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Undisturbed reports by study.
    calm: BTreeMap<StudyKind, Report>,
}

/// What a seed came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Coordinators that were killed.
    pub coordinator_crashes: u64,
    /// Agents that were killed, with their trainers.
    pub worker_crashes: u64,
    /// Links that were cut or held.
    pub network_faults: u64,
    /// Trainers that crashed, hung or ran out of memory.
    pub trainer_faults: u64,
    /// Pauses, drains and extensions.
    pub operations: u64,
    /// Checks of the ledger's invariants.
    pub checks: u64,
    /// Simulated time, ms.
    pub simulated_ms: u64,
}

impl Comparison {
    /// Plays one seed.
    ///
    /// # Errors
    /// Says what should not have been.
    pub fn play(&mut self, seed: u64) -> Result<Tally, String> {
        self.compare(&Scenario::of_seed(seed))
    }

    /// Plays a seed's study with nothing amiss but measurements that no coordinator takes, of some attempts.
    ///
    /// # Errors
    /// Says what should not have been.
    pub fn play_spoilt(&mut self, seed: u64) -> Result<Tally, String> {
        let trainers = TrainerFaults { spoils: true, ..TrainerFaults::default() };
        self.compare(&Scenario { trainers, ..Scenario::of_seed(seed).calm() })
    }

    fn compare(&mut self, scenario: &Scenario) -> Result<Tally, String> {
        let expected = match self.calm.get(&scenario.study) {
            Some(report) => report.clone(),
            None => {
                let (report, _) = cluster::run(&scenario.calm())
                    .map_err(|error| format!("the undisturbed cluster failed: {error}"))?;
                self.calm.insert(scenario.study, report.clone());
                report
            }
        };
        let (report, tally) = cluster::run(scenario)?;
        match report.difference(&expected) {
            None => Ok(tally),
            Some(difference) => Err(format!("the report differs from the undisturbed one: {difference}")),
        }
    }
}

impl Tally {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.coordinator_crashes += other.coordinator_crashes;
        self.worker_crashes += other.worker_crashes;
        self.network_faults += other.network_faults;
        self.trainer_faults += other.trainer_faults;
        self.operations += other.operations;
        self.checks += other.checks;
        self.simulated_ms += other.simulated_ms;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hours = self.simulated_ms as f64 / 3_600_000.0;
        write!(
            f,
            "{} coordinator crashes, {} worker crashes, {} cuts, {} trainer faults, {} operations, {} checks of the \
             invariants, {hours:.1} simulated hours",
            self.coordinator_crashes,
            self.worker_crashes,
            self.network_faults,
            self.trainer_faults,
            self.operations,
            self.checks,
        )
    }
}
