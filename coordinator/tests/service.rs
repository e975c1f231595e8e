//! The services over a real socket: versions, health, reflection, pages and limits.

mod server;

use std::time::Duration;

use foldwise_coordinator::{Coordinator, StartError};
use foldwise_data::Cache;
use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::worker_service_client::WorkerServiceClient;
use foldwise_proto::{PROTOCOL_VERSION, v1};
use server::{config, start};
use tonic::Code;

fn spec(name: &str) -> String {
    format!(
        "name = \"{name}\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = {{ folds = 3 }}\n\
         [network]\nmlp = {{ hidden = [8] }}\n[train]\nepochs = 1\nbatch_size = 100\n\
         optimizer = {{ kind = \"sgd\", lr = 0.1 }}\n"
    )
}

fn create(request_id: &str, spec: String) -> v1::CreateStudyRequest {
    let format = v1::SpecFormat::Toml.into();
    v1::CreateStudyRequest { request_id: request_id.to_owned(), spec, format, parcel: String::new() }
}

fn introduction(protocol_version: u32) -> v1::RegisterWorkerRequest {
    let slot =
        v1::Slot { index: 0, device: "cpu".to_owned(), model: "test".to_owned(), lease: String::new() };
    let worker = "w".to_owned();
    v1::RegisterWorkerRequest {
        worker,
        protocol_version,
        software: "test".to_owned(),
        slots: vec![slot],
        allows_commands: false,
    }
}

#[tokio::test]
async fn a_worker_of_another_protocol_version_is_refused_with_the_remedy() {
    let server = start().await;
    let mut workers = WorkerServiceClient::new(server.channel.clone());
    let refused = workers.register_worker(introduction(PROTOCOL_VERSION + 1)).await.expect_err("is refused");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("install the same version"), "{}", refused.message());
    workers.register_worker(introduction(PROTOCOL_VERSION)).await.expect("the same version is taken");
}

#[tokio::test]
async fn studies_are_listed_in_pages_newest_first() {
    let server = start().await;
    let mut studies = StudyServiceClient::new(server.channel.clone());
    for name in ["a", "b", "c"] {
        studies.create_study(create(name, spec(name))).await.expect("is taken");
    }
    let again = studies.create_study(create("c", spec("c"))).await.expect("is taken again").into_inner();
    assert_eq!(again.name, "studies/3");
    let (mut names, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = v1::ListStudiesRequest { page_size: 2, page_token };
        let page = studies.list_studies(request).await.expect("lists").into_inner();
        names.extend(page.studies.into_iter().map(|study| study.display_name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["c", "b", "a"]);
}

#[tokio::test]
async fn a_parcel_is_that_which_was_sent_with_a_study() {
    let server = start().await;
    let mut studies = StudyServiceClient::new(server.channel.clone());
    let digest = "ab".repeat(32);
    let named = spec("x").replace("[data]\n", &format!("[data]\nparcel = \"{digest}\"\n"));
    let refused = studies.create_study(create("x", named)).await.expect_err("somebody else's, perhaps");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("data.parcel") || !refused.details().is_empty(), "{refused:?}");
    let sent = v1::CreateStudyRequest { parcel: digest.clone(), ..create("x", spec("x")) };
    let refused = studies.create_study(sent).await.expect_err("is not here");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("upload it first"), "{}", refused.message());
    let found = studies.find_parcel(v1::FindParcelRequest { digest: digest.clone() }).await;
    assert_eq!(
        found.expect("answered").into_inner(),
        v1::FindParcelResponse { kept: false, partial_bytes: 0 }
    );
    let parts = tokio_stream::iter([
        v1::UploadParcelRequest { digest, offset: 0, data: b"other bytes".to_vec() },
        v1::UploadParcelRequest { data: b"than announced".to_vec(), ..v1::UploadParcelRequest::default() },
    ]);
    let refused = studies.upload_parcel(parts).await.expect_err("has another digest");
    assert_eq!(refused.code(), Code::DataLoss);
    let refused = studies.find_parcel(v1::FindParcelRequest { digest: "../x".to_owned() }).await;
    assert_eq!(refused.expect_err("is no digest").code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_bad_spec_comes_back_problem_by_problem() {
    use tonic_types::StatusExt;
    let server = start().await;
    let mut studies = StudyServiceClient::new(server.channel.clone());
    let bad = spec("x").replace("epochs = 1", "epochs = 0\nepoch = 3");
    let refused = studies.create_study(create("x", bad)).await.expect_err("is refused");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let violations = refused.get_details_bad_request().expect("details").field_violations;
    assert_eq!(violations.len(), 2, "{violations:?}");
    assert!(violations[0].description.starts_with("line 9, column 10: train.epochs: must be at least 1"));
}

#[tokio::test]
async fn health_and_reflection_answer() {
    use tonic_health::pb::health_client::HealthClient;
    use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
    let server = start().await;
    let mut health = HealthClient::new(server.channel.clone());
    let service = "foldwise.v1.WorkerService".to_owned();
    let answer = health.check(HealthCheckRequest { service }).await.expect("answers").into_inner();
    assert_eq!(answer.status(), ServingStatus::Serving);

    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol("foldwise.v1.StudyService".to_owned())),
    };
    let mut reflection = ServerReflectionClient::new(server.channel.clone());
    let answers = reflection.server_reflection_info(tokio_stream::iter([ask])).await.expect("answers");
    let answer = answers.into_inner().message().await.expect("reads").expect("one answer");
    assert!(format!("{answer:?}").contains("FileDescriptorResponse"), "{answer:?}");
}

#[tokio::test]
async fn stopping_ends_long_polls_and_frees_the_state_folder() {
    let server = start().await;
    let mut workers = WorkerServiceClient::new(server.channel.clone());
    workers.register_worker(introduction(PROTOCOL_VERSION)).await.expect("registers");
    let taken = Coordinator::open(&config(&server.folder), Cache::at("/nonexistent")).expect_err("is in use");
    assert!(matches!(taken, StartError::Store(_)), "{taken}");
    let poll = tokio::spawn(async move {
        let request = v1::LeaseCohortRequest { worker: "w".to_owned(), slot: 0, wait_seconds: 60.0 };
        workers.lease_cohort(request).await
    });
    server.stop.cancel();
    let patience = Duration::from_secs(20);
    tokio::time::timeout(patience, server.served).await.expect("stops in time").expect("stops well");
    let ended = tokio::time::timeout(patience, poll).await.expect("ends in time").expect("is not lost");
    assert_eq!(ended.expect_err("no work came").code(), Code::Unavailable);
    let again = Coordinator::open(&config(&server.folder), Cache::at("/nonexistent"));
    drop(again.expect("the folder is free again"));
}
