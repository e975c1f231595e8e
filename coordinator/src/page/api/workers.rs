//! The workers: what each has, what it trains, when it was last heard of.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::super::{Page, Problem};
use crate::ledger::{LeaseName, Ledger, Now, Worker};

/// Workers that are listed at most.
const WORKERS_MAX: usize = 500;

/// The workers, by name.
#[derive(Debug, Serialize)]
pub(in super::super) struct WorkerList {
    workers: Vec<WorkerView>,
    /// How many there are in all.
    total: usize,
}

#[derive(Debug, Serialize)]
struct WorkerView {
    name: String,
    /// `working`, `idle`, `draining` or `silent`.
    state: &'static str,
    software: String,
    silent_seconds: f64,
    slots: Vec<SlotView>,
    busy: usize,
}

#[derive(Debug, Serialize)]
struct SlotView {
    device: &'static str,
    model: String,
    lease: Option<LeaseView>,
}

#[derive(Debug, Serialize)]
struct LeaseView {
    study: u64,
    study_name: String,
    cohort: u32,
    attempt: u32,
    runs: usize,
}

/// Reads them.
pub(in super::super) async fn read(page: &Page) -> Result<WorkerList, Problem> {
    page.read(|ledger, now| {
        let workers = ledger.workers().values().take(WORKERS_MAX);
        WorkerList {
            workers: workers.map(|worker| view(ledger, worker, now)).collect(),
            total: ledger.workers().len(),
        }
    })
    .await
}

fn view(ledger: &Ledger, worker: &Worker, now: Now) -> WorkerView {
    let silent_ms = now.monotonic_ms.saturating_sub(worker.last_seen.monotonic_ms);
    let busy = worker.leases.iter().flatten().count();
    let slots = worker.info.slots.iter().zip(&worker.leases).map(|(slot, lease)| SlotView {
        device: slot.device.word(),
        model: slot.model.clone(),
        lease: lease.and_then(|lease| lease_view(ledger, lease)),
    });
    #[expect(clippy::cast_precision_loss, reason = "a time for people")]
    let silent_seconds = silent_ms as f64 / 1000.0;
    WorkerView {
        name: worker.info.id.clone(),
        state: match () {
            () if silent_ms > ledger.lease_ms() => "silent",
            () if worker.draining => "draining",
            () if busy > 0 => "working",
            () => "idle",
        },
        software: worker.info.software.clone(),
        silent_seconds,
        slots: slots.collect(),
        busy,
    }
}

fn lease_view(ledger: &Ledger, lease: LeaseName) -> Option<LeaseView> {
    let study = ledger.studies().get(&lease.study)?;
    Some(LeaseView {
        study: lease.study,
        study_name: study.record.spec.name.clone(),
        cohort: lease.cohort,
        attempt: lease.attempt,
        runs: study.cohorts.get(lease.cohort as usize)?.runs.len(),
    })
}

/// `GET /api/workers`.
pub(in super::super) async fn list(State(page): State<Arc<Page>>) -> Result<Json<WorkerList>, Problem> {
    read(&page).await.map(Json)
}
