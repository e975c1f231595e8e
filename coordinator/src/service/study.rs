//! `foldwise.v1.StudyService`.

use std::pin::Pin;

use foldwise_data::Cache;
use foldwise_proto::v1::study_service_server::StudyService;
use foldwise_proto::v1::{self as proto};
use foldwise_study::plan::RunId;
use foldwise_study::spec::Format;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::watch::Watch;
use super::{convert, status};
use crate::artifacts::{Artifacts, CHUNK_BYTES};
use crate::committer::Desk;
use crate::events::Events;
use crate::ledger::{Command, Ledger, Now, Rejection, Reply, StudyId};
use crate::reporting;
use crate::store::Results;
use crate::submission;

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
        let study =
            self.of_study(name, |ledger, id, _| ledger.studies().get(&id).map(convert::study)).await?;
        study.map(Response::new).ok_or_else(|| Status::internal("a study that was found is gone"))
    }
}

#[tonic::async_trait]
impl StudyService for Studies {
    type WatchStudyStream = ReceiverStream<Result<proto::StudyEvent, Status>>;
    type GetReportStream = Chunks;
    type GetArtifactStream = Chunks;

    async fn create_study(&self, request: Request<proto::CreateStudyRequest>) -> Answer<proto::Study> {
        let request = request.into_inner();
        let format = match request.format() {
            proto::SpecFormat::Toml => Format::Toml,
            proto::SpecFormat::Yaml => Format::Yaml,
            proto::SpecFormat::Json => Format::Json,
            proto::SpecFormat::Unspecified => {
                return Err(Status::invalid_argument("`format` is missing: toml, yaml or json"));
            }
        };
        let cache = self.cache.clone();
        let prepared = tokio::task::spawn_blocking(move || {
            submission::prepare(&request.request_id, &request.spec, format, &cache)
        });
        let record = prepared.await.map_err(|_| Status::internal("checking the spec was interrupted"))?;
        let record = record.map_err(|error| status::of_submission(&error))?;
        let reply = self.desk.command(Command::CreateStudy(Box::new(record))).await;
        match reply.map_err(|refusal| status::of_refusal(&refusal))? {
            Reply::Study(study) => self.study(study.to_string()).await,
            other => Err(Status::internal(format!("unexpected reply {other:?}"))),
        }
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
        let read = self.desk.read(move |ledger, _| {
            let studies = ledger.studies().range(..before).rev();
            let mut page: Vec<_> = studies.take(size + 1).map(|(_, study)| study).collect();
            let more = page.len() > size;
            page.truncate(size);
            let last = page.last().map(|study| study.number).filter(|_| more);
            proto::ListStudiesResponse {
                studies: page.into_iter().map(convert::study).collect(),
                next_page_token: last.map(|number| number.to_string()).unwrap_or_default(),
            }
        });
        read.await.map(Response::new).map_err(|refusal| status::of_refusal(&refusal))
    }

    async fn cancel_study(&self, request: Request<proto::CancelStudyRequest>) -> Answer<proto::Study> {
        let id = self.of_study(request.into_inner().name, |_, id, _| id).await?;
        let reply = self.desk.command(Command::CancelStudy(id)).await;
        reply.map_err(|refusal| status::of_refusal(&refusal))?;
        self.study(id.to_string()).await
    }

    async fn watch_study(
        &self,
        request: Request<proto::WatchStudyRequest>,
    ) -> Answer<Self::WatchStudyStream> {
        // Subscribed before the first snapshot is read, so that nothing falls between.
        let happenings = self.events.watch();
        let study = self.of_study(request.into_inner().name, |_, id, _| id).await?;
        let (sender, receiver) = mpsc::channel(WATCH_QUEUE_MAX);
        let watch = Watch { desk: self.desk.clone(), study, happenings, stop: self.stop.clone() };
        tokio::spawn(watch.run(sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn list_runs(&self, request: Request<proto::ListRunsRequest>) -> Answer<proto::ListRunsResponse> {
        let request = request.into_inner();
        let size = page_size(request.page_size, 1000, 10_000);
        // The token is the position of the next run.
        let from = usize::try_from(page_token(&request.page_token)?.unwrap_or(0)).unwrap_or(usize::MAX);
        let page = self.of_study(request.parent, move |ledger, id, _| {
            let study = ledger.studies().get(&id)?;
            let positions = convert::positions(study).skip(from).take(size);
            let runs: Vec<_> =
                positions.filter_map(|(trial, fold)| convert::run(study, RunId { trial, fold })).collect();
            let next = from.saturating_add(runs.len());
            let more = next < study.runs.len();
            let next_page_token = if more { next.to_string() } else { String::new() };
            Some(proto::ListRunsResponse { runs, next_page_token })
        });
        Ok(Response::new(page.await?.unwrap_or_default()))
    }

    async fn get_report(&self, request: Request<proto::GetReportRequest>) -> Answer<Chunks> {
        let outline = self.of_study(request.into_inner().name, reporting::outline).await?;
        let outline = outline.ok_or_else(|| Status::internal("a study that was found is gone"))?;
        let results = self.results.clone();
        let json = tokio::task::spawn_blocking(move || reporting::json(outline, &results)).await;
        let json = json.map_err(|_| Status::internal("making the report was interrupted"))?;
        let bytes = json.map_err(|error| status::of_store(&error))?.into_bytes();
        let chunks: Vec<_> =
            bytes.chunks(CHUNK_BYTES).map(|part| Ok(proto::Chunk { data: part.to_vec() })).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }

    async fn get_artifact(&self, request: Request<proto::GetArtifactRequest>) -> Answer<Chunks> {
        let digest = request.into_inner().digest;
        let mut file = self.artifacts.open_file(&digest).map_err(|error| status::of_artifact(&error))?;
        let (sender, receiver) = mpsc::channel(CHUNK_QUEUE_MAX);
        tokio::task::spawn_blocking(move || {
            loop {
                let part = match file.next_part() {
                    Ok(Some(data)) => Ok(proto::Chunk { data }),
                    Ok(None) => break,
                    Err(error) => Err(status::of_artifact(&error)),
                };
                let failed = part.is_err();
                if sender.blocking_send(part).is_err() || failed {
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
