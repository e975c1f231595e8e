//! A coordinator as this program talks to it: every call, and what its failures mean to a person.

use foldwise_line::{Bearer, Credentials, Line, LineError};
use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::{
    CancelStudyRequest, Chunk, CreateStudyRequest, DeleteStudyRequest, DrainWorkerRequest,
    ExtendStudyRequest, GetArtifactRequest, GetReportRequest, GetStudyRequest, ListRunsRequest,
    ListStudiesRequest, ListWorkersRequest, PauseStudyRequest, PrioritizeStudyRequest, ReportForm,
    ResumeStudyRequest, RetryStudyRequest, Run, Study, StudyEvent, WatchStudyRequest, Worker,
};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use tonic_health::pb::health_client::HealthClient;

use crate::arguments::Target;
use crate::render::TableOptions;
use crate::spec_file::SpecText;

mod call_error;
mod health;
mod keys;
mod leading;
mod parcel;

pub(crate) use call_error::CallError;
pub(crate) use keys::Keys;

/// Largest message taken in; the coordinator's own limit.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Studies in one page.
const STUDIES_PER_PAGE: u32 = 1_000;
/// Runs in one page.
const RUNS_PER_PAGE: u32 = 10_000;

/// A connection to a coordinator.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// All that it was told, where it may have to choose again.
    target: Option<Target>,
    url: String,
    studies: StudyServiceClient<InterceptedService<Channel, Bearer>>,
    health: HealthClient<Channel>,
}

impl Client {
    /// Connects to the coordinator that is meant; of several, to the one that leads.
    pub(crate) async fn connect(target: &Target) -> Result<Self, CallError> {
        let (line, channel) = connected(target).await?;
        Ok(Self { target: Some(target.clone()), ..Self::over(&line, channel) })
    }

    /// Connects to one that this process started.
    pub(crate) async fn on_this_machine(url: &str) -> Result<Self, CallError> {
        let line = Line::new(url, &Credentials::default())?;
        let channel = over(&line).await?;
        Ok(Self::over(&line, channel))
    }

    /// Connects again, to another coordinator if that one leads now.
    pub(crate) async fn again(&self) -> Result<Self, CallError> {
        match &self.target {
            Some(target) => Self::connect(target).await,
            None => Ok(self.clone()),
        }
    }

    fn over(line: &Line, channel: Channel) -> Self {
        // Whether it serves it tells everybody: nobody's token goes there.
        let health = HealthClient::new(channel.clone());
        let studies = StudyServiceClient::with_interceptor(channel, line.bearer());
        let studies = studies.max_decoding_message_size(MESSAGE_BYTES_MAX);
        Self { target: None, url: line.url().to_owned(), studies, health }
    }

    /// Submits a study.
    pub(crate) async fn create_study(&self, request_id: &str, spec: &SpecText) -> Result<Study, CallError> {
        let request = CreateStudyRequest {
            request_id: request_id.to_owned(),
            spec: spec.text.clone(),
            format: spec.proto_format().into(),
            parcel: spec.parcel.clone().unwrap_or_default(),
        };
        let answer = self.studies.clone().create_study(request).await;
        answer.map(tonic::Response::into_inner).map_err(self.failed("submit the study"))
    }

    /// One study.
    pub(crate) async fn study(&self, name: &str) -> Result<Study, CallError> {
        let answer = self.studies.clone().get_study(GetStudyRequest { name: name.to_owned() }).await;
        answer.map(tonic::Response::into_inner).map_err(self.failed("look the study up"))
    }

    /// All studies, newest first.
    pub(crate) async fn studies(&self) -> Result<Vec<Study>, CallError> {
        let mut all = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListStudiesRequest { page_size: STUDIES_PER_PAGE, page_token };
            let answer = self.studies.clone().list_studies(request).await;
            let page = answer.map_err(self.failed("list the studies"))?.into_inner();
            all.extend(page.studies);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// The runs of a study that failed, and open ones whose last attempt did, in order of trial and fold.
    pub(crate) async fn troubled_runs(&self, study: &str) -> Result<Vec<Run>, CallError> {
        let mut all = Vec::new();
        let mut page_token = String::new();
        loop {
            let parent = study.to_owned();
            let request = ListRunsRequest { parent, page_size: RUNS_PER_PAGE, page_token, troubled: true };
            let answer = self.studies.clone().list_runs(request).await;
            let page = answer.map_err(self.failed("list the study's runs"))?.into_inner();
            all.extend(page.runs);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Ends a study early.
    pub(crate) async fn cancel(&self, study: &str) -> Result<Study, CallError> {
        let answer = self.studies.clone().cancel_study(CancelStudyRequest { name: study.to_owned() }).await;
        answer.map(tonic::Response::into_inner).map_err(self.failed("cancel the study"))
    }

    /// Holds a study.
    pub(crate) async fn pause(&self, study: &str) -> Result<Study, CallError> {
        let answer = self.studies.clone().pause_study(PauseStudyRequest { name: study.to_owned() }).await;
        answer.map(tonic::Response::into_inner).map_err(self.failed("pause the study"))
    }

    /// Goes on with a study.
    pub(crate) async fn resume(&self, study: &str) -> Result<Study, CallError> {
        let answer = self.studies.clone().resume_study(ResumeStudyRequest { name: study.to_owned() }).await;
        answer.map(tonic::Response::into_inner).map_err(self.failed("resume the study"))
    }

    /// Gives a study another priority.
    pub(crate) async fn prioritize(&self, study: &str, priority: i32) -> Result<Study, CallError> {
        let request = PrioritizeStudyRequest { name: study.to_owned(), priority };
        let answer = self.studies.clone().prioritize_study(request).await;
        answer.map(tonic::Response::into_inner).map_err(self.failed("give the study a priority"))
    }

    /// Tries failed and cancelled runs again.
    pub(crate) async fn retry(&self, study: &str) -> Result<Study, CallError> {
        let answer = self.studies.clone().retry_study(RetryStudyRequest { name: study.to_owned() }).await;
        answer.map(tonic::Response::into_inner).map_err(self.failed("retry the study's failed runs"))
    }

    /// Adds trials or folds.
    pub(crate) async fn extend(&self, study: &str, spec: &SpecText) -> Result<Study, CallError> {
        let (name, format) = (study.to_owned(), spec.proto_format().into());
        let parcel = spec.parcel.clone().unwrap_or_default();
        let request = ExtendStudyRequest { name, spec: spec.text.clone(), format, parcel };
        let answer = self.studies.clone().extend_study(request).await;
        answer.map(tonic::Response::into_inner).map_err(self.failed("extend the study"))
    }

    /// Forgets a study that is over.
    pub(crate) async fn delete(&self, study: &str) -> Result<(), CallError> {
        let answer = self.studies.clone().delete_study(DeleteStudyRequest { name: study.to_owned() }).await;
        answer.map(drop).map_err(self.failed("delete the study"))
    }

    /// Tells a worker to hand back what it has and end.
    pub(crate) async fn drain(&self, worker: &str) -> Result<Worker, CallError> {
        let answer =
            self.studies.clone().drain_worker(DrainWorkerRequest { worker: worker.to_owned() }).await;
        answer.map(tonic::Response::into_inner).map_err(self.failed("drain the worker"))
    }

    /// What happens to a study, from now or from where an earlier stream's last token says, until it ends.
    pub(crate) async fn watch(&self, study: &str, resume_token: &str) -> Result<Events, CallError> {
        let request = WatchStudyRequest { name: study.to_owned(), resume_token: resume_token.to_owned() };
        let answer = self.studies.clone().watch_study(request).await;
        let stream = answer.map_err(self.failed("watch the study"))?.into_inner();
        Ok(Events { url: self.url.clone(), stream })
    }

    /// A study's report as JSON.
    pub(crate) async fn report(&self, study: &str) -> Result<Vec<u8>, CallError> {
        let (name, form) = (study.to_owned(), ReportForm::Json.into());
        self.written(GetReportRequest { name, form, ..GetReportRequest::default() }).await
    }

    /// A study's report as a page for people.
    pub(crate) async fn page(&self, study: &str, options: TableOptions) -> Result<String, CallError> {
        let width = options.width.map_or(0, |width| u32::try_from(width).unwrap_or(0));
        let (name, form) = (study.to_owned(), ReportForm::Page.into());
        let page = self.written(GetReportRequest { name, form, width, color: options.color }).await?;
        Ok(String::from_utf8_lossy(&page).into_owned())
    }

    async fn written(&self, request: GetReportRequest) -> Result<Vec<u8>, CallError> {
        const ATTEMPT: &str = "get the study's report";
        let answer = self.studies.clone().get_report(request).await;
        let mut stream = answer.map_err(self.failed(ATTEMPT))?.into_inner();
        let mut bytes = Vec::new();
        while let Some(Chunk { data }) = stream.message().await.map_err(self.failed(ATTEMPT))? {
            bytes.extend(data);
        }
        Ok(bytes)
    }

    /// A kept file, in parts.
    pub(crate) async fn artifact(&self, digest: &str) -> Result<Parts, CallError> {
        let answer = self
            .studies
            .clone()
            .get_artifact(GetArtifactRequest { digest: digest.to_owned(), offset: 0 })
            .await;
        let stream = answer.map_err(self.failed("get the artifact"))?.into_inner();
        Ok(Parts { url: self.url.clone(), stream })
    }

    /// The workers that are known.
    pub(crate) async fn workers(&self) -> Result<Vec<Worker>, CallError> {
        let answer = self.studies.clone().list_workers(ListWorkersRequest {}).await;
        Ok(answer.map_err(self.failed("list the workers"))?.into_inner().workers)
    }

    fn failed(&self, attempt: &'static str) -> impl FnOnce(Status) -> CallError + '_ {
        move |status| CallError::of_status(attempt, &self.url, &status)
    }
}

/// Connects to the coordinator that is meant.
async fn connected(target: &Target) -> Result<(Line, Channel), CallError> {
    let credentials = target.credentials.read().map_err(LineError::from)?;
    let addresses: Vec<&str> = target.coordinator.split(',').map(str::trim).collect();
    let [address] = addresses[..] else { return leading::find(&addresses, &credentials).await };
    let line = Line::new(address, &credentials)?;
    let channel = over(&line).await?;
    Ok((line, channel))
}

async fn over(line: &Line) -> Result<Channel, CallError> {
    line.connect().await.map_err(|error| CallError::unreachable(line.url(), &error))
}

/// What happens to a study.
#[derive(Debug)]
pub(crate) struct Events {
    url: String,
    stream: Streaming<StudyEvent>,
}

impl Events {
    /// The next event; `None` when the study has ended.
    pub(crate) async fn next(&mut self) -> Result<Option<StudyEvent>, CallError> {
        let event = self.stream.message().await;
        event.map_err(|status| CallError::of_status("watch the study", &self.url, &status))
    }
}

/// A file in parts.
#[derive(Debug)]
pub(crate) struct Parts {
    url: String,
    stream: Streaming<Chunk>,
}

impl Parts {
    /// The next part; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, CallError> {
        let part = self.stream.message().await;
        let part = part.map_err(|status| CallError::of_status("get the artifact", &self.url, &status))?;
        Ok(part.map(|chunk| chunk.data))
    }
}

#[cfg(test)]
mod tests {
    use super::{CallError, Client};

    #[tokio::test]
    async fn addresses_that_cannot_be_meant_are_refused() {
        for url in ["ftp://127.0.0.1:1", "http://", "unix:///x"] {
            assert!(matches!(Client::on_this_machine(url).await, Err(CallError::Line(_))), "{url}");
        }
    }
}
