//! What machines ask for: whether the coordinator lives, whether it is ready, and its metrics.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Page;
use super::problem::Problem;

/// Time in which a coordinator that is ready answers.
const READY_WITHIN: Duration = Duration::from_secs(2);
/// What `OpenMetrics` text calls itself.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Asked by whoever keeps the process running, by any name and without a word about who asks: they tell nothing else.
pub(super) fn router(page: Arc<Page>) -> Router {
    Router::new().route("/livez", get(live)).route("/readyz", get(ready)).with_state(page)
}

/// The process answers.
async fn live() -> &'static str {
    "alive\n"
}

/// The ledger answers, behind every write that waits.
async fn ready(State(page): State<Arc<Page>>) -> Response {
    match tokio::time::timeout(READY_WITHIN, page.desk.read(|_, _| ())).await {
        Ok(Ok(())) => "ready\n".into_response(),
        // Why is in the log: whoever asks here is nobody, and is told of no path and no server.
        Ok(Err(refusal)) => {
            tracing::warn!(%refusal, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: see the coordinator's log\n").into_response()
        }
        Err(_) => {
            let text = "the coordinator has not answered in 2 s: it waits for its store\n";
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

/// `GET /metrics`.
pub(super) async fn metrics(State(page): State<Arc<Page>>) -> Result<Response, Problem> {
    let text = page.metrics.text().await.map_err(|refusal| Problem::of_refusal(&refusal))?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
