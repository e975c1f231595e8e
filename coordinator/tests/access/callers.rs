//! Tokens and roles.

use foldwise_proto::v1::{self, study_service_client::StudyServiceClient};
use foldwise_proto::{DESCRIPTORS, v1::access_service_client::AccessServiceClient};
use prost::Message;
use tonic::Code;
use tonic::transport::Channel;

use crate::stage::{Stage, list, study};

/// What a call without arguments comes to.
async fn bare(channel: &Channel, path: &str, token: Option<&str>) -> Code {
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.expect("is ready");
    let mut request = tonic::Request::new(v1::ListTokensRequest {});
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    let codec = tonic_prost::ProstCodec::<v1::ListTokensRequest, v1::ListTokensRequest>::default();
    match grpc.unary(request, path.parse().unwrap(), codec).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

fn paths() -> Vec<String> {
    let files = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let mut paths = Vec::new();
    for file in &files {
        for service in &file.service {
            for method in &service.method {
                paths.push(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
            }
        }
    }
    assert!(paths.len() > 20, "found the services");
    paths
}

#[tokio::test]
async fn nothing_is_answered_to_strangers() {
    let stage = Stage::plain().await;
    let channel = Channel::from_shared(stage.url()).unwrap().connect().await.unwrap();
    let wrong = format!("fw_{}_{}", "0".repeat(16), "0".repeat(64));
    // More wrong credentials than this come from one address are told so in another way.
    for path in paths().iter().take(10) {
        assert_eq!(bare(&channel, path, None).await, Code::Unauthenticated, "{path}");
    }
    for path in paths().iter().skip(10).chain(["/foldwise.v1.StudyService/Nothing".to_owned()].iter()) {
        let code = bare(&channel, path, Some(&wrong)).await;
        assert!(matches!(code, Code::Unauthenticated | Code::ResourceExhausted), "{path}: {code:?}");
    }
    // What only says that there is somebody is for everybody.
    assert_eq!(bare(&channel, "/grpc.health.v1.Health/Check", None).await, Code::Ok);
}

#[tokio::test]
async fn each_role_may_what_it_is_for_and_no_more() {
    let stage = Stage::plain().await;
    let channel = Channel::from_shared(stage.url()).unwrap().connect().await.unwrap();
    let mut may = Vec::new();
    for role in ["admin", "submit", "read", "worker"] {
        let (_, token) = stage.token(&format!("{role}-1"), role).await;
        for path in paths() {
            if bare(&channel, &path, Some(&token)).await != Code::PermissionDenied {
                may.push(format!("{role} {}", path.rsplit('/').next().unwrap()));
            }
        }
    }
    let of = |role: &str| may.iter().filter(|line| line.starts_with(role)).count();
    let services = paths();
    let count = |service: &str| services.iter().filter(|path| path.contains(service)).count();
    // GetCaller is for everybody who is known, GetArtifact for workers too.
    assert_eq!(of("admin"), count("StudyService") + count("AccessService"));
    assert_eq!(of("worker"), count("WorkerService") + 2);
    assert_eq!(of("submit"), count("StudyService") - 2 + 1);
    assert_eq!(of("read"), 7 + 1, "{may:#?}");
    for never in [
        "submit DeleteStudy",
        "submit DrainWorker",
        "submit CreateToken",
        "read CreateStudy",
        "read CancelStudy",
    ] {
        assert!(!may.contains(&never.to_owned()), "{never}");
    }
}

#[tokio::test]
async fn a_revoked_token_is_of_no_use_at_once_and_after_a_restart() {
    let stage = Stage::plain().await;
    let (id, token) = stage.token("ann", "read").await;
    let mut ann = stage.studies(&stage.with_token(&token)).await;
    assert_eq!(list(&mut ann).await.unwrap(), 0);
    stage.revoke(&id).await;
    assert_eq!(list(&mut ann).await.unwrap_err().code(), Code::Unauthenticated);
    stage.revoke(&id).await;
    let state = stage.folder.path().join("state");
    let (admin, folder) = (stage.admin.clone(), stage.end().await);
    use foldwise_coordinator::store::{Sqlite, Store};
    let store = Sqlite::open(&state).unwrap();
    let kept = store.load().unwrap().tokens;
    assert!(kept.iter().any(|record| record.id == id && record.revoked_unix_ms.is_some()));
    // Of secrets nothing is kept, neither in the database nor in the audit log.
    drop(store);
    let secrets: Vec<&str> = [&token, &admin].iter().map(|token| token.rsplit('_').next().unwrap()).collect();
    for entry in
        std::fs::read_dir(&state).unwrap().flatten().filter(|entry| entry.file_name() != "admin-token")
    {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        for secret in &secrets {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{entry:?}");
        }
    }
    let audit = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    assert!(secrets.iter().all(|secret| !audit.contains(secret)));
}

#[tokio::test]
async fn what_is_under_way_ends_with_its_token() {
    let stage = Stage::plain().await;
    stage.studies(&stage.with_token(&stage.admin)).await.create_study(study("a")).await.unwrap();
    let (id, token) = stage.token("ann", "read").await;
    let mut ann = stage.studies(&stage.with_token(&token)).await;
    let request = v1::WatchStudyRequest { name: "studies/1".to_owned(), resume_token: String::new() };
    let mut events = ann.watch_study(request).await.unwrap().into_inner();
    events.message().await.unwrap().expect("the study as it is");
    stage.revoke(&id).await;
    let ended = loop {
        match events.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the watch ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Unauthenticated, "{ended}");
}

#[tokio::test]
async fn uploads_and_downloads_end_with_their_token() {
    let stage = Stage::plain().await;
    let (worker_id, token) = stage.token("den", "worker").await;
    let mut worker = stage.workers(&stage.with_token(&token)).await;
    // More than lies on the way.
    let mut bytes = vec![0; 24 << 20];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    let digest = blake3::hash(&bytes).to_hex().to_string();
    let part = |data: &[u8]| v1::UploadArtifactRequest { digest: digest.clone(), data: data.to_vec() };
    let parts: Vec<_> = bytes.chunks(1 << 20).map(part).collect();
    worker.upload_artifact(tokio_stream::iter(parts.clone())).await.unwrap();

    let (id, token) = stage.token("ann", "read").await;
    let mut ann = stage.studies(&stage.with_token(&token)).await;
    let request = v1::GetArtifactRequest { digest: digest.clone(), offset: 0 };
    let mut download = ann.get_artifact(request).await.unwrap().into_inner();
    download.message().await.unwrap().expect("a first part");
    stage.revoke(&id).await;
    let ended = loop {
        match download.message().await {
            Ok(part) => assert!(part.is_some(), "the download came to its end"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Unauthenticated, "{ended}");

    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let uploading = tokio::spawn(async move {
        worker.upload_artifact(tokio_stream::wrappers::ReceiverStream::new(receiver)).await
    });
    sender.send(parts[0].clone()).await.unwrap();
    stage.revoke(&worker_id).await;
    for part in &parts[1..] {
        if sender.send(part.clone()).await.is_err() {
            break;
        }
    }
    let ended = uploading.await.unwrap().unwrap_err();
    assert_eq!(ended.code(), Code::Unauthenticated, "{ended}");
}

#[tokio::test]
async fn a_token_ends_when_it_was_said_to() {
    let stage = Stage::plain().await;
    let mut keys = stage.keys(&stage.with_token(&stage.admin)).await;
    let mut ask = async |lifetime_seconds| {
        let (name, role) = ("ann".to_owned(), "read".to_owned());
        keys.create_token(v1::CreateTokenRequest { name, role, lifetime_seconds }).await
    };
    for wrong in [0, u64::MAX] {
        assert_eq!(ask(Some(wrong)).await.unwrap_err().code(), Code::InvalidArgument);
    }
    let made = ask(Some(1)).await.unwrap().into_inner();
    let mut ann = stage.studies(&stage.with_token(&made.secret)).await;
    let patience = std::time::Duration::from_secs(20);
    let ended = async {
        while list(&mut ann).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(patience, ended).await.expect("it ends");
}

#[tokio::test]
async fn wrong_tokens_do_not_fill_the_log_and_keep_nobody_else_out() {
    let stage = Stage::plain().await;
    let wrong = format!("fw_{}_{}", "1".repeat(16), "1".repeat(64));
    let mut evil = stage.studies(&stage.with_token(&wrong)).await;
    let mut codes = Vec::new();
    for _ in 0..100 {
        codes.push(list(&mut evil).await.unwrap_err().code());
    }
    assert_eq!(codes[0], Code::Unauthenticated);
    assert_eq!(codes[99], Code::ResourceExhausted);
    let refused = stage.audit().iter().filter(|line| line["outcome"] == "refused").count();
    assert!(refused < 30, "{refused} lines");
    // From the same address, somebody with a good token is served.
    assert_eq!(list(&mut stage.studies(&stage.with_token(&stage.admin)).await).await.unwrap(), 0);
}

#[tokio::test]
async fn what_matters_is_written_down_with_who_and_whence() {
    let stage = Stage::plain().await;
    let (_, token) = stage.token("ann", "submit").await;
    let mut ann = stage.studies(&stage.with_token(&token)).await;
    ann.create_study(study("a")).await.unwrap();
    ann.cancel_study(v1::CancelStudyRequest { name: "studies/1".to_owned() }).await.unwrap();
    let refused = ann.delete_study(v1::DeleteStudyRequest { name: "studies/1".to_owned() }).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("ann (submit) may not do this; it takes the role admin"), "{refused}");
    let missing = ann.cancel_study(v1::CancelStudyRequest { name: "nobody's".to_owned() }).await;
    assert_eq!(missing.unwrap_err().code(), Code::NotFound);
    let lines: Vec<String> = stage
        .audit()
        .iter()
        .map(|line| {
            assert!(line["source"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
            let word = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
            format!("{} {} {} {}", word("principal"), word("action"), word("about"), word("outcome"))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "admin token.create submit ann done",
            "ann study.submit studies/1 done",
            "ann study.cancel studies/1 done",
            "ann study.delete /foldwise.v1.StudyService/DeleteStudy refused",
            "ann study.cancel nobody's failed",
        ]
    );
}

#[tokio::test]
async fn where_nobody_is_authenticated_no_token_is_made_for_later() {
    let folder = tempfile::tempdir().unwrap();
    let config = foldwise_coordinator::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        state: folder.path().to_owned(),
        ..foldwise_coordinator::Config::default()
    };
    let coordinator =
        foldwise_coordinator::Coordinator::open(&config, foldwise_data::Cache::at("/nonexistent")).unwrap();
    assert_eq!(coordinator.first_token(), None);
    let listener = foldwise_coordinator::Listener::bind(&config).await.unwrap();
    let url = format!("http://{}", listener.address());
    let stop = tokio_util::sync::CancellationToken::new();
    let served = tokio::spawn(coordinator.serve(listener.incoming(), stop.clone()));
    let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
    let mut keys = AccessServiceClient::new(channel.clone());
    let request =
        v1::CreateTokenRequest { name: "evil".to_owned(), role: "admin".to_owned(), lifetime_seconds: None };
    assert_eq!(keys.create_token(request).await.unwrap_err().code(), Code::FailedPrecondition);
    let caller = keys.get_caller(v1::GetCallerRequest {}).await.unwrap().into_inner();
    assert!(!caller.authenticated);
    let mut studies = StudyServiceClient::new(channel);
    studies.list_studies(v1::ListStudiesRequest::default()).await.expect("nothing is needed on loopback");
    stop.cancel();
    served.await.unwrap().unwrap();
}
