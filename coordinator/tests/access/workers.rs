//! Workers that claim to be others, and results that come again.

use foldwise_proto::v1::worker_service_client::WorkerServiceClient;
use foldwise_proto::{PROTOCOL_VERSION, v1};
use tonic::Code;

use crate::stage::{Called, Stage, study};

async fn register(client: &mut WorkerServiceClient<Called>, worker: &str) {
    let slot = v1::Slot { device: "cpu".to_owned(), model: "test".to_owned(), ..v1::Slot::default() };
    let request = v1::RegisterWorkerRequest {
        worker: worker.to_owned(),
        protocol_version: PROTOCOL_VERSION,
        software: "test".to_owned(),
        slots: vec![slot],
    };
    client.register_worker(request).await.expect("registers");
}

async fn lease(client: &mut WorkerServiceClient<Called>, worker: &str) -> v1::Lease {
    let request = v1::LeaseCohortRequest { worker: worker.to_owned(), slot: 0, wait_seconds: 5.0 };
    client.lease_cohort(request).await.expect("answered").into_inner().lease.expect("there is work")
}

fn results(worker: &str, lease: &v1::Lease, accuracy: f64) -> v1::CompleteCohortRequest {
    let epoch = v1::Epoch {
        epoch: 1,
        train_loss: 0.1,
        train_accuracy: Some(accuracy),
        val_loss: Some(0.1),
        val_accuracy: Some(accuracy),
        lr: 0.1,
    };
    let outcome = |run: &v1::RunId| v1::Outcome {
        trial: run.trial,
        fold: run.fold,
        epochs: vec![epoch],
        seconds: 1.0,
        ..v1::Outcome::default()
    };
    v1::CompleteCohortRequest {
        worker: worker.to_owned(),
        lease: lease.name.clone(),
        outcomes: lease.runs.iter().map(outcome).collect(),
        ..v1::CompleteCohortRequest::default()
    }
}

/// Two workers, each with a token of its own, and work for both.
async fn two(stage: &Stage) -> [WorkerServiceClient<Called>; 2] {
    let mut clients = Vec::new();
    for name in ["good", "evil"] {
        let (_, token) = stage.token(name, "worker").await;
        clients.push(stage.workers(&stage.with_token(&token)).await);
    }
    stage.studies(&stage.with_token(&stage.admin)).await.create_study(study("a")).await.expect("is taken");
    clients.try_into().unwrap_or_else(|_| unreachable!("two were made"))
}

#[tokio::test]
async fn no_worker_speaks_for_another() {
    let stage = Stage::plain().await;
    let [mut good, mut evil] = two(&stage).await;
    register(&mut good, "w").await;
    let held = lease(&mut good, "w").await;
    // The same name is another worker when another principal uses it.
    register(&mut evil, "w").await;
    let own = lease(&mut evil, "w").await;
    assert_ne!(held.name, own.name);
    // Whatever it is called, it has nothing to say of what it was not given.
    for name in ["w", "good/w", "../good/w"] {
        register(&mut evil, name).await;
        let spoofed = evil.complete_cohort(results(name, &held, 1.0)).await.unwrap_err();
        assert_eq!(spoofed.code(), Code::PermissionDenied, "{name}: {spoofed}");
        let progress = v1::ReportProgressRequest {
            worker: name.to_owned(),
            lease: held.name.clone(),
            epochs: vec![v1::MemberEpoch { run: Some(held.runs[0]), epoch: None }],
        };
        assert_eq!(evil.report_progress(progress).await.unwrap_err().code(), Code::PermissionDenied);
        let checkpoint = Some(v1::Checkpoint { epoch: 1, digest: "0".repeat(64) });
        let keep =
            v1::KeepCheckpointRequest { worker: name.to_owned(), lease: held.name.clone(), checkpoint };
        assert_eq!(evil.keep_checkpoint(keep).await.unwrap_err().code(), Code::PermissionDenied);
        let fail = v1::FailCohortRequest {
            worker: name.to_owned(),
            lease: held.name.clone(),
            kind: v1::FailureKind::Training.into(),
            message: String::new(),
        };
        evil.fail_cohort(fail).await.expect("is answered, and changes nothing");
        evil.deregister_worker(v1::DeregisterWorkerRequest { worker: name.to_owned() })
            .await
            .expect("leaves itself");
    }
    // The rightful one goes on as if nothing had been.
    let done = good.complete_cohort(results("w", &held, 0.5)).await.expect("is taken").into_inner();
    assert!(done.accepted);
    let mut admin = stage.studies(&stage.with_token(&stage.admin)).await;
    let workers = admin.list_workers(v1::ListWorkersRequest {}).await.unwrap().into_inner().workers;
    assert_eq!(workers.iter().map(|worker| worker.id.as_str()).collect::<Vec<_>>(), ["good/w"]);
}

#[tokio::test]
async fn results_count_once_however_often_they_come() {
    let stage = Stage::plain().await;
    let [mut good, mut evil] = two(&stage).await;
    register(&mut good, "good").await;
    register(&mut evil, "evil").await;
    let held = lease(&mut good, "good").await;
    assert!(good.complete_cohort(results("good", &held, 0.5)).await.unwrap().into_inner().accepted);
    // Again, with other values: the answer is that of the first, and so is the result.
    assert!(good.complete_cohort(results("good", &held, 0.9)).await.unwrap().into_inner().accepted);
    assert_eq!(
        evil.complete_cohort(results("evil", &held, 1.0)).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    let mut later = held.clone();
    later.name.as_mut().unwrap().attempt = 2;
    assert_eq!(
        good.complete_cohort(results("good", &later, 0.9)).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    let mut admin = stage.studies(&stage.with_token(&stage.admin)).await;
    let request = v1::ListRunsRequest { parent: "studies/1".to_owned(), ..v1::ListRunsRequest::default() };
    let runs = admin.list_runs(request).await.unwrap().into_inner().runs;
    let scores: Vec<f64> = runs.iter().filter_map(|run| run.score).collect();
    assert_eq!(scores, [0.5; 3]);
}

#[tokio::test]
async fn a_worker_is_known_by_its_certificate_as_by_its_token() {
    let stage = Stage::start().await;
    let pair = stage.authority.caller("den", "foldwise://worker/den");
    let mut den = stage.workers(&stage.with_certificate(&pair)).await;
    register(&mut den, "den").await;
    stage.studies(&stage.with_token(&stage.admin)).await.create_study(study("a")).await.expect("is taken");
    let held = lease(&mut den, "den").await;
    let (_, token) = stage.token("other", "worker").await;
    let mut other = stage.workers(&stage.with_token(&token)).await;
    register(&mut other, "den").await;
    let spoofed = other.complete_cohort(results("den", &held, 1.0)).await.unwrap_err();
    assert_eq!(spoofed.code(), Code::PermissionDenied);
    assert!(den.complete_cohort(results("den", &held, 0.5)).await.unwrap().into_inner().accepted);
    // A certificate of a worker opens nothing else.
    let mut studies = stage.studies(&stage.with_certificate(&pair)).await;
    assert_eq!(crate::stage::list(&mut studies).await.unwrap_err().code(), Code::PermissionDenied);
}
