//! The person: submits the study, does what the scenario says, waits for the end and takes the report.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::{self as proto};
use tokio::time::{Instant, sleep, sleep_until};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::network;
use crate::report::Report;
use crate::scenario::{OperationKind, Scenario};

/// What the person ends with.
pub(crate) type Outcome = Arc<Mutex<Option<Result<Report, String>>>>;

/// Longest that a call may take before it is made again.
const CALL: Duration = Duration::from_secs(5);
const STUDY: &str = "studies/1";

/// Works until the study has ended and its report is there.
pub(crate) async fn work(scenario: Scenario, outcome: Outcome) {
    let ended = try_work(&scenario).await;
    *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
}

async fn try_work(scenario: &Scenario) -> Result<Report, String> {
    let endpoint = Endpoint::from_shared(network::url()).map_err(|error| error.to_string())?;
    // As the command line does: a connection on which nothing comes back is given up.
    let endpoint = endpoint
        .connect_timeout(CALL)
        .http2_keep_alive_interval(CALL)
        .keep_alive_timeout(CALL)
        .keep_alive_while_idle(true);
    let mut person = Person { client: StudyServiceClient::new(network::dial(&endpoint)) };
    let format = proto::SpecFormat::Toml.into();
    let (request_id, spec) = ("once".to_owned(), scenario.study.spec(false));
    let create = proto::CreateStudyRequest { request_id, spec, format, parcel: String::new() };
    person.until_done(async |client| client.create_study(timed(create.clone())).await).await?;
    let start = Instant::now();
    for operation in &scenario.operations {
        sleep_until(start + Duration::from_millis(operation.at_ms)).await;
        person.operate(scenario, operation.kind).await?;
    }
    loop {
        let get = proto::GetStudyRequest { name: STUDY.to_owned() };
        let study = person.until_done(async |client| client.get_study(timed(get.clone())).await).await?;
        match study.state() {
            proto::StudyState::Succeeded => return person.report().await,
            proto::StudyState::Failed | proto::StudyState::Cancelled => {
                return Err(format!("the study {:?}: {}", study.state(), study.message));
            }
            _ => sleep(Duration::from_millis(500)).await,
        }
    }
}

struct Person {
    client: StudyServiceClient<Channel>,
}

fn timed<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(CALL);
    request
}

impl Person {
    /// Makes a call until it is answered.
    async fn until_done<T>(
        &mut self,
        call: impl AsyncFn(&mut StudyServiceClient<Channel>) -> Result<tonic::Response<T>, Status>,
    ) -> Result<T, String> {
        loop {
            let answer = tokio::time::timeout(CALL * 2, call(&mut self.client)).await;
            match answer {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) if !may_pass(&status) => return Err(format!("refused: {status}")),
                Ok(Err(_)) | Err(_) => sleep(Duration::from_millis(300)).await,
            }
        }
    }

    async fn operate(&mut self, scenario: &Scenario, kind: OperationKind) -> Result<(), String> {
        let name = STUDY.to_owned();
        match kind {
            OperationKind::Extend => {
                let (spec, format) = (scenario.study.spec(true), proto::SpecFormat::Toml.into());
                let extend = proto::ExtendStudyRequest { name, spec, format, parcel: String::new() };
                self.until_done(async |client| client.extend_study(timed(extend.clone())).await).await?;
            }
            OperationKind::Pause(for_ms) => {
                let pause = proto::PauseStudyRequest { name: name.clone() };
                let resume = proto::ResumeStudyRequest { name };
                let paused = self.until_done(async |client| client.pause_study(timed(pause.clone())).await);
                // A study that is over already cannot be held.
                if paused.await.is_ok() {
                    sleep(Duration::from_millis(for_ms)).await;
                    // A study that ended with what was in hand needs no resuming.
                    let _ = self
                        .until_done(async |client| client.resume_study(timed(resume.clone())).await)
                        .await;
                }
            }
            OperationKind::Drain(worker) => {
                let drain = proto::DrainWorkerRequest { worker: format!("worker-{worker}") };
                // A worker that is down is not known.
                let _ = self.until_done(async |client| client.drain_worker(timed(drain.clone())).await).await;
            }
        }
        Ok(())
    }

    async fn report(&mut self) -> Result<Report, String> {
        loop {
            let get =
                proto::GetReportRequest { name: STUDY.to_owned(), ..proto::GetReportRequest::default() };
            let mut stream =
                self.until_done(async |client| client.get_report(timed(get.clone())).await).await?;
            let mut bytes = Vec::new();
            let read = async {
                while let Some(chunk) = stream.message().await? {
                    bytes.extend(chunk.data);
                }
                Ok::<(), Status>(())
            };
            if matches!(tokio::time::timeout(CALL * 2, read).await, Ok(Ok(()))) {
                return Report::parse(&bytes);
            }
        }
    }
}

fn may_pass(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded | Code::Unknown | Code::Internal
    )
}
