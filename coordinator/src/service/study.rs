//! `foldwise.v1.StudyService`.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use axum::http::Extensions;
use foldwise_data::Cache;
use foldwise_proto::v1::study_service_server::StudyService;
use foldwise_proto::v1::{self as proto};
use foldwise_report::TableOptions;
use foldwise_study::plan::RunId;
use foldwise_study::spec::{Format, PRIORITY_MAX};
use foldwise_traces::{Span, Trace, Traces};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::watch::Watch;
use super::{convert, status};
use crate::access::Asker;
use crate::artifacts::{Artifacts, CHUNK_BYTES};
use crate::blocking;
use crate::chronicle::moment;
use crate::clock::Clock;
use crate::committer::Desk;
use crate::events::Events;
use crate::ledger::{Command, Ledger, Now, Rejection, Reply, StudyId};
use crate::reporting;
use crate::store::Results;
use crate::submission::{self, Folders};

/// Events that may wait for a slow watcher.
const WATCH_QUEUE_MAX: usize = 256;
/// Parts of a file that may wait for a slow reader.
const CHUNK_QUEUE_MAX: usize = 4;

/// Submits, watches and ends studies and hands out their results.
#[derive(Debug)]
pub struct Studies {
    /// Where commands and questions go.
    pub desk: Desk,
    /// What happens.
    pub events: Events,
    /// Where results are read.
    pub results: Results,
    /// Kept files.
    pub artifacts: Artifacts,
    /// Where data lies.
    pub cache: Cache,
    /// Where studies may name files.
    pub folders: Folders,
    /// Whose turn it is to read a study's data, which may fill the memory.
    pub preparing: Arc<Semaphore>,
    /// Parcels that came and that no study needs yet, and when they did, ms.
    pub unnamed: Arc<Mutex<HashMap<String, u64>>>,
    /// A collector of traces.
    pub traces: Traces,
    /// Ends watch streams.
    pub stop: CancellationToken,
}

type Answer<T> = Result<Response<T>, Status>;
type Chunks = Pin<Box<dyn Stream<Item = Result<proto::Chunk, Status>> + Send>>;

impl Studies {
    /// Reads from a study found by name.
    async fn of_study<T: Send + 'static>(
        &self,
        name: String,
        question: impl FnOnce(&Ledger, StudyId, Now) -> T + Send + 'static,
    ) -> Result<T, Status> {
        let ask = move |ledger: &Ledger, now: Now| -> Result<T, Rejection> {
            ledger.find(&name).map(|id| question(ledger, id, now))
        };
        let answer = self.desk.read(ask).await.map_err(|refusal| status::of_refusal(&refusal))?;
        answer.map_err(|rejection| status::of_refusal(&rejection.into()))
    }

    async fn study(&self, name: String) -> Answer<proto::Study> {
        let told = |ledger: &Ledger, id: StudyId, now: Now| {
            ledger.studies().get(&id).map(|study| convert::study_among(ledger, study, now))
        };
        let study = self.of_study(name, told).await?;
        study.map(Response::new).ok_or_else(gone)
    }

    /// The number of a study found by name.
    async fn number(&self, name: String) -> Result<StudyId, Status> {
        self.of_study(name, |_, id, _| id).await
    }

    /// The same, written down as what the call is about.
    async fn number_noted(&self, extensions: &Extensions, name: &str) -> Result<StudyId, Status> {
        let found = self.number(name.to_owned()).await;
        let about = found.as_ref().map_or_else(|_| name.to_owned(), |study| format!("studies/{study}"));
        Asker::of(extensions).note(&about);
        found
    }

    /// Changes a study, and answers with what it is then.
    async fn change(&self, command: Command) -> Answer<proto::Study> {
        match self.desk.command(command).await.map_err(|refusal| status::of_refusal(&refusal))? {
            Reply::Study(study) => self.study(study.to_string()).await,
            other => Err(Status::internal(format!("unexpected reply {other:?}"))),
        }
    }
}

#[tonic::async_trait]
impl StudyService for Studies {
    type WatchStudyStream = ReceiverStream<Result<proto::StudyEvent, Status>>;
    type GetReportStream = Chunks;
    type GetArtifactStream = Chunks;

    async fn create_study(&self, request: Request<proto::CreateStudyRequest>) -> Answer<proto::Study> {
        let asker = Asker::of(request.extensions());
        let request = request.into_inner();
        let clock = Clock::start();
        let came_unix_ms = clock.now().unix_ms;
        let format = spec_format(request.format())?;
        let held = self.shelve(&request.parcel).await?;
        let parcel = held.is_some().then_some(request.parcel.as_str());
        let turn = self.preparing.acquire().await;
        let prepared = blocking::run(|| {
            self.confine(&request.spec, format, parcel)?;
            submission::prepare_sent(&request.request_id, &request.spec, format, parcel, &self.cache)
        });
        drop(turn);
        let record = prepared.map_err(|error| status::of_submission(&error))?;
        let made = self.change(Command::CreateStudy(Box::new(record))).await?;
        drop(held);
        asker.note(&made.get_ref().name);
        let study = Trace::of_request(&request.request_id).study();
        self.traces.tell(Span {
            own: study.below("submit", 0),
            parent: Some(study),
            name: "submit",
            began: moment(came_unix_ms),
            ended: moment(clock.now().unix_ms),
            attributes: vec![("foldwise.study", made.get_ref().name.clone().into())],
            failure: None,
        });
        Ok(made)
    }

    async fn get_study(&self, request: Request<proto::GetStudyRequest>) -> Answer<proto::Study> {
        self.study(request.into_inner().name).await
    }

    async fn list_studies(
        &self,
        request: Request<proto::ListStudiesRequest>,
    ) -> Answer<proto::ListStudiesResponse> {
        let request = request.into_inner();
        let size = page_size(request.page_size, 100, 1000);
        // The token is the number of the last study shown.
        let before = page_token(&request.page_token)?.unwrap_or(StudyId::MAX);
        let read = self.desk.read(move |ledger, now| {
            let studies = ledger.studies().range(..before).rev();
            let mut page: Vec<_> = studies.take(size + 1).map(|(_, study)| study).collect();
            let more = page.len() > size;
            page.truncate(size);
            let last = page.last().map(|study| study.number).filter(|_| more);
            proto::ListStudiesResponse {
                studies: page.into_iter().map(|study| convert::study_among(ledger, study, now)).collect(),
                next_page_token: last.map(|number| number.to_string()).unwrap_or_default(),
            }
        });
        read.await.map(Response::new).map_err(|refusal| status::of_refusal(&refusal))
    }

    async fn cancel_study(&self, request: Request<proto::CancelStudyRequest>) -> Answer<proto::Study> {
        let study = self.number_noted(request.extensions(), &request.get_ref().name).await?;
        self.change(Command::CancelStudy(study)).await
    }

    async fn pause_study(&self, request: Request<proto::PauseStudyRequest>) -> Answer<proto::Study> {
        let study = self.number_noted(request.extensions(), &request.get_ref().name).await?;
        self.change(Command::PauseStudy(study)).await
    }

    async fn resume_study(&self, request: Request<proto::ResumeStudyRequest>) -> Answer<proto::Study> {
        let study = self.number_noted(request.extensions(), &request.get_ref().name).await?;
        self.change(Command::ResumeStudy(study)).await
    }

    async fn prioritize_study(
        &self,
        request: Request<proto::PrioritizeStudyRequest>,
    ) -> Answer<proto::Study> {
        let priority = request.get_ref().priority;
        if !(-PRIORITY_MAX..=PRIORITY_MAX).contains(&priority) {
            let message = format!("a priority is a whole number from -{PRIORITY_MAX} to {PRIORITY_MAX}");
            return Err(Status::invalid_argument(message));
        }
        let study = self.number_noted(request.extensions(), &request.get_ref().name).await?;
        self.change(Command::PrioritizeStudy { study, priority }).await
    }

    async fn retry_study(&self, request: Request<proto::RetryStudyRequest>) -> Answer<proto::Study> {
        let study = self.number_noted(request.extensions(), &request.get_ref().name).await?;
        self.change(Command::RetryStudy(study)).await
    }

    async fn extend_study(&self, request: Request<proto::ExtendStudyRequest>) -> Answer<proto::Study> {
        let study = self.number_noted(request.extensions(), &request.get_ref().name).await?;
        let request = request.into_inner();
        let format = spec_format(request.format())?;
        let record = self.of_study(format!("studies/{study}"), |ledger, id, _| {
            ledger.studies().get(&id).map(|study| (id, Arc::clone(&study.record)))
        });
        let (study, record) = record.await?.ok_or_else(gone)?;
        let sent = if request.parcel.is_empty() {
            record.spec.data.parcel.clone().unwrap_or_default()
        } else {
            request.parcel
        };
        let held = self.shelve(&sent).await?;
        let parcel = held.is_some().then_some(sent.as_str());
        let turn = self.preparing.acquire().await;
        let extended = blocking::run(|| {
            self.confine(&request.spec, format, parcel)?;
            submission::extend(&record, &request.spec, format, parcel, &self.cache)
        });
        drop(turn);
        let record = Box::new(extended.map_err(|error| status::of_submission(&error))?);
        self.change(Command::ExtendStudy { study, record }).await
    }

    async fn delete_study(
        &self,
        request: Request<proto::DeleteStudyRequest>,
    ) -> Answer<proto::DeleteStudyResponse> {
        let study = self.number_noted(request.extensions(), &request.get_ref().name).await?;
        let reply = self.desk.command(Command::DeleteStudy(study)).await;
        reply.map_err(|refusal| status::of_refusal(&refusal))?;
        Ok(Response::new(proto::DeleteStudyResponse {}))
    }

    async fn watch_study(
        &self,
        request: Request<proto::WatchStudyRequest>,
    ) -> Answer<Self::WatchStudyStream> {
        let asker = Asker::of(request.extensions());
        let request = request.into_inner();
        // Subscribed before the first snapshot is read, so that nothing falls between.
        let watcher = self.events.watch(&request.resume_token);
        let study = self.number(request.name).await?;
        let (sender, receiver) = mpsc::channel(WATCH_QUEUE_MAX);
        let (desk, events, stop) = (self.desk.clone(), self.events.clone(), self.stop.clone());
        tokio::spawn(Watch { desk, events, study, watcher, stop, asker }.run(sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn list_runs(&self, request: Request<proto::ListRunsRequest>) -> Answer<proto::ListRunsResponse> {
        let request = request.into_inner();
        let size = page_size(request.page_size, 1000, 10_000);
        // The token is the position of the next run.
        let from = usize::try_from(page_token(&request.page_token)?.unwrap_or(0)).unwrap_or(usize::MAX);
        let troubled = request.troubled;
        let page = self.of_study(request.parent, move |ledger, id, _| {
            let study = ledger.studies().get(&id)?;
            let mut positions = convert::positions(study).enumerate().skip(from);
            let mut runs = Vec::new();
            let mut next = None;
            for (position, (trial, fold)) in positions.by_ref() {
                if runs.len() == size {
                    next = Some(position);
                    break;
                }
                let run = convert::run(study, RunId { trial, fold });
                runs.extend(run.filter(|run| !troubled || convert::is_troubled(run)));
            }
            let next_page_token = next.map(|next| next.to_string()).unwrap_or_default();
            Some(proto::ListRunsResponse { runs, next_page_token })
        });
        Ok(Response::new(page.await?.unwrap_or_default()))
    }

    async fn get_report(&self, request: Request<proto::GetReportRequest>) -> Answer<Chunks> {
        let asker = Asker::of(request.extensions());
        let request = request.into_inner();
        let form = request.form();
        let options = TableOptions {
            width: Some(request.width as usize).filter(|&width| width > 0),
            color: request.color,
        };
        let outline = self.of_study(request.name, reporting::outline).await?;
        let outline = outline.ok_or_else(gone)?;
        let text = blocking::run(|| {
            let report = reporting::report(outline, &self.results, &self.artifacts)?;
            Ok(match form {
                proto::ReportForm::Page => foldwise_report::table(&report, options),
                proto::ReportForm::Json | proto::ReportForm::Unspecified => foldwise_report::json(&report),
            })
        });
        let bytes = text.map_err(|error| status::of_store(&error))?.into_bytes();
        let starts = (0..bytes.len()).step_by(CHUNK_BYTES);
        // Each part is copied when its turn comes.
        let chunks = starts.map(move |start| {
            asker.good()?;
            let data = bytes[start..bytes.len().min(start + CHUNK_BYTES)].to_vec();
            Ok(proto::Chunk { data })
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }

    async fn find_parcel(
        &self,
        request: Request<proto::FindParcelRequest>,
    ) -> Answer<proto::FindParcelResponse> {
        Self::find_parcel(self, &request.get_ref().digest).map(Response::new)
    }

    async fn upload_parcel(
        &self,
        request: Request<Streaming<proto::UploadParcelRequest>>,
    ) -> Answer<proto::UploadParcelResponse> {
        let asker = Asker::of(request.extensions());
        self.take_parcel(&asker, request.into_inner()).await.map(Response::new)
    }

    async fn get_artifact(&self, request: Request<proto::GetArtifactRequest>) -> Answer<Chunks> {
        let asker = Asker::of(request.extensions());
        let proto::GetArtifactRequest { digest, offset } = request.into_inner();
        let opened = self.artifacts.open_from(&digest, offset);
        let mut file = opened.map_err(|error| status::of_artifact(&error))?;
        let (sender, receiver) = mpsc::channel(CHUNK_QUEUE_MAX);
        tokio::spawn(async move {
            loop {
                let read = || file.next_part().map_err(|error| status::of_artifact(&error));
                let part = match asker.good().and_then(|()| blocking::run(read)) {
                    Ok(Some(data)) => Ok(proto::Chunk { data }),
                    Ok(None) => break,
                    Err(status) => Err(status),
                };
                let failed = part.is_err();
                if sender.send(part).await.is_err() || failed {
                    break;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn list_workers(
        &self,
        _request: Request<proto::ListWorkersRequest>,
    ) -> Answer<proto::ListWorkersResponse> {
        let read = self.desk.read(|ledger, now| {
            let workers = ledger.workers().values();
            workers.map(|worker| convert::worker(worker, now, ledger.lease_ms())).collect()
        });
        let workers = read.await.map_err(|refusal| status::of_refusal(&refusal))?;
        Ok(Response::new(proto::ListWorkersResponse { workers }))
    }

    async fn drain_worker(&self, request: Request<proto::DrainWorkerRequest>) -> Answer<proto::Worker> {
        let asker = Asker::of(request.extensions());
        let id = request.into_inner().worker;
        asker.note(&id);
        let name = id.clone();
        // Before it is told: one without work leaves at once, and is drained all the same.
        let read = self.desk.read(move |ledger, now| {
            ledger.workers().get(&name).map(|worker| convert::worker(worker, now, ledger.lease_ms()))
        });
        let known = read.await.map_err(|refusal| status::of_refusal(&refusal))?;
        let reply = self.desk.command(Command::DrainWorker(id)).await;
        reply.map_err(|refusal| status::of_refusal(&refusal))?;
        let known = known.ok_or_else(|| Status::not_found("the worker has just come; ask again"))?;
        Ok(Response::new(proto::Worker { draining: true, ..known }))
    }
}

fn spec_format(format: proto::SpecFormat) -> Result<Format, Status> {
    match format {
        proto::SpecFormat::Toml => Ok(Format::Toml),
        proto::SpecFormat::Yaml => Ok(Format::Yaml),
        proto::SpecFormat::Json => Ok(Format::Json),
        proto::SpecFormat::Unspecified => {
            Err(Status::invalid_argument("`format` is missing: toml, yaml or json"))
        }
    }
}

fn gone() -> Status {
    Status::internal("a study that was found is gone")
}

fn page_size(asked: u32, usual: usize, most: usize) -> usize {
    match asked as usize {
        0 => usual,
        asked => asked.min(most),
    }
}

fn page_token(token: &str) -> Result<Option<u64>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let number = token.parse();
    number.map(Some).map_err(|_| Status::invalid_argument("`page_token` is not one that was handed out"))
}
