//! What is too large, too slow, or named to lead astray.

use std::time::Duration;

use foldwise_proto::v1;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::{Code, Request};

use crate::browser::ask;
use crate::stage::{Stage, list, study};

/// Far longer than any limit of the port; what is let go only then is not let go.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the coordinator ends a connection over which so much was sent and no more.
async fn is_ended(stage: &Stage, bytes: &[u8]) -> bool {
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut read = Vec::new();
    // An orderly end and a reset are both an end.
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut read)).await.is_ok()
}

#[tokio::test]
async fn slow_clients_are_let_go() {
    let (plain, tls) = (Stage::plain().await, Stage::start().await);
    let header = b"GET /api/studies HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ";
    let body = b"POST /api/session HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: http://127.0.0.1\r\ncontent-length: 100\r\n\r\n{";
    let hello = [0x16, 0x03, 0x01, 0x02, 0x00];
    let ended = tokio::join!(
        is_ended(&plain, b""),
        is_ended(&plain, b"PRI * HT"),
        is_ended(&plain, header),
        is_ended(&plain, body),
        is_ended(&tls, b""),
        is_ended(&tls, &hello),
    );
    assert_eq!(ended, (true, true, true, true, true, true));
    // Meanwhile and after, others are served.
    assert_eq!(list(&mut plain.studies(&plain.with_token(&plain.admin)).await).await.unwrap(), 0);
    assert_eq!(list(&mut tls.studies(&tls.with_token(&tls.admin)).await).await.unwrap(), 0);
}

#[tokio::test]
async fn messages_specs_and_headers_have_limits() {
    let stage = Stage::plain().await;
    let mut admin = stage.studies(&stage.with_token(&stage.admin)).await;
    // A spec that is longer than any study needs.
    let mut long = study("a");
    long.spec.push_str(&"# padding\n".repeat(200_000));
    assert_eq!(admin.create_study(long).await.unwrap_err().code(), Code::InvalidArgument);
    // A message that is longer than any call needs.
    let mut longer = study("a");
    longer.spec.push_str(&"#".repeat(5 << 20));
    let refused = admin.create_study(longer).await.unwrap_err();
    assert!(matches!(refused.code(), Code::OutOfRange | Code::ResourceExhausted), "{refused}");
    // A grid with more trials than can be meant.
    let mut wide = study("a");
    wide.spec = wide.spec.replace("[0.1, 0.2]", "{ linear = [0.001, 1.0], steps = 4000000000 }");
    assert_eq!(admin.create_study(wide).await.unwrap_err().code(), Code::InvalidArgument);
    // Headers, before anybody is known.
    let mut request = Request::new(v1::ListStudiesRequest::default());
    request.metadata_mut().insert("x-long", "x".repeat(40_000).parse().unwrap());
    assert!(admin.list_studies(request).await.is_err());
    let token = format!("{{\"token\": \"{}\"}}", "x".repeat(8192));
    let answer = crate::page::post_json(&stage, "POST /api/session", &token, &[]).await;
    assert_eq!(answer.status, 413);
    assert_eq!(list(&mut admin).await.unwrap(), 0);
}

#[tokio::test]
async fn compressed_messages_are_not_inflated() {
    let stage = Stage::plain().await;
    let mut admin = stage.studies(&stage.with_token(&stage.admin)).await;
    let mut request = Request::new(study("a"));
    // What says that it is compressed is refused before a byte of it is looked at.
    request.metadata_mut().insert("grpc-encoding", "gzip".parse().unwrap());
    assert_eq!(admin.create_study(request).await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn browsers_are_kept_from_the_services_with_tls_too() {
    let stage = Stage::start().await;
    // A person's certificate is in the browser; a page of another site has it send what it can.
    let ann = stage.authority.caller("ann", "foldwise://submit/ann");
    let mut client = stage.studies(&stage.with_certificate(&ann)).await;
    client.create_study(study("a")).await.unwrap();
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let mut request = Request::new(v1::CancelStudyRequest { name: "studies/1".to_owned() });
        request.metadata_mut().insert(name, value.parse().unwrap());
        assert_eq!(client.cancel_study(request).await.unwrap_err().code(), Code::PermissionDenied, "{name}");
    }
    let state =
        client.get_study(v1::GetStudyRequest { name: "studies/1".to_owned() }).await.unwrap().into_inner();
    assert_eq!(state.state(), v1::StudyState::Searching);
}

#[tokio::test]
async fn parcels_that_no_study_needs_are_so_many_at_most() {
    let stage = Stage::plain().await;
    let (_, token) = stage.token("ann", "submit").await;
    let mut ann = stage.studies(&stage.with_token(&token)).await;
    // What is refused takes no place.
    for number in 0..40_u8 {
        let digest = blake3::hash(&[number]).to_hex().to_string();
        for (digest, code) in
            [(digest, Code::DataLoss), (format!("no digest {number}"), Code::InvalidArgument)]
        {
            let part = v1::UploadParcelRequest { digest, offset: 0, data: b"other bytes".to_vec() };
            let sent = ann.upload_parcel(tokio_stream::iter([part])).await;
            assert_eq!(sent.unwrap_err().code(), code, "{number}");
        }
    }
    for number in 0..40_u8 {
        let data = vec![number; 100];
        let digest = blake3::hash(&data).to_hex().to_string();
        let part = v1::UploadParcelRequest { digest, offset: 0, data };
        let sent = ann.upload_parcel(tokio_stream::iter([part])).await;
        match number {
            ..32 => assert_eq!(sent.unwrap().into_inner().size_bytes, 100),
            _ => assert_eq!(sent.unwrap_err().code(), Code::ResourceExhausted, "{number}"),
        }
    }
}

#[tokio::test]
async fn names_of_files_lead_nowhere_else() {
    let stage = Stage::plain().await;
    let secret = stage.folder.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let mut admin = stage.studies(&stage.with_token(&stage.admin)).await;
    let (_, token) = stage.token("w", "worker").await;
    let mut worker = stage.workers(&stage.with_token(&token)).await;
    let absolute = secret.display().to_string();
    for digest in ["../../secret", "../foldwise.db", absolute.as_str(), "", "%2e%2e%2fsecret", "..\\secret"] {
        let get = admin.get_artifact(v1::GetArtifactRequest { digest: digest.to_owned(), offset: 0 }).await;
        assert_eq!(get.unwrap_err().code(), Code::InvalidArgument, "{digest}");
        let part = v1::UploadArtifactRequest { digest: digest.to_owned(), data: b"x".to_vec() };
        let put = worker.upload_artifact(tokio_stream::iter([part])).await;
        assert_eq!(put.unwrap_err().code(), Code::InvalidArgument, "{digest}");
        let mut spec = study("a");
        spec.spec = spec.spec.replace("fashion-mnist", &digest.replace('\\', "\\\\"));
        let code = admin.create_study(spec).await.unwrap_err().code();
        assert_eq!(code, Code::InvalidArgument, "{digest}");
    }
    // Nor do files that a spec names: a message about one that cannot be read may hold a part of it.
    for path in ["/etc/passwd", absolute.as_str(), "../../etc/passwd"] {
        let mut spec = study("a");
        let data = format!("csv = {{ train = \"{path}\", target = \"y\" }}");
        spec.spec = spec.spec.replace("dataset = \"fashion-mnist\"", &data);
        let refused = admin.create_study(spec).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let told = format!("{:?}", tonic_types::StatusExt::get_error_details(&refused));
        assert!(told.contains("--data-folder") && !told.contains("root:"), "{told}");
    }
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
    admin.create_study(study("a")).await.unwrap();
    let bearer = format!("Bearer {}", stage.admin);
    for path in [
        "/page/../../secret",
        "/page/%2e%2e/%2e%2e/secret",
        "/studies/1/figures/..%2f..%2fsecret",
        "//etc/passwd",
    ] {
        let answer = ask(stage.address, &format!("GET {path}"), &[("authorization", &bearer)]).await;
        assert!(answer.status >= 400 && !answer.body.contains("secret\""), "{path}: {answer:?}");
    }
}
