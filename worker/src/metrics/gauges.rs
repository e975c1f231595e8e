//! How slots, trainers and devices stand when they are asked for.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::devices::{self, Driver};
use crate::agent::Meters;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSlot {
    slot: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDevice {
    device: u32,
}

type Share = Gauge<f64, std::sync::atomic::AtomicU64>;

/// Set when they are asked for.
pub(super) struct Gauges {
    slots: Family<InState, Gauge>,
    trainer_memory: Family<OfSlot, Gauge>,
    trainer_cpu: Family<OfSlot, Share>,
    machine_memory: Gauge,
    machine_memory_used: Gauge,
    device_memory: Family<OfDevice, Gauge>,
    device_memory_used: Family<OfDevice, Gauge>,
    device_use: Family<OfDevice, Share>,
    /// Absent where the system does not tell.
    system: Option<System>,
    driver: Option<Driver>,
}

impl Gauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let gauges = Self {
            slots: Family::default(),
            trainer_memory: Family::default(),
            trainer_cpu: Family::default(),
            machine_memory: Gauge::default(),
            machine_memory_used: Gauge::default(),
            device_memory: Family::default(),
            device_memory_used: Family::default(),
            device_use: Family::default(),
            system: System::new().ok(),
            driver: devices::open(),
        };
        let bytes = || Unit::Bytes;
        registry.register("slots", "Slots by whether they train a cohort", gauges.slots.clone());
        let help = "Resident memory of a slot's trainer";
        registry.register_with_unit("trainer_memory", help, bytes(), gauges.trainer_memory.clone());
        let help =
            "Processors that a slot's trainer kept busy since it was last asked for; 1 is one processor";
        registry.register("trainer_processors", help, gauges.trainer_cpu.clone());
        let help = "Memory of this machine";
        registry.register_with_unit("machine_memory", help, bytes(), gauges.machine_memory.clone());
        let help = "Memory of this machine that is in use";
        registry.register_with_unit("machine_memory_used", help, bytes(), gauges.machine_memory_used.clone());
        let help = "Memory of a GPU";
        registry.register_with_unit("device_memory", help, bytes(), gauges.device_memory.clone());
        let help = "Memory of a GPU that is in use, whoever uses it";
        registry.register_with_unit("device_memory_used", help, bytes(), gauges.device_memory_used.clone());
        let help = "Share of the time in which a GPU computed, as its driver tells it";
        registry.register_with_unit("device_use", help, Unit::Ratios, gauges.device_use.clone());
        gauges
    }

    pub(super) fn read(&mut self, meters: &Meters) {
        let slots: Vec<(bool, Option<u32>)> = meters.slots().collect();
        let busy = slots.iter().filter(|(busy, _)| *busy).count();
        for (state, count) in [("busy", busy), ("idle", slots.len() - busy)] {
            self.slots.get_or_create(&InState { state }).set(whole(count as u64));
        }
        self.read_trainers(&slots);
        if let Some(system) = &mut self.system {
            system.refresh_memory();
            self.machine_memory.set(whole(system.total_memory()));
            self.machine_memory_used.set(whole(system.used_memory()));
        }
        for device in self.driver.iter().flat_map(Driver::devices) {
            let of = OfDevice { device: device.ordinal };
            self.device_memory.get_or_create(&of).set(whole(device.memory_bytes));
            self.device_memory_used.get_or_create(&of).set(whole(device.used_bytes));
            self.device_use.get_or_create(&of).set(device.use_ratio);
        }
    }

    fn read_trainers(&mut self, slots: &[(bool, Option<u32>)]) {
        let processes: Vec<Pid> =
            slots.iter().filter_map(|(_, process)| process.map(Pid::from_u32)).collect();
        let asked = ProcessRefreshKind::nothing().with_memory().with_cpu();
        let Some(system) = &mut self.system else { return };
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&processes), true, asked);
        for (&(_, process), slot) in slots.iter().zip(0..) {
            let known = process.and_then(|process| system.process(Pid::from_u32(process)));
            let (memory, processors) =
                known.map_or((0, 0.0), |process| (process.memory(), f64::from(process.cpu_usage()) / 100.0));
            self.trainer_memory.get_or_create(&OfSlot { slot }).set(whole(memory));
            self.trainer_cpu.get_or_create(&OfSlot { slot }).set(processors);
        }
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
