//! What a worker tells a monitoring system, on an address of its own: slots, trainers and the devices that they train on.
//!
//! It says numbers alone, nothing of any study, and takes nothing: whoever reaches the address may read it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::agent::Meters;

mod devices;
mod gauges;

use gauges::Gauges;

/// What is before each name.
const PREFIX: &str = "foldwise_worker";
/// What `OpenMetrics` text calls itself.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why nothing is told.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for metrics: {source}; choose another address with --metrics")]
pub struct MetricsError {
    address: SocketAddr,
    source: io::Error,
}

/// Answers on an address until the process ends; the address that it is.
///
/// # Errors
/// When the address cannot be had.
pub async fn serve(address: SocketAddr, meters: Arc<Meters>) -> Result<SocketAddr, MetricsError> {
    let failed = |source| MetricsError { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let mut registry = Registry::with_prefix(PREFIX);
    meters.register(&mut registry);
    let gauges = Gauges::register(&mut registry);
    let shown = Arc::new(Shown { meters, registry, gauges: Mutex::new(gauges) });
    let router = Router::new().route("/metrics", get(show)).with_state(shown);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "metrics are no longer answered");
        }
    });
    Ok(bound)
}

struct Shown {
    meters: Arc<Meters>,
    registry: Registry,
    /// One scrape at a time.
    gauges: Mutex<Gauges>,
}

async fn show(State(shown): State<Arc<Shown>>) -> impl IntoResponse {
    // Processes and drivers are asked, which takes milliseconds.
    let text = tokio::task::spawn_blocking(move || {
        let mut gauges = shown.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.read(&shown.meters);
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = encode(&mut text, &shown.registry);
        text
    });
    ([(CONTENT_TYPE, OPEN_METRICS)], text.await.unwrap_or_default())
}
