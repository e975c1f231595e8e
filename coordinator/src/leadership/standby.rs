//! What a coordinator that stands by answers: that it does, and where the leader is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use foldwise_proto::STANDS_BY;
use foldwise_proto::v1::study_service_server::StudyServiceServer;
use foldwise_proto::v1::worker_service_server::WorkerServiceServer;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Code, Status};
use tonic_health::ServingStatus;
use tonic_types::{ErrorDetails, StatusExt};

use super::{Leader, StartError, listen};
use crate::port::{Connection, Listener};
use crate::server::answering;
use crate::service::{Studies, Workers};

/// Time that calls under way are given when it ends; none of them takes long.
const STOP_PATIENCE: Duration = Duration::from_millis(500);

/// A server that answers until its coordinator leads.
#[derive(Debug)]
pub(super) struct Standby {
    leader: Known,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

type Known = Arc<Mutex<Option<Leader>>>;

impl Standby {
    /// Starts to answer.
    pub(super) fn start(listener: &Listener) -> Result<Self, StartError> {
        let incoming = listener.again().map_err(|source| listen(listener, source))?.incoming();
        let (leader, stop) = (Known::default(), CancellationToken::new());
        let task = tokio::spawn(answer(incoming, Arc::clone(&leader), stop.clone()));
        Ok(Self { leader, stop, task })
    }

    /// Notes who leads; whether that is news.
    pub(super) fn follow(&self, leader: &Leader) -> bool {
        let mut known = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
        let news = known.as_ref() != Some(leader);
        *known = Some(leader.clone());
        news
    }

    /// Ends, so that somebody else answers on the port.
    pub(super) async fn end(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(STOP_PATIENCE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

async fn answer(
    incoming: impl tokio_stream::Stream<Item = std::io::Result<Connection>> + Send + 'static,
    leader: Known,
    stop: CancellationToken,
) {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("", ServingStatus::NotServing).await;
    reporter.set_not_serving::<StudyServiceServer<Studies>>().await;
    reporter.set_not_serving::<WorkerServiceServer<Workers>>().await;
    // Whoever keeps the process running must not start it again for standing by.
    let elsewhere =
        Router::new().route("/livez", get(|| async { "alive\n" })).fallback(refuse).with_state(leader);
    let everything = Routes::new(health).into_axum_router().fallback_service(elsewhere);
    let server = answering()
        .add_routes(Routes::from(everything).prepare())
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned());
    if let Err(error) = server.await {
        tracing::error!(%error, "the standby's server failed");
    }
}

/// To every call but a question for its health.
async fn refuse(State(leader): State<Known>, request: Request) -> Response {
    let leader = leader.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let who = leader.map_or_else(|| "nobody leads yet".to_owned(), |leader| leader.to_string());
    let message = format!("this coordinator stands by; {who}");
    let kind = request.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
        let details = ErrorDetails::with_error_info(STANDS_BY, "foldwise", HashMap::new());
        let status = Status::with_error_details(Code::Unavailable, message, details);
        return status.into_http::<tonic::body::Body>().map(axum::body::Body::new);
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("{message}\n")).into_response()
}
