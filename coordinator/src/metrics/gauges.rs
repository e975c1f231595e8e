//! How things stand when a monitoring system asks.

use std::collections::BTreeMap;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::ledger::{Ledger, Now, Study, StudyPhase, Worker};

type Word = &'static str;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: Word,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OnDevice {
    device: Word,
    state: Word,
}

/// How things stand, by state; every state is there, so that none is missing from a chart when it is 0.
#[derive(Debug)]
pub(super) struct Levels {
    studies: BTreeMap<Word, i64>,
    runs: BTreeMap<Word, i64>,
    cohorts: BTreeMap<(Word, Word), i64>,
    workers: BTreeMap<Word, i64>,
    slots: BTreeMap<(Word, Word), i64>,
}

const STUDIES: [Word; 6] = ["searching", "finishing", "paused", "succeeded", "failed", "cancelled"];
const RUNS: [Word; 5] = ["waiting", "held", "training", "finished", "failed"];
const WORKERS: [Word; 4] = ["working", "idle", "draining", "silent"];

impl Levels {
    /// Takes time in proportion to the numbers of studies and workers, not of runs.
    pub(super) fn read(ledger: &Ledger, now: Now) -> Self {
        let none = |words: &[Word]| words.iter().map(|&word| (word, 0)).collect();
        let on = |devices: &[Word], states: [Word; 2]| {
            devices.iter().flat_map(|&device| states.map(|state| ((device, state), 0))).collect()
        };
        let mut levels = Self {
            studies: none(&STUDIES),
            runs: none(&RUNS),
            cohorts: on(&["any", "cpu", "cuda"], ["waiting", "training"]),
            workers: none(&WORKERS),
            slots: on(&["cpu", "cuda"], ["busy", "idle"]),
        };
        ledger.studies().values().for_each(|study| levels.study(study));
        ledger.workers().values().for_each(|worker| levels.worker(worker, now, ledger.lease_ms()));
        levels
    }

    fn study(&mut self, study: &Study) {
        let state = match &study.phase {
            StudyPhase::Ended { end, .. } => end.word(),
            StudyPhase::Searching | StudyPhase::Finishing { .. } if study.paused => "paused",
            StudyPhase::Searching => "searching",
            StudyPhase::Finishing { .. } => "finishing",
        };
        *self.studies.entry(state).or_default() += 1;
        let counts = study.counts();
        let mut runs = |state, count| *self.runs.entry(state).or_default() += whole(count);
        runs("training", counts.leased);
        runs("finished", counts.finished);
        runs("failed", counts.failed);
        if study.is_over() {
            return;
        }
        runs(if study.paused { "held" } else { "waiting" }, counts.queued);
        let device = study.device_wanted().map_or("any", |device| device.word());
        let mut cohorts = |state, count| *self.cohorts.entry((device, state)).or_default() += whole(count);
        cohorts("training", study.leased().count());
        if !study.paused {
            // How many a study has is known when the first slot asks; until then one waits at least.
            cohorts("waiting", if study.device.is_none() { 1 } else { study.waiting_cohorts() });
        }
    }

    fn worker(&mut self, worker: &Worker, now: Now, lease_ms: u64) {
        let silent = now.monotonic_ms.saturating_sub(worker.last_seen.monotonic_ms) > lease_ms;
        let busy = worker.leases.iter().any(Option::is_some);
        let state = match () {
            () if silent => "silent",
            () if worker.draining => "draining",
            () if busy => "working",
            () => "idle",
        };
        *self.workers.entry(state).or_default() += 1;
        if silent {
            return;
        }
        for (slot, lease) in worker.info.slots.iter().zip(&worker.leases) {
            let state = if lease.is_some() { "busy" } else { "idle" };
            *self.slots.entry((slot.device.word(), state)).or_default() += 1;
        }
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Set when they are asked for.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    studies: Family<InState, Gauge>,
    runs: Family<InState, Gauge>,
    cohorts: Family<OnDevice, Gauge>,
    workers: Family<InState, Gauge>,
    slots: Family<OnDevice, Gauge>,
    commands_waiting: Gauge,
}

impl Gauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let gauges = Self::default();
        registry.register("studies", "Studies by where they stand", gauges.studies.clone());
        let help = "Runs of all studies by where they stand; held ones are of paused studies";
        registry.register("runs", help, gauges.runs.clone());
        let help = "Cohorts that slots could have now, or have, by the device that they are for";
        registry.register("cohorts", help, gauges.cohorts.clone());
        registry.register("workers", "Workers by what they do", gauges.workers.clone());
        registry.register("slots", "Slots of workers that are heard of", gauges.slots.clone());
        let help = "Commands that wait for the next transaction";
        registry.register("commands_waiting", help, gauges.commands_waiting.clone());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What this coordinator runs", build);
        gauges
    }

    pub(super) fn set(&self, levels: &Levels, waiting: usize) {
        let by_state = |family: &Family<InState, Gauge>, levels: &BTreeMap<Word, i64>| {
            for (&state, &level) in levels {
                family.get_or_create(&InState { state }).set(level);
            }
        };
        by_state(&self.studies, &levels.studies);
        by_state(&self.runs, &levels.runs);
        by_state(&self.workers, &levels.workers);
        let on_device = |family: &Family<OnDevice, Gauge>, levels: &BTreeMap<(Word, Word), i64>| {
            for (&(device, state), &level) in levels {
                family.get_or_create(&OnDevice { device, state }).set(level);
            }
        };
        on_device(&self.cohorts, &levels.cohorts);
        on_device(&self.slots, &levels.slots);
        self.commands_waiting.set(whole(waiting));
    }
}
