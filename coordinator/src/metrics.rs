//! What a coordinator tells a monitoring system: counters that grow while it works, and gauges read from the ledger when it
//! is asked. `docs/metrics.md` says what each means.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::committer::{Desk, Refusal};

mod counters;
mod gauges;

pub(crate) use counters::Counters;
use gauges::{Gauges, Levels};

/// What is before each name.
const PREFIX: &str = "foldwise";

/// The registry of one coordinator.
#[derive(Debug)]
pub(crate) struct Metrics {
    desk: Desk,
    /// One scrape at a time: gauges are set for it.
    shown: Mutex<(Registry, Gauges)>,
}

impl Metrics {
    /// Of a coordinator whose commands are handed in at this desk.
    pub(crate) fn new(desk: Desk) -> Arc<Self> {
        let mut registry = Registry::with_prefix(PREFIX);
        desk.counters().register(&mut registry);
        let gauges = Gauges::register(&mut registry);
        Arc::new(Self { desk, shown: Mutex::new((registry, gauges)) })
    }

    /// All of them as `OpenMetrics` text.
    ///
    /// # Errors
    /// When the coordinator stops.
    pub(crate) async fn text(&self) -> Result<String, Refusal> {
        let waiting = self.desk.waiting();
        let levels = self.desk.read(Levels::read).await?;
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let (registry, gauges) = &*shown;
        gauges.set(&levels, waiting);
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = encode(&mut text, registry);
        Ok(text)
    }
}
