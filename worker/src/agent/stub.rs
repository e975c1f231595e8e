//! What the agent's own tests put around it: a coordinator and a trainer that do what they are told, without sockets or processes.

use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use foldwise_data::Cache;
use foldwise_line::{Credentials, Line};
use foldwise_proto::v1::worker_service_server::{WorkerService, WorkerServiceServer};
use foldwise_proto::v1::{self as proto};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint, Server, Uri};
use tonic::{Request, Response, Status, Streaming};

use super::connection::Connection;
use super::launch::{Ending, Launched, Life};
use super::meters::Meters;
use super::{AgentConfig, SlotDevice};

/// Bytes that wait in a connection.
const WAITING: usize = 1 << 16;

/// A coordinator that takes everything and orders nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Coordinator {
    /// Time that an upload takes.
    upload: Duration,
    kept: Arc<AtomicU32>,
}

impl Coordinator {
    /// One whose uploads take so long.
    pub(super) fn slow(upload: Duration) -> Self {
        Self { upload, ..Self::default() }
    }

    /// Checkpoints that it was given.
    pub(super) fn kept(&self) -> u32 {
        self.kept.load(Ordering::Relaxed)
    }
}

type Answer<T> = Result<Response<T>, Status>;

fn answer<T>(said: T) -> Answer<T> {
    Ok(Response::new(said))
}

#[tonic::async_trait]
impl WorkerService for Coordinator {
    async fn register_worker(
        &self,
        _: Request<proto::RegisterWorkerRequest>,
    ) -> Answer<proto::RegisterWorkerResponse> {
        answer(proto::RegisterWorkerResponse { lease_seconds: 4.0, software: String::new() })
    }

    async fn lease_cohort(
        &self,
        _: Request<proto::LeaseCohortRequest>,
    ) -> Answer<proto::LeaseCohortResponse> {
        answer(proto::LeaseCohortResponse::default())
    }

    async fn report_progress(
        &self,
        _: Request<proto::ReportProgressRequest>,
    ) -> Answer<proto::ReportProgressResponse> {
        answer(proto::ReportProgressResponse { order: proto::Order::Continue.into() })
    }

    async fn complete_cohort(
        &self,
        _: Request<proto::CompleteCohortRequest>,
    ) -> Answer<proto::CompleteCohortResponse> {
        answer(proto::CompleteCohortResponse { accepted: true, next: None })
    }

    async fn fail_cohort(&self, _: Request<proto::FailCohortRequest>) -> Answer<proto::FailCohortResponse> {
        answer(proto::FailCohortResponse {})
    }

    async fn keep_checkpoint(
        &self,
        _: Request<proto::KeepCheckpointRequest>,
    ) -> Answer<proto::KeepCheckpointResponse> {
        self.kept.fetch_add(1, Ordering::Relaxed);
        answer(proto::KeepCheckpointResponse { kept: true })
    }

    async fn upload_artifact(
        &self,
        request: Request<Streaming<proto::UploadArtifactRequest>>,
    ) -> Answer<proto::UploadArtifactResponse> {
        let mut parts = request.into_inner();
        let mut size_bytes = 0;
        while let Some(part) = parts.message().await? {
            size_bytes += part.data.len() as u64;
        }
        tokio::time::sleep(self.upload).await;
        answer(proto::UploadArtifactResponse { size_bytes })
    }

    async fn deregister_worker(
        &self,
        _: Request<proto::DeregisterWorkerRequest>,
    ) -> Answer<proto::DeregisterWorkerResponse> {
        answer(proto::DeregisterWorkerResponse {})
    }
}

/// An agent's configuration and its connection to this coordinator.
pub(super) async fn connected(coordinator: &Coordinator) -> (AgentConfig, Arc<Connection>) {
    let (calls, incoming) = tokio::sync::mpsc::unbounded_channel::<io::Result<DuplexStream>>();
    let service = WorkerServiceServer::new(coordinator.clone());
    let serving = Server::builder().add_service(service);
    tokio::spawn(serving.serve_with_incoming(UnboundedReceiverStream::new(incoming)));
    let dial = move |_: &Line, endpoint: &Endpoint| -> Channel {
        let calls = calls.clone();
        endpoint.connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
            let (ours, theirs) = tokio::io::duplex(WAITING);
            let taken = calls.send(Ok(theirs)).map_err(io::Error::other);
            async move { taken.map(|()| TokioIo::new(ours)) }
        }))
    };
    let config = AgentConfig {
        coordinator: "http://127.0.0.1:7070".to_owned(),
        credentials: Credentials::default(),
        name: "w".to_owned(),
        allows_commands: false,
        slots: vec![SlotDevice {
            kind: foldwise_study::spec::DeviceKind::Cpu,
            ordinal: 0,
            model: String::new(),
        }],
        connect_patience: Duration::from_secs(5),
        grace: Duration::ZERO,
        scratch: std::env::temp_dir(),
        jitter_seed: Some(0),
        meters: Arc::new(Meters::new(1)),
        cache: Arc::new(Cache::at(std::env::temp_dir())),
        traces: Default::default(),
    };
    let connection = Connection::open(&config, &dial).await.expect("it takes everybody");
    (config, Arc::new(connection))
}

/// A trainer that lives until its events' end.
struct Silent;

impl Life for Silent {
    fn end(&mut self) -> Pin<Box<dyn Future<Output = Ending> + Send + '_>> {
        Box::pin(pending())
    }
}

/// A trainer, and where its events are written.
pub(super) fn trainer() -> (Launched, DuplexStream) {
    let (events, told) = tokio::io::duplex(WAITING);
    let launched =
        Launched { orders: Box::new(tokio::io::sink()), events: Box::new(events), life: Box::new(Silent) };
    (launched, told)
}
