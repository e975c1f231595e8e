//! Watching a study over a real socket: what was missed is told, and who does not read is dropped.

use std::time::Duration;

use foldwise_coordinator::{Config, Coordinator, Listener};
use foldwise_data::Cache;
use foldwise_proto::PROTOCOL_VERSION;
use foldwise_proto::v1::study_event::Event;
use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::worker_service_client::WorkerServiceClient;
use foldwise_proto::v1::{self as proto};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

const PATIENCE: Duration = Duration::from_secs(60);

/// A study, a worker that has its first cohort, and who watches.
struct Scene {
    watching: StudyServiceClient<Channel>,
    workers: WorkerServiceClient<Channel>,
    lease: proto::Lease,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let listen = "127.0.0.1:0".parse().expect("an address");
        let config = Config { listen, state: folder.path().to_owned(), ..Config::default() };
        let coordinator = Coordinator::open(&config, Cache::at("/nonexistent")).expect("opens");
        let listener = Listener::bind(&config).await.expect("binds");
        let url = format!("http://{}", listener.address());
        tokio::spawn(coordinator.serve(listener.incoming(), CancellationToken::new()));
        // Little room on the way, so that a watcher that does not read is noticed soon.
        let endpoint = Channel::from_shared(url).expect("a URL");
        let narrow =
            endpoint.clone().initial_stream_window_size(65_535).initial_connection_window_size(65_535);
        let watching = StudyServiceClient::new(narrow.connect().await.expect("connects"));
        let channel = endpoint.connect().await.expect("connects");
        let mut studies = StudyServiceClient::new(channel.clone());
        let mut workers = WorkerServiceClient::new(channel);
        let spec = "name = \"s\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = { folds = 2 }\n[network]\n\
                    mlp = { hidden = [8] }\n[train]\nepochs = 20000\nbatch_size = 100\noptimizer = { kind = \"sgd\", lr = 0.1 }\n";
        let (request_id, format) = ("r".to_owned(), proto::SpecFormat::Toml.into());
        let create =
            proto::CreateStudyRequest { request_id, spec: spec.to_owned(), format, parcel: String::new() };
        studies.create_study(create).await.expect("creates");
        let slot = proto::Slot { device: "cpu".to_owned(), ..proto::Slot::default() };
        let register = proto::RegisterWorkerRequest {
            worker: "w".to_owned(),
            protocol_version: PROTOCOL_VERSION,
            software: String::new(),
            slots: vec![slot],
            allows_commands: false,
        };
        workers.register_worker(register).await.expect("registers");
        let ask = proto::LeaseCohortRequest { worker: "w".to_owned(), slot: 0, wait_seconds: 5.0 };
        let lease = workers.lease_cohort(ask).await.expect("answers").into_inner().lease.expect("work");
        Self { watching, workers, lease, _folder: folder }
    }

    async fn train(&mut self, epochs: impl Iterator<Item = u32>) {
        let run = self.lease.runs.first().copied();
        let epoch = |epoch| Some(proto::Epoch { epoch, ..proto::Epoch::default() });
        let epochs = epochs.map(|number| proto::MemberEpoch { run, epoch: epoch(number) }).collect();
        let (worker, lease) = ("w".to_owned(), self.lease.name.clone());
        let report = proto::ReportProgressRequest { worker, lease, epochs };
        self.workers.report_progress(report).await.expect("answers");
    }

    async fn watch(&mut self, resume_token: &str) -> Streaming<proto::StudyEvent> {
        let (name, resume_token) = ("s".to_owned(), resume_token.to_owned());
        let request = proto::WatchStudyRequest { name, resume_token };
        self.watching.watch_study(request).await.expect("watches").into_inner()
    }
}

async fn next(stream: &mut Streaming<proto::StudyEvent>) -> Result<proto::StudyEvent, tonic::Status> {
    let event = tokio::time::timeout(PATIENCE, stream.message()).await.expect("something happens");
    event.map(|event| event.expect("the study goes on"))
}

/// The next epoch, and the token that came with it.
async fn next_epoch(stream: &mut Streaming<proto::StudyEvent>) -> (u32, String) {
    loop {
        let event = next(stream).await.expect("goes on");
        if let Some(Event::Epoch(epoch)) = event.event {
            return (epoch.epoch.expect("an epoch").epoch, event.resume_token);
        }
    }
}

#[tokio::test]
async fn a_watcher_that_comes_back_with_its_token_misses_nothing() {
    let mut scene = Scene::start().await;
    let mut stream = scene.watch("").await;
    let first = next(&mut stream).await.expect("the study as it is");
    assert!(matches!(first.event, Some(Event::Study(_))));
    scene.train(1..=2).await;
    let (epoch, token) = next_epoch(&mut stream).await;
    assert_eq!(epoch, 1);
    drop(stream);
    scene.train(3..=4).await;
    let mut stream = scene.watch(&token).await;
    for expected in 2..=4 {
        assert_eq!(next_epoch(&mut stream).await.0, expected);
    }
}

/// The next run that changed: its state, and its worker.
async fn next_run(stream: &mut Streaming<proto::StudyEvent>) -> (proto::RunState, String) {
    loop {
        if let Some(Event::Run(run)) = next(stream).await.expect("goes on").event {
            return (run.state(), run.worker);
        }
    }
}

#[tokio::test]
async fn runs_that_come_to_a_worker_and_back_are_told() {
    let mut scene = Scene::start().await;
    let mut stream = scene.watch("").await;
    let failed = proto::FailCohortRequest {
        worker: "w".to_owned(),
        lease: scene.lease.name.clone(),
        kind: proto::FailureKind::Crash.into(),
        message: "gone".to_owned(),
    };
    scene.workers.fail_cohort(failed).await.expect("answers");
    let runs = scene.lease.runs.len();
    for _ in 0..runs {
        assert_eq!(next_run(&mut stream).await.0, proto::RunState::Queued);
    }
    let ask = proto::LeaseCohortRequest { worker: "w".to_owned(), slot: 0, wait_seconds: 5.0 };
    scene.workers.lease_cohort(ask).await.expect("answers").into_inner().lease.expect("the same work");
    for _ in 0..runs {
        assert_eq!(next_run(&mut stream).await, (proto::RunState::Leased, "w".to_owned()));
    }
}

#[tokio::test]
async fn a_token_that_nobody_handed_out_begins_anew() {
    let mut scene = Scene::start().await;
    scene.train(1..=2).await;
    let mut stream = scene.watch("12345-99").await;
    let first = next(&mut stream).await.expect("the study as it is");
    assert!(matches!(first.event, Some(Event::Study(_))));
    scene.train(3..=3).await;
    assert_eq!(next_epoch(&mut stream).await.0, 3, "what came before is in the study as it is");
}

#[tokio::test]
async fn a_watcher_that_does_not_read_is_dropped_and_told_how_to_come_back() {
    let mut scene = Scene::start().await;
    let mut stream = scene.watch("").await;
    // More than the network, the stream's queue and the backlog hold together.
    for _ in 0..20 {
        scene.train(1..=2_000).await;
    }
    let dropped = loop {
        if let Err(status) = next(&mut stream).await {
            break status;
        }
    };
    assert_eq!(dropped.code(), Code::ResourceExhausted, "{dropped}");
    assert!(dropped.message().contains("resume_token"), "{dropped}");
}
