//! Results on their way in, over a real socket: the files that go with them, what is refused, and what is left of it.

mod server;

use std::collections::BTreeSet;

use foldwise_coordinator::store::{Store, StoredRun, backup, inspect};
use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::worker_service_client::WorkerServiceClient;
use foldwise_proto::{PROTOCOL_VERSION, v1};
use server::{Server, start};
use tonic::transport::Channel;
use tonic::{Code, Status};

const SPEC: &str = "name = \"measured\"\n[data]\ndataset = \"fashion-mnist\"\ntrain_rows = 300\n[validation]\n\
    k_fold = { folds = 2 }\n[network]\nmlp = { hidden = [8] }\n[train]\nepochs = 2\nbatch_size = 100\n\
    optimizer = { kind = \"sgd\", lr = 0.1 }\n[final]\nskip = true\n[plan]\nwidth = 2\n[measure]\nweights = true\n\
    snapshots = { every = 1 }\n";

fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// A file of two copies of two weights.
fn copies(first: f32) -> Vec<u8> {
    let header = r#"{"snapshots":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend([first, 2.0, 3.0, 4.0].iter().flat_map(|number| number.to_le_bytes()));
    file
}

/// What a run measured that names these copies.
fn line(file: &[u8]) -> String {
    let digest = digest(file);
    format!(
        r#"{{"layers":["1","3"],"epochs":[{{"epoch":1,"weight_norm":1.5,"layer_weight_norms":[1.0,null]}}],"snapshots":{{"digest":"{digest}","epochs":[1,2],"weights":2}}}}"#
    )
}

fn both() -> String {
    format!("{}\n{}\n", line(&copies(1.0)), line(&copies(2.0)))
}

/// A worker that does as told.
struct Hand {
    workers: WorkerServiceClient<Channel>,
    studies: StudyServiceClient<Channel>,
    name: &'static str,
}

impl Hand {
    async fn of(server: &Server, name: &'static str) -> Self {
        let mut workers = WorkerServiceClient::new(server.channel.clone());
        let slot =
            v1::Slot { index: 0, device: "cpu".to_owned(), model: "test".to_owned(), lease: String::new() };
        let introduction = v1::RegisterWorkerRequest {
            worker: name.to_owned(),
            protocol_version: PROTOCOL_VERSION,
            software: "test".to_owned(),
            slots: vec![slot],
            allows_commands: false,
        };
        workers.register_worker(introduction).await.expect("registers");
        Self { workers, studies: StudyServiceClient::new(server.channel.clone()), name }
    }

    async fn submit(&mut self) {
        let (request_id, spec) = ("a".to_owned(), SPEC.to_owned());
        let format = v1::SpecFormat::Toml.into();
        self.studies
            .create_study(v1::CreateStudyRequest { request_id, spec, format, parcel: String::new() })
            .await
            .expect("is taken");
    }

    async fn lease(&mut self) -> v1::Lease {
        let request = v1::LeaseCohortRequest { worker: self.name.to_owned(), slot: 0, wait_seconds: 5.0 };
        let lease = self.workers.lease_cohort(request).await.expect("answers").into_inner().lease;
        lease.expect("work")
    }

    async fn upload(&mut self, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        let chunks = bytes.chunks(1 << 20).map(<[u8]>::to_vec);
        let first = v1::UploadArtifactRequest { digest: digest.clone(), data: Vec::new() };
        let parts = chunks.map(|data| v1::UploadArtifactRequest { digest: String::new(), data });
        let parts: Vec<_> = std::iter::once(first).chain(parts).collect();
        self.workers.upload_artifact(tokio_stream::iter(parts)).await.expect("is kept");
        digest
    }

    async fn complete(&mut self, lease: &v1::Lease, measurements: &str) -> Result<bool, Status> {
        let epoch = |epoch| v1::Epoch {
            epoch,
            train_loss: 0.5,
            train_accuracy: Some(0.5),
            val_loss: Some(0.5),
            val_accuracy: Some(0.5),
            lr: 0.1,
        };
        let outcome = |run: &v1::RunId| v1::Outcome {
            trial: run.trial,
            fold: run.fold,
            epochs: vec![epoch(1), epoch(2)],
            seconds: 1.0,
            ..v1::Outcome::default()
        };
        let request = v1::CompleteCohortRequest {
            worker: self.name.to_owned(),
            lease: lease.name.clone(),
            outcomes: lease.runs.iter().map(outcome).collect(),
            device_model: "test".to_owned(),
            software: "test".to_owned(),
            measurements_digest: measurements.to_owned(),
            next_slot: None,
        };
        self.workers.complete_cohort(request).await.map(|answer| answer.into_inner().accepted)
    }

    async fn upload_all(&mut self) -> String {
        self.upload(&copies(1.0)).await;
        self.upload(&copies(2.0)).await;
        self.upload(both().as_bytes()).await
    }
}

fn files(server: &Server) -> BTreeSet<String> {
    let entries = std::fs::read_dir(server.folder.path().join("artifacts")).expect("lists");
    entries.map(|entry| entry.expect("lists").file_name().into_string().expect("a digest")).collect()
}

fn kept_copies() -> BTreeSet<String> {
    [digest(&copies(1.0)), digest(&copies(2.0))].into()
}

/// The results in a copy of a server's state.
fn stored(server: &Server) -> Vec<StoredRun> {
    let parent = tempfile::tempdir().expect("folder");
    let copy = parent.path().join("copy");
    backup(server.folder.path(), &copy).expect("copies");
    let store = foldwise_coordinator::store::Sqlite::open(&copy).expect("opens");
    store.results().runs(1).expect("reads")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_measured_survives_restarts_and_its_files_stay() {
    let server = start().await;
    let mut hand = Hand::of(&server, "w").await;
    hand.submit().await;
    let lease = hand.lease().await;
    let measurements = hand.upload_all().await;
    assert!(hand.complete(&lease, &measurements).await.expect("is taken"));
    assert_eq!(files(&server), kept_copies(), "the lines are in the database");
    // Its answer was lost: told again, though the file of lines has gone.
    assert!(hand.complete(&lease, &measurements).await.expect("is known"));
    let server = server.restart().await;
    assert_eq!(files(&server), kept_copies(), "the sweep leaves what is needed");
    let runs = stored(&server);
    assert_eq!(runs.len(), 2, "one result per run");
    for (run, file) in runs.iter().zip([copies(1.0), copies(2.0)]) {
        let measured = run.outcome.measurements.as_ref().expect("was measured");
        assert_eq!(serde_json::to_string(measured).expect("is ours"), line(&file));
    }
    assert_eq!(inspect(server.folder.path()).expect("reads").studies[0].measured, 2);
    let mut hand = Hand::of(&server, "w").await;
    let request = v1::GetArtifactRequest { digest: digest(&copies(2.0)), offset: 0 };
    let mut parts = hand.studies.get_artifact(request).await.expect("is there").into_inner();
    assert_eq!(parts.message().await.expect("reads").expect("a part").data, copies(2.0));
    let report = v1::GetReportRequest { name: "1".to_owned(), ..v1::GetReportRequest::default() };
    hand.studies.get_report(report).await.expect("is made from them");
    hand.studies.delete_study(v1::DeleteStudyRequest { name: "1".to_owned() }).await.expect("is over");
    assert_eq!(files(&server), BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_malformed_is_refused_with_its_field_and_changes_nothing() {
    let server = start().await;
    let mut hand = Hand::of(&server, "w").await;
    hand.submit().await;
    let lease = hand.lease().await;
    hand.upload(&copies(1.0)).await;
    hand.upload(&copies(2.0)).await;
    let good = both();
    let long = format!("{{\"layers\":[\"{}\"]}}\n\n", "x".repeat(8 << 20));
    let other_file = hand.upload(b"no copies").await;
    for (bad, field) in [
        ("{}\n".to_owned(), "`measurements[1]` is missing"),
        (format!("{good}\n"), "`measurements` have more lines"),
        (good.replace("[1.0,null]", "[1.0]"), "`measurements[0].epochs[0].layer_weight_norms` has 1 numbers"),
        (good.replace("\"weights\":2", "\"weights\":3"), "`measurements[0].snapshots.digest` names a file"),
        (good.replace(&digest(&copies(2.0)), &other_file), "`measurements[1].snapshots.digest` names a file"),
        (good.replace(&digest(&copies(2.0)), "x"), "`measurements[1].snapshots.digest` is no digest"),
        (long, "`measurements[0]` has more than 8388608 bytes"),
    ] {
        let measurements = hand.upload(bad.as_bytes()).await;
        let refused = hand.complete(&lease, &measurements).await.expect_err(field);
        assert_eq!(refused.code(), Code::InvalidArgument, "{}", refused.message());
        assert!(refused.message().starts_with(field), "{}", refused.message());
    }
    assert_eq!(stored(&server).len(), 0);
    let measurements = hand.upload(good.as_bytes()).await;
    assert!(hand.complete(&lease, &measurements).await.expect("the lease is still good"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_a_restart_swept_are_asked_for_again() {
    let server = start().await;
    let mut hand = Hand::of(&server, "w").await;
    hand.submit().await;
    let lease = hand.lease().await;
    let measurements = hand.upload_all().await;
    let server = server.restart().await;
    assert_eq!(files(&server), BTreeSet::new(), "nobody had named them");
    let mut hand = Hand::of(&server, "w").await;
    let refused = hand.complete(&lease, &measurements).await.expect_err("the lines are gone");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    hand.upload(both().as_bytes()).await;
    let refused = hand.complete(&lease, &measurements).await.expect_err("the copies are gone");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("upload it"), "{}", refused.message());
    let measurements = hand.upload_all().await;
    assert!(hand.complete(&lease, &measurements).await.expect("is taken"));
    assert_eq!(files(&server), kept_copies());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_result_leaves_no_files_and_takes_none() {
    let server = start().await;
    let mut slow = Hand::of(&server, "slow").await;
    slow.submit().await;
    let first = slow.lease().await;
    let failure = v1::FailCohortRequest {
        worker: "slow".to_owned(),
        lease: first.name.clone(),
        kind: v1::FailureKind::Released.into(),
        message: String::new(),
    };
    slow.workers.fail_cohort(failure).await.expect("is handed back");
    let mut fast = Hand::of(&server, "fast").await;
    let second = fast.lease().await;
    let measurements = fast.upload_all().await;
    assert!(fast.complete(&second, &measurements).await.expect("is taken"));
    // The same copies of the first run, others of the second.
    slow.upload(&copies(1.0)).await;
    slow.upload(&copies(9.0)).await;
    let late = format!("{}\n{}\n", line(&copies(1.0)), line(&copies(9.0)));
    let measurements = slow.upload(late.as_bytes()).await;
    assert!(!slow.complete(&first, &measurements).await.expect("is answered"));
    assert_eq!(files(&server), kept_copies());
    assert_eq!(stored(&server).len(), 2);
}
