//! The agent's calls to its coordinator, which outlast the coordinator's restarts and go to whichever leads.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use foldwise_line::{Bearer, Line, LineError, innermost};
use foldwise_proto::v1::worker_service_client::WorkerServiceClient;
use foldwise_proto::v1::{self as proto};
use foldwise_proto::{PROTOCOL_VERSION, WORKER_NOT_REGISTERED};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use super::AgentConfig;
use super::lines::Lines;

/// Seconds that one call for work waits at the coordinator.
const WAIT_SECONDS: f64 = 20.0;
/// Part of a file in one message.
const CHUNK_BYTES: u64 = 1 << 20;
/// Pauses between tries while the coordinator is away.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A call that takes longer than this beyond its own waiting is given up and made again.
const CALL_SECONDS: u64 = 30;

/// Why an agent has no coordinator.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectionError {
    /// Not an address, or nothing that it can be called with.
    #[error("{0} (an address looks like http://127.0.0.1:7070 or https://den.example:7070)")]
    Line(#[from] LineError),
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

/// Makes a channel to an address; it may connect later. A simulation has its own network.
pub type Dial = dyn Fn(&Line, &Endpoint) -> Channel + Send + Sync;

/// What asking for work brought.
#[derive(Debug)]
pub(super) enum Leased {
    /// Work.
    Cohort(Box<proto::Lease>),
    /// None for now: ask again.
    Nothing,
    /// None any more: the worker is to end.
    Drained,
}

/// A line to the coordinator, registered.
#[derive(Debug)]
pub(super) struct Connection {
    lines: Lines,
    config: AgentConfig,
    lease_seconds: f64,
    refusal: OnceLock<ConnectionError>,
}

impl Connection {
    /// Registers the worker, waiting for the coordinator as long as the configuration says.
    pub(super) async fn open(config: &AgentConfig, dial: &Dial) -> Result<Self, ConnectionError> {
        let lines = Lines::open(&config.coordinator, &config.credentials, dial)?;
        let url = lines.urls();
        let register = || async {
            let line = lines.current();
            let registered = register(line.client.clone(), config).await;
            registered.inspect_err(|status| lines.leave(line, status))
        };
        let welcome = register
            .retry(backoff(Some(config.connect_patience), config.jitter_seed))
            .when(is_passing)
            .notify(
                |status, pause| tracing::info!(%url, reason = reason(status), ?pause, "no coordinator yet"),
            )
            .await
            .map_err(|status| {
                let reason = reason(&status);
                if is_passing(&status) {
                    ConnectionError::Unreachable { url: url.clone(), reason }
                } else {
                    ConnectionError::Refused { url: url.clone(), reason }
                }
            })?;
        tracing::info!(%url, worker = config.name, coordinator = welcome.software, "registered");
        Ok(Self {
            lines,
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

    /// Waits for work.
    pub(super) async fn lease(&self, slot: u32) -> Result<Leased, Status> {
        let request =
            proto::LeaseCohortRequest { worker: self.config.name.clone(), slot, wait_seconds: WAIT_SECONDS };
        let answer = self.call(request, Client::lease_cohort).await?;
        Ok(match answer.lease {
            Some(lease) => Leased::Cohort(Box::new(lease)),
            None if answer.drain => Leased::Drained,
            None => Leased::Nothing,
        })
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

    /// Hands results in, for as long as it takes, and asks for the next cohort of a slot that wants one.
    pub(super) async fn complete(
        &self,
        lease: &proto::LeaseName,
        outcomes: Vec<proto::Outcome>,
        measurements_digest: String,
        device_model: String,
        next_slot: Option<u32>,
    ) -> Result<proto::CompleteCohortResponse, Status> {
        let request = proto::CompleteCohortRequest {
            worker: self.config.name.clone(),
            lease: Some(lease.clone()),
            outcomes,
            device_model,
            software: crate::software(),
            measurements_digest,
            next_slot,
        };
        self.call(request, Client::complete_cohort).await
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

    /// Names an uploaded file as a cohort's checkpoint. Whether it was kept.
    pub(super) async fn keep_checkpoint(
        &self,
        lease: &proto::LeaseName,
        epoch: u32,
        digest: String,
    ) -> Result<bool, Status> {
        let worker = self.config.name.clone();
        let checkpoint = Some(proto::Checkpoint { epoch, digest });
        let request = proto::KeepCheckpointRequest { worker, lease: Some(lease.clone()), checkpoint };
        let answer = self.call(request, Client::keep_checkpoint).await?;
        Ok(answer.kept)
    }

    /// Uploads a file; its digest.
    pub(super) async fn upload(&self, path: &Path) -> Result<String, Status> {
        let unreadable = |error: std::io::Error| {
            Status::failed_precondition(format!("cannot read {}: {error}", path.display()))
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(path).map_err(unreadable)?).map_err(unreadable)?;
        let digest = hasher.finalize().to_hex().to_string();
        let upload = || async {
            let line = self.lines.current();
            let mut client = line.client.clone();
            let parts = Parts { digest: Some(digest.clone()), file: File::open(path).map_err(unreadable)? };
            let uploaded = client.upload_artifact(tokio_stream::iter(parts)).await;
            uploaded.inspect_err(|status| self.lines.leave(line, status))
        };
        upload.retry(self.backoff()).when(is_passing).notify(tell("uploading again")).await?;
        Ok(digest)
    }

    /// Downloads a kept file and checks it.
    pub(super) async fn download(&self, digest: &str, path: &Path) -> Result<(), Status> {
        let download = || async {
            let request = proto::GetArtifactRequest { digest: digest.to_owned(), offset: 0 };
            let mut parts = self.get_artifact(request).await?;
            let unwritable = |error: std::io::Error| {
                Status::failed_precondition(format!("cannot write {}: {error}", path.display()))
            };
            let mut file = File::create(path).map_err(unwritable)?;
            let mut hasher = blake3::Hasher::new();
            while let Some(proto::Chunk { data }) = parts.message().await? {
                hasher.update(&data);
                file.write_all(&data).map_err(unwritable)?;
            }
            let found = hasher.finalize().to_hex().to_string();
            if found == digest {
                Ok(())
            } else {
                Err(Status::data_loss(format!("the bytes have digest {found}")))
            }
        };
        download.retry(self.backoff()).when(is_passing).notify(tell("downloading again")).await
    }

    /// A kept file, in parts.
    pub(super) async fn get_artifact(
        &self,
        request: proto::GetArtifactRequest,
    ) -> Result<Streaming<proto::Chunk>, Status> {
        let line = self.lines.current();
        let parts = line.files.clone().get_artifact(request).await;
        parts.map(tonic::Response::into_inner).inspect_err(|status| self.lines.leave(line, status))
    }

    /// The pauses between tries, without end.
    pub(super) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        self.backoff().build()
    }

    /// Says goodbye; nobody needs to hear it.
    pub(super) async fn goodbye(&self) {
        let mut client = self.lines.current().client.clone();
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
            let line = self.lines.current();
            let mut client = line.client.clone();
            let mut timed = tonic::Request::new(request.clone());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small constant")]
            timed.set_timeout(Duration::from_secs(WAIT_SECONDS as u64 + CALL_SECONDS));
            match method(&mut client, timed).await {
                Err(status) if is_forgotten(&status) => {
                    tracing::info!("the coordinator has forgotten this worker; registering again");
                    register(client, &self.config).await.inspect_err(|status| self.note_refusal(status))?;
                    Err(Status::unavailable("registered again"))
                }
                Err(status) if status.code() == Code::Unauthenticated => {
                    // A token that was revoked does not become good again.
                    self.note_refusal(&status);
                    Err(status)
                }
                other => {
                    let answer = other.inspect_err(|status| self.lines.leave(line, status));
                    answer.map(tonic::Response::into_inner)
                }
            }
        };
        once.retry(self.backoff()).when(is_passing).notify(tell("calling again")).await
    }

    fn backoff(&self) -> ExponentialBuilder {
        backoff(None, self.config.jitter_seed)
    }

    fn note_refusal(&self, status: &Status) {
        if !is_passing(status) {
            let url = self.config.coordinator.clone();
            // Only the first refusal is kept: the others say the same.
            let _ = self.refusal.set(ConnectionError::Refused { url, reason: status.message().to_owned() });
        }
    }
}

pub(super) type Client = WorkerServiceClient<InterceptedService<Channel, Bearer>>;

/// What a person is told of a call that failed: what broke the connection, or what the coordinator said.
fn reason(status: &Status) -> String {
    std::error::Error::source(status).map_or_else(|| status.message().to_owned(), innermost)
}

async fn register(mut client: Client, config: &AgentConfig) -> Result<proto::RegisterWorkerResponse, Status> {
    let request = proto::RegisterWorkerRequest {
        worker: config.name.clone(),
        protocol_version: PROTOCOL_VERSION,
        software: crate::software(),
        slots: config.slots_message(),
        allows_commands: config.allows_commands,
    };
    client.register_worker(request).await.map(tonic::Response::into_inner)
}

/// Whether the same call may succeed later. (A client's own timeout comes as `Cancelled`.)
pub(super) fn is_passing(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Unknown
    )
}

/// Whether the coordinator does not know this worker, as after a restart.
fn is_forgotten(status: &Status) -> bool {
    let info = status.get_details_error_info();
    info.is_some_and(|info| info.reason == WORKER_NOT_REGISTERED)
}

fn backoff(patience: Option<Duration>, jitter_seed: Option<u64>) -> ExponentialBuilder {
    let pauses =
        ExponentialBuilder::default().with_min_delay(PAUSE_MIN).with_max_delay(PAUSE_MAX).with_jitter();
    let pauses = match jitter_seed {
        Some(seed) => pauses.with_jitter_seed(seed),
        None => pauses,
    };
    match patience {
        Some(patience) => pauses.without_max_times().with_total_delay(Some(patience)),
        None => pauses.without_max_times(),
    }
}

/// Tells that something is tried again, and why.
fn tell(what: &'static str) -> impl Fn(&Status, Duration) {
    move |status, pause| tracing::warn!(reason = status.message(), ?pause, "{what}")
}

/// A file in the parts of its upload. Each is read when its turn comes, which takes less time than handing the reading
/// over to another thread.
struct Parts {
    digest: Option<String>,
    file: File,
}

impl Iterator for Parts {
    type Item = proto::UploadArtifactRequest;

    fn next(&mut self) -> Option<Self::Item> {
        let digest = self.digest.take();
        let mut data = Vec::new();
        // A file that cannot be read to its end does not have its digest, which the coordinator sees.
        let _ = Read::by_ref(&mut self.file).take(CHUNK_BYTES).read_to_end(&mut data);
        let more = digest.is_some() || !data.is_empty();
        more.then(|| proto::UploadArtifactRequest { digest: digest.unwrap_or_default(), data })
    }
}
