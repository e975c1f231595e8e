//! Workers.

use foldwise_proto::v1::Worker;
use serde::Serialize;

use crate::quantity;
use crate::table::{self, Column};

/// A worker in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct WorkerView {
    id: String,
    alive: bool,
    /// Whether it hands back what it has and ends.
    draining: bool,
    software: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
    slots: Vec<SlotView>,
}

#[derive(Debug, Serialize)]
struct SlotView {
    index: u32,
    device: String,
    model: String,
    /// Absent when idle.
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<String>,
}

impl WorkerView {
    /// Of a worker.
    pub(crate) fn new(worker: &Worker) -> Self {
        let slots = worker.slots.iter().map(|slot| SlotView {
            index: slot.index,
            device: slot.device.clone(),
            model: slot.model.clone(),
            lease: (!slot.lease.is_empty()).then(|| slot.lease.clone()),
        });
        Self {
            id: worker.id.clone(),
            alive: worker.alive,
            draining: worker.draining,
            software: worker.software.clone(),
            last_seen: worker.last_seen.map(|time| time.to_string()),
            slots: slots.collect(),
        }
    }
}

/// Workers for people, a line per slot. `now` in seconds since 1970.
pub(crate) fn worker_table(workers: &[Worker], now: i64) -> String {
    let columns = [
        Column::Text("worker"),
        Column::Text("state"),
        Column::Text("last seen"),
        Column::Number("slot"),
        Column::Text("device"),
        Column::Text("trains"),
    ];
    let rows = workers.iter().flat_map(|worker| {
        worker.slots.iter().enumerate().map(move |(position, slot)| {
            let first = |text: String| if position == 0 { text } else { String::new() };
            let state = match (worker.alive, worker.draining) {
                (false, _) => "lost",
                (true, true) => "draining",
                (true, false) => "alive",
            };
            let seen = worker.last_seen.map(|time| quantity::age(now - time.seconds));
            let model = if slot.model.is_empty() { String::new() } else { format!(" ({})", slot.model) };
            let idle = if worker.alive { "idle" } else { "" };
            vec![
                first(worker.id.clone()),
                first(state.to_owned()),
                first(seen.unwrap_or_default()),
                slot.index.to_string(),
                format!("{}{model}", slot.device),
                if slot.lease.is_empty() { idle.to_owned() } else { slot.lease.clone() },
            ]
        })
    });
    table::table(&columns, rows)
}
