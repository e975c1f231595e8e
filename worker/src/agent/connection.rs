//! The agent's line to its coordinator: calls that outlast the coordinator's restarts.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use foldwise_proto::PROTOCOL_VERSION;
use foldwise_proto::v1::worker_service_client::WorkerServiceClient;
use foldwise_proto::v1::{self as proto};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::AgentConfig;

/// Seconds that one call for work waits at the coordinator.
const WAIT_SECONDS: f64 = 20.0;
/// Largest message taken in.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Part of a file in one message.
const CHUNK_BYTES: usize = 1 << 20;
/// Pauses between tries while the coordinator is away.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A call that takes longer than this beyond its own waiting is given up and made again.
const CALL_SECONDS: u64 = 30;

/// Why an agent has no coordinator.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectionError {
    /// Not a URL.
    #[error("`{url}` is not a coordinator's URL: {reason}; write it like http://127.0.0.1:7070")]
    Url {
        /// What was given.
        url: String,
        /// Why.
        reason: String,
    },
    /// Nobody answers.
    #[error(
        "no coordinator answers at {url} ({reason}): start one with `foldwise coordinator`, or name another \
         with --coordinator"
    )]
    Unreachable {
        /// What was given.
        url: String,
        /// Why.
        reason: String,
    },
    /// The coordinator does not take this worker.
    #[error("the coordinator at {url} refused this worker: {reason}")]
    Refused {
        /// What was given.
        url: String,
        /// Why.
        reason: String,
    },
}

/// A line to the coordinator, registered.
#[derive(Debug)]
pub(super) struct Connection {
    client: WorkerServiceClient<Channel>,
    config: AgentConfig,
    lease_seconds: f64,
    refusal: OnceLock<ConnectionError>,
}

impl Connection {
    /// Registers the worker, waiting for the coordinator as long as the configuration says.
    pub(super) async fn open(config: &AgentConfig) -> Result<Self, ConnectionError> {
        let url = config.coordinator.clone();
        let endpoint = Endpoint::from_shared(url.clone())
            .map_err(|error| ConnectionError::Url { url: url.clone(), reason: error.to_string() })?
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_while_idle(true);
        let client =
            WorkerServiceClient::new(endpoint.connect_lazy()).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let register = || async { register(client.clone(), config).await };
        let welcome = register
            .retry(backoff(Some(config.connect_patience)))
            .when(is_passing)
            .notify(
                |status, pause| tracing::info!(%url, reason = status.message(), ?pause, "no coordinator yet"),
            )
            .await
            .map_err(|status| {
                let reason = status.message().to_owned();
                if is_passing(&status) {
                    ConnectionError::Unreachable { url: url.clone(), reason }
                } else {
                    ConnectionError::Refused { url: url.clone(), reason }
                }
            })?;
        tracing::info!(%url, worker = config.name, coordinator = welcome.software, "registered");
        Ok(Self {
            client,
            config: config.clone(),
            lease_seconds: welcome.lease_seconds,
            refusal: OnceLock::new(),
        })
    }

    /// Time between reports that keeps a lease.
    pub(super) fn heartbeat(&self) -> Duration {
        Duration::from_secs_f64((self.lease_seconds / 4.0).clamp(0.1, 60.0))
    }

    /// Why the coordinator stopped taking this worker, if it did.
    pub(super) fn refusal(&self) -> Option<ConnectionError> {
        self.refusal.get().cloned()
    }

    /// Waits for work. `None` means to ask again.
    pub(super) async fn lease(&self, slot: u32) -> Result<Option<proto::Lease>, Status> {
        let request =
            proto::LeaseCohortRequest { worker: self.config.name.clone(), slot, wait_seconds: WAIT_SECONDS };
        let answer = self.call(request, Client::lease_cohort).await?;
        Ok(answer.lease)
    }

    /// Renews a lease and takes an order back.
    pub(super) async fn progress(
        &self,
        lease: &proto::LeaseName,
        epochs: Vec<proto::MemberEpoch>,
    ) -> Result<proto::Order, Status> {
        let worker = self.config.name.clone();
        let request = proto::ReportProgressRequest { worker, lease: Some(lease.clone()), epochs };
        let answer = self.call(request, Client::report_progress).await?;
        Ok(answer.order())
    }

    /// Hands results in, for as long as it takes. Whether they were kept.
    pub(super) async fn complete(
        &self,
        lease: &proto::LeaseName,
        outcomes: Vec<proto::Outcome>,
        device_model: String,
    ) -> Result<bool, Status> {
        let request = proto::CompleteCohortRequest {
            worker: self.config.name.clone(),
            lease: Some(lease.clone()),
            outcomes,
            device_model,
            software: crate::software(),
        };
        let answer = self.call(request, Client::complete_cohort).await?;
        Ok(answer.accepted)
    }

    /// Hands a cohort back without results.
    pub(super) async fn fail(
        &self,
        lease: &proto::LeaseName,
        kind: proto::FailureKind,
        message: String,
    ) -> Result<(), Status> {
        let worker = self.config.name.clone();
        let request =
            proto::FailCohortRequest { worker, lease: Some(lease.clone()), kind: kind.into(), message };
        self.call(request, Client::fail_cohort).await.map(drop)
    }

    /// Uploads a file; its digest.
    pub(super) async fn upload(&self, path: &Path) -> Result<String, Status> {
        let unreadable = |error: std::io::Error| {
            Status::failed_precondition(format!("cannot read {}: {error}", path.display()))
        };
        let bytes = tokio::fs::read(path).await.map_err(unreadable)?;
        let digest = blake3::hash(&bytes).to_hex().to_string();
        let mut parts = vec![proto::UploadArtifactRequest { digest: digest.clone(), data: Vec::new() }];
        parts.extend(
            bytes
                .chunks(CHUNK_BYTES)
                .map(|part| proto::UploadArtifactRequest { digest: String::new(), data: part.to_vec() }),
        );
        let upload = || async {
            let mut client = self.client.clone();
            client.upload_artifact(tokio_stream::iter(parts.clone())).await
        };
        upload.retry(backoff(None)).when(is_passing).await?;
        Ok(digest)
    }

    /// Says goodbye; nobody needs to hear it.
    pub(super) async fn goodbye(&self) {
        let mut client = self.client.clone();
        let mut request =
            tonic::Request::new(proto::DeregisterWorkerRequest { worker: self.config.name.clone() });
        request.set_timeout(Duration::from_secs(2));
        if let Err(status) = client.deregister_worker(request).await {
            tracing::warn!(reason = status.message(), "could not say goodbye");
        }
    }

    /// Makes a call until it is answered, registering again where the coordinator has forgotten this worker.
    async fn call<Q: Clone, A>(
        &self,
        request: Q,
        method: impl AsyncFn(&mut Client, tonic::Request<Q>) -> Result<tonic::Response<A>, Status>,
    ) -> Result<A, Status> {
        let once = || async {
            let mut client = self.client.clone();
            let mut timed = tonic::Request::new(request.clone());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small constant")]
            timed.set_timeout(Duration::from_secs(WAIT_SECONDS as u64 + CALL_SECONDS));
            match method(&mut client, timed).await {
                Err(status)
                    if status.code() == Code::NotFound && status.message().contains("not registered") =>
                {
                    tracing::info!("the coordinator has forgotten this worker; registering again");
                    register(client, &self.config).await.inspect_err(|status| self.note_refusal(status))?;
                    Err(Status::unavailable("registered again"))
                }
                other => other.map(tonic::Response::into_inner),
            }
        };
        once.retry(backoff(None))
            .when(is_passing)
            .notify(|status, pause| tracing::warn!(reason = status.message(), ?pause, "calling again"))
            .await
    }

    fn note_refusal(&self, status: &Status) {
        if !is_passing(status) {
            let url = self.config.coordinator.clone();
            // Only the first refusal is kept: the others say the same.
            let _ = self.refusal.set(ConnectionError::Refused { url, reason: status.message().to_owned() });
        }
    }
}

type Client = WorkerServiceClient<Channel>;

async fn register(mut client: Client, config: &AgentConfig) -> Result<proto::RegisterWorkerResponse, Status> {
    let request = proto::RegisterWorkerRequest {
        worker: config.name.clone(),
        protocol_version: PROTOCOL_VERSION,
        software: crate::software(),
        slots: config.slots_message(),
    };
    client.register_worker(request).await.map(tonic::Response::into_inner)
}

/// Whether the same call may succeed later. (A client's own timeout comes as `Cancelled`.)
fn is_passing(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Unknown
    )
}

fn backoff(patience: Option<Duration>) -> ExponentialBuilder {
    let pauses =
        ExponentialBuilder::default().with_min_delay(PAUSE_MIN).with_max_delay(PAUSE_MAX).with_jitter();
    match patience {
        Some(patience) => pauses.without_max_times().with_total_delay(Some(patience)),
        None => pauses.without_max_times(),
    }
}
