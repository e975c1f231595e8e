//! `foldwise.v1.WorkerService`.

use std::time::Duration;

use foldwise_proto::PROTOCOL_VERSION;
use foldwise_proto::v1::worker_service_server::WorkerService;
use foldwise_proto::v1::{self as proto};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::caller::Caller;
use super::{convert, parts, status};
use crate::access::Asker;
use crate::artifacts::Artifacts;
use crate::blocking;
use crate::committer::Desk;
use crate::ledger::{Command, Order, Reply};

/// Longest wait for work in one call, s: shorter than what proxies cut.
const WAIT_SECONDS_MAX: f64 = 60.0;

/// Workers that a coordinator knows at a time.
const WORKERS_MAX: usize = 10_000;

/// Leases cohorts and takes their results.
#[derive(Debug)]
pub struct Workers {
    /// Where commands go.
    pub desk: Desk,
    /// Where uploads go.
    pub artifacts: Artifacts,
    /// Silence after which a lease is lost, s.
    pub lease_seconds: f64,
    /// Whether a collector is told of attempts, and workers of their spans.
    pub traced: bool,
    /// Ends long polls.
    pub stop: CancellationToken,
}

impl Workers {
    pub(super) async fn command(&self, command: Command) -> Result<Reply, Status> {
        self.desk.command(command).await.map_err(|refusal| status::of_refusal(&refusal))
    }

    /// Refuses what names a file that is not here, such as one that was uploaded before a restart and named only after.
    pub(super) fn require(&self, digest: &str) -> Result<(), Status> {
        let kept = digest.is_empty() || self.artifacts.has(digest).map_err(|e| status::of_artifact(&e))?;
        if kept {
            Ok(())
        } else {
            Err(Status::failed_precondition(format!("file {digest} is not kept here: upload it")))
        }
    }
}

#[tonic::async_trait]
impl WorkerService for Workers {
    async fn register_worker(
        &self,
        request: Request<proto::RegisterWorkerRequest>,
    ) -> Result<Response<proto::RegisterWorkerResponse>, Status> {
        let (asker, caller) = (Asker::of(request.extensions()), Caller::of(request.extensions()));
        let request = request.into_inner();
        if request.protocol_version != PROTOCOL_VERSION {
            return Err(Status::failed_precondition(format!(
                "worker `{}` speaks version {} of the protocol and this coordinator version {PROTOCOL_VERSION}: \
                 install the same version of Foldwise on both",
                request.worker, request.protocol_version
            )));
        }
        let mut info = convert::worker_info(request)?;
        info.id = caller.worker(info.id)?;
        let id = info.id.clone();
        let known = self.desk.read(move |ledger, _| {
            ledger.workers().len() < WORKERS_MAX || ledger.workers().contains_key(&id)
        });
        if !known.await.map_err(|refusal| status::of_refusal(&refusal))? {
            let message = format!(
                "there are {WORKERS_MAX} workers already; those that are gone are forgotten after an hour"
            );
            return Err(Status::resource_exhausted(message));
        }
        asker.note(&info.id);
        tracing::info!(
            worker = info.id,
            slots = info.slots.len(),
            software = info.software,
            "worker registered"
        );
        self.command(Command::RegisterWorker(info)).await?;
        let software = format!("foldwise {}", env!("CARGO_PKG_VERSION"));
        Ok(Response::new(proto::RegisterWorkerResponse { lease_seconds: self.lease_seconds, software }))
    }

    async fn lease_cohort(
        &self,
        request: Request<proto::LeaseCohortRequest>,
    ) -> Result<Response<proto::LeaseCohortResponse>, Status> {
        let (asker, caller) = (Asker::of(request.extensions()), Caller::of(request.extensions()));
        let request = request.into_inner();
        let worker = caller.worker(request.worker)?;
        let wait_seconds = if request.wait_seconds.is_finite() { request.wait_seconds } else { 0.0 };
        let wait = Duration::from_secs_f64(wait_seconds.clamp(0.0, WAIT_SECONDS_MAX));
        let timeout = tokio::time::sleep(wait);
        let outlasted = asker.outlasted();
        tokio::pin!(timeout, outlasted);
        loop {
            let command = Command::Lease { worker: worker.clone(), slot: request.slot };
            let kind = match self.command(command).await? {
                Reply::Lease(grant) => {
                    let lease = Some(convert::lease(&grant, self.traced));
                    return Ok(Response::new(proto::LeaseCohortResponse { lease, drain: false }));
                }
                Reply::NoWork(kind) => kind,
                _ => return Ok(Response::new(proto::LeaseCohortResponse { lease: None, drain: true })),
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Status::unavailable("the coordinator is stopping")),
                status = &mut outlasted => return Err(status),
                () = self.desk.work(kind) => {}
                () = &mut timeout => break,
            }
        }
        Ok(Response::new(proto::LeaseCohortResponse { lease: None, drain: false }))
    }

    async fn report_progress(
        &self,
        request: Request<proto::ReportProgressRequest>,
    ) -> Result<Response<proto::ReportProgressResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let request = request.into_inner();
        let worker = caller.worker(request.worker)?;
        let lease = convert::lease_name(request.lease)?;
        self.check_holder(&caller, &worker, lease).await?;
        let epochs = convert::member_epochs(request.epochs)?;
        let order = match self.command(Command::Progress { worker, lease, epochs }).await? {
            Reply::Order(Order::Stop) => proto::Order::Stop,
            Reply::Order(Order::HandBack) => proto::Order::HandBack,
            Reply::Order(Order::Drain) => proto::Order::Drain,
            _ => proto::Order::Continue,
        };
        Ok(Response::new(proto::ReportProgressResponse { order: order.into() }))
    }

    async fn keep_checkpoint(
        &self,
        request: Request<proto::KeepCheckpointRequest>,
    ) -> Result<Response<proto::KeepCheckpointResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let request = request.into_inner();
        let worker = caller.worker(request.worker)?;
        let lease = convert::lease_name(request.lease)?;
        self.check_holder(&caller, &worker, lease).await?;
        let checkpoint = convert::checkpoint(request.checkpoint)?;
        let digest = checkpoint.digest.clone();
        let held = self.artifacts.hold([digest.clone()]).await;
        self.require(&digest)?;
        let command = Command::KeepCheckpoint { worker, lease, checkpoint };
        let kept = self.command(command).await? == Reply::CheckpointKept(true);
        drop(held);
        if !kept {
            // What was uploaded for nothing goes, unless someone else needs it.
            self.remove_needless(vec![digest]).await;
        }
        Ok(Response::new(proto::KeepCheckpointResponse { kept }))
    }

    async fn complete_cohort(
        &self,
        request: Request<proto::CompleteCohortRequest>,
    ) -> Result<Response<proto::CompleteCohortResponse>, Status> {
        let caller = Caller::of(request.extensions());
        self.hand_in(&caller, request.into_inner()).await.map(Response::new)
    }

    async fn fail_cohort(
        &self,
        request: Request<proto::FailCohortRequest>,
    ) -> Result<Response<proto::FailCohortResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let request = request.into_inner();
        let kind = request.kind();
        let worker = caller.worker(request.worker)?;
        let lease = convert::lease_name(request.lease)?;
        let failure = convert::failure(kind, request.message);
        self.command(Command::Fail { worker, lease, failure }).await?;
        Ok(Response::new(proto::FailCohortResponse {}))
    }

    async fn upload_artifact(
        &self,
        request: Request<Streaming<proto::UploadArtifactRequest>>,
    ) -> Result<Response<proto::UploadArtifactResponse>, Status> {
        let asker = Asker::of(request.extensions());
        let mut parts = request.into_inner();
        let first = parts::next(&mut parts, &asker).await?;
        let first = first.ok_or_else(|| Status::invalid_argument("an empty upload"))?;
        let mut incoming = self.artifacts.receive(&first.digest).map_err(|e| status::of_artifact(&e))?;
        let mut part = Some(first);
        while let Some(bytes) = part {
            let written = blocking::run(|| incoming.write(&bytes.data));
            written.map_err(|error| status::of_artifact(&error))?;
            part = parts::next(&mut parts, &asker).await?;
        }
        let kept = blocking::run(|| incoming.keep());
        let size_bytes = kept.map_err(|error| status::of_artifact(&error))?;
        Ok(Response::new(proto::UploadArtifactResponse { size_bytes }))
    }

    async fn deregister_worker(
        &self,
        request: Request<proto::DeregisterWorkerRequest>,
    ) -> Result<Response<proto::DeregisterWorkerResponse>, Status> {
        let (asker, caller) = (Asker::of(request.extensions()), Caller::of(request.extensions()));
        let worker = caller.worker(request.into_inner().worker)?;
        asker.note(&worker);
        tracing::info!(worker, "worker left");
        self.command(Command::DeregisterWorker(worker)).await?;
        Ok(Response::new(proto::DeregisterWorkerResponse {}))
    }
}
