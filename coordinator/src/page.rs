//! The live page: what people see of their studies in a browser, on the port that workers and the command line use.
//!
//! It asks the desk, the events and the store as the gRPC services do, and is asked through [`guard`] alone. Its files
//! lie in `coordinator/page/`; `docs/page.md` describes it for its users.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::access::{Access, gate};
use crate::artifacts::Artifacts;
use crate::committer::Desk;
use crate::events::Events;
use crate::ledger::{Ledger, Now, Study, StudyId};
use crate::metrics::Metrics;
use crate::store::Results;

mod access;
mod actions;
mod api;
mod asked;
mod assets;
mod gathered;
mod grpc;
mod guard;
mod live;
mod probes;
mod problem;
mod reports;
mod session;
mod stream;

use guard::Hosts;
use live::Live;
use problem::Problem;
use reports::Reports;
use session::Sessions;

/// Pages that may be open at a time; each holds a connection and a little memory.
const LISTENERS_MAX: usize = 64;

/// What the page is made from.
#[derive(Debug)]
pub(crate) struct Page {
    desk: Desk,
    events: Events,
    results: Results,
    live: Live,
    metrics: Arc<Metrics>,
    reports: Reports,
    listeners: Arc<Semaphore>,
    hosts: Hosts,
    access: Access,
    sessions: Sessions,
    stop: CancellationToken,
}

impl Page {
    /// Names in `hosts` are ones that browsers may ask for beside addresses and `localhost`; `stop` ends event streams.
    pub(crate) fn new(
        (desk, events): (Desk, Events),
        (results, artifacts): (Results, Artifacts),
        hosts: &[String],
        access: Access,
        stop: CancellationToken,
    ) -> Self {
        let live = Live::follow(&events, stop.clone());
        Self {
            reports: Reports::new(desk.clone(), results.clone(), artifacts),
            listeners: Arc::new(Semaphore::new(LISTENERS_MAX)),
            hosts: Hosts::new(hosts),
            metrics: Metrics::new(desk.clone()),
            access,
            sessions: Sessions::default(),
            desk,
            events,
            results,
            live,
            stop,
        }
    }

    /// Reads from the ledger.
    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Ledger, Now) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        self.desk.read(question).await.map_err(|refusal| Problem::of_refusal(&refusal))
    }

    /// Reads from a study.
    async fn of_study<T: Send + 'static>(
        &self,
        id: StudyId,
        question: impl FnOnce(&Study, Now) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let read = self.read(move |ledger, now| ledger.studies().get(&id).map(|study| question(study, now)));
        read.await?.ok_or_else(|| Problem::no_study(id))
    }
}

/// The page beside the gRPC services: one router for one port. What neither has is answered in the asker's language.
pub(crate) fn beside(services: Router, access: Access, page: Arc<Page>) -> Router {
    services
        .layer(from_fn_with_state(access, gate))
        .merge(router(Arc::clone(&page)))
        .merge(probes::router(page))
        .fallback(missing)
}

fn router(page: Arc<Page>) -> Router {
    Router::new()
        .route("/", get(assets::studies))
        .route("/workers", get(assets::workers))
        .route("/studies/{study}", get(assets::study))
        .route("/studies/{study}/report/{form}", get(reports::download))
        .route("/studies/{study}/figures/{name}", get(reports::figure))
        .route("/page/{*path}", get(assets::asset))
        .route("/api/studies", get(api::studies::list))
        .route("/api/studies/{study}", get(api::study::show))
        .route("/api/studies/{study}/trials", get(api::trials::list))
        .route("/api/studies/{study}/trials/{trial}", get(api::trial::show))
        .route("/api/studies/{study}/curves", get(api::curves::show))
        .route("/api/studies/{study}/failures", get(api::failures::list))
        .route("/api/studies/{study}/report", get(reports::show))
        .route("/api/studies/{study}/{action}", post(actions::act))
        .route("/api/workers", get(api::workers::list))
        .route("/api/events", get(stream::open))
        .route("/metrics", get(probes::metrics))
        .route(session::PATH, get(session::show).post(session::sign_in).delete(session::sign_out))
        .layer(from_fn_with_state(Arc::clone(&page), guard::guard))
        .with_state(page)
}

/// An address that nothing is at: gRPC callers learn so in gRPC.
async fn missing(request: Request) -> Response {
    let kind = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
    if kind.is_some_and(|kind| kind.starts_with(b"application/grpc")) {
        return grpc::unimplemented();
    }
    guard::protect(assets::missing())
}
