//! Certificates: of the coordinator, of its callers, of others; and their rotation.

use foldwise_coordinator::{Config, Listener, StartError};
use foldwise_line::{Credentials, Line, innermost};
use foldwise_proto::v1::{self, study_service_client::StudyServiceClient};
use rcgen::{ExtendedKeyUsagePurpose, SanType};
use tonic::Code;

use crate::certificates::Authority;
use crate::stage::{Stage, list};

async fn refusal(stage: &Stage, credentials: &Credentials) -> String {
    let line = Line::new(&stage.url(), credentials).unwrap();
    match line.connect().await {
        Err(error) => innermost(&error),
        // With TLS 1.3 a client learns of a refusal with its first answer.
        Ok(_) => {
            let status = list(&mut stage.studies(credentials).await).await.unwrap_err();
            format!("{:?} {}", status.code(), innermost(&status))
        }
    }
}

#[tokio::test]
async fn other_machines_are_not_let_near_without_tls_and_authentication() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "own");
    let server = authority.server("server");
    let open =
        Config { listen: "0.0.0.0:0".parse().unwrap(), state: folder.path().join("s"), ..Config::default() };
    let tls = Config { tls_cert: Some(server.cert), tls_key: Some(server.key), ..open.clone() };
    let refused = [
        open.clone(),
        Config { authenticate: Some(true), ..open.clone() },
        Config { authenticate: Some(false), ..tls.clone() },
    ];
    for config in refused {
        let error = Listener::bind(&config).await.unwrap_err();
        assert!(matches!(error, StartError::Unprotected { .. }), "{error}");
        assert!(error.to_string().contains("--insecure"), "{error}");
    }
    Listener::bind(&tls).await.expect("TLS brings authentication with it");
    Listener::bind(&Config { insecure: true, ..open }).await.expect("who says so is believed");
    let half = Config { tls_key: None, ..tls };
    assert!(matches!(Listener::bind(&half).await, Err(StartError::Tls(_))));
}

#[tokio::test]
async fn a_coordinator_is_believed_by_its_ca_and_its_name_alone() {
    let stage = Stage::start().await;
    let other = Authority::new(stage.folder.path(), "other");
    assert_eq!(list(&mut stage.studies(&stage.with_token(&stage.admin)).await).await.unwrap(), 0);
    let text = refusal(&stage, &Credentials::default().ca(other.file())).await;
    assert!(text.contains("--ca"), "{text}");
    let unknown = refusal(&stage, &Credentials::default()).await;
    assert!(unknown.contains("--ca"), "{unknown}");
    let line = Line::new(&format!("https://localhost:{}", stage.address.port()), &stage.nobody()).unwrap();
    let name = innermost(&line.connect().await.unwrap_err());
    assert!(name.contains("for other names"), "{name}");
    // Nothing is answered in clear on the same port.
    let clear = Line::new(&format!("http://{}", stage.address), &Credentials::default()).unwrap();
    if let Ok(channel) = clear.connect().await {
        let mut client = StudyServiceClient::new(channel);
        let broken = client.list_studies(v1::ListStudiesRequest::default()).await.unwrap_err();
        assert!(broken.metadata().is_empty(), "{broken:?} is no answer of the coordinator");
    }
}

#[tokio::test]
async fn certificates_of_others_name_nobody() {
    let stage = Stage::start().await;
    let own = stage.authority.caller("ann", "foldwise://read/ann");
    assert_eq!(list(&mut stage.studies(&stage.with_certificate(&own)).await).await.unwrap(), 0);
    // Signed by somebody else: the handshake itself is refused.
    let other = Authority::new(stage.folder.path(), "other");
    let forged = other.caller("forged", "foldwise://admin/root");
    let text = refusal(&stage, &stage.with_certificate(&forged)).await;
    assert!(!text.contains("Unauthenticated"), "{text}");
    // Signed by the CA and naming nobody, or too many: a stranger.
    let names = |uris: &[&str]| uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    for (file, uris) in [
        ("nobody", vec!["https://example.org/ann"]),
        ("wrong", vec!["foldwise://root/ann"]),
        ("two", vec!["foldwise://read/ann", "foldwise://admin/ann"]),
        ("half", vec!["foldwise://read/ann", "foldwise://root/x"]),
    ] {
        let pair = stage.authority.issue(file, names(&uris), ExtendedKeyUsagePurpose::ClientAuth);
        let mut client = stage.studies(&stage.with_certificate(&pair)).await;
        assert_eq!(list(&mut client).await.unwrap_err().code(), Code::Unauthenticated, "{file}");
    }
    // A server's certificate is no caller's.
    let server = stage.server.clone();
    let text = refusal(&stage, &stage.with_certificate(&server)).await;
    assert!(!text.contains("Unauthenticated"), "{text}");
}

#[tokio::test]
async fn a_certificate_is_good_no_longer_than_its_ca_is_believed_and_than_it_says() {
    let stage = Stage::start().await;
    let trusted = stage.folder.path().join("trusted.crt");
    std::fs::copy(stage.authority.file(), &trusted).unwrap();
    let believing = || Credentials::default().ca(&trusted);
    let soon = stage.authority.ending_after("soon", "foldwise://read/ann", std::time::Duration::from_secs(3));
    let mut soon = stage.studies(&believing().identity(&soon.cert, &soon.key)).await;
    assert_eq!(list(&mut soon).await.unwrap(), 0);
    let ended = async { while list(&mut soon).await.is_ok() {} };
    tokio::time::timeout(std::time::Duration::from_secs(60), ended)
        .await
        .expect("its connection ends with it");

    let own = stage.authority.caller("ben", "foldwise://read/ben");
    let mut ben = stage.studies(&believing().identity(&own.cert, &own.key)).await;
    assert_eq!(list(&mut ben).await.unwrap(), 0);
    let next = Authority::new(stage.folder.path(), "next");
    std::fs::copy(next.file(), stage.authority.file()).unwrap();
    // Whoever comes next has the files looked at; they are looked at now and then anyway.
    let secret = foldwise_line::Secret::read(&stage.admin, "the test").unwrap();
    assert_eq!(list(&mut stage.studies(&believing().token(secret)).await).await.unwrap(), 0);
    assert!(list(&mut ben).await.is_err(), "on the connection that it had");
    assert!(list(&mut ben).await.is_err(), "nor on another");
}

#[tokio::test]
async fn certificates_are_replaced_while_the_coordinator_runs() {
    let stage = Stage::start().await;
    let mut before = stage.studies(&stage.with_token(&stage.admin)).await;
    assert_eq!(list(&mut before).await.unwrap(), 0);
    // A new CA and a certificate of it, in the same place. Half of the change is passed over.
    let next = Authority::new(stage.folder.path(), "next");
    let pair = next.server("next-server");
    std::fs::copy(&pair.cert, &stage.server.cert).unwrap();
    assert_eq!(list(&mut stage.studies(&stage.with_token(&stage.admin)).await).await.unwrap(), 0);
    std::fs::copy(&pair.key, &stage.server.key).unwrap();
    let old = refusal(&stage, &stage.nobody()).await;
    assert!(old.contains("--ca"), "{old}");
    let secret = foldwise_line::Secret::read(&stage.admin, "the test").unwrap();
    let new = Credentials::default().ca(next.file()).token(secret);
    assert_eq!(list(&mut stage.studies(&new).await).await.unwrap(), 0);
    // Connections of callers with tokens that were made before live on.
    assert_eq!(list(&mut before).await.unwrap(), 0);
}
