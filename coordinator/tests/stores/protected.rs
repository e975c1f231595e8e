//! The line to a PostgreSQL server with TLS: who answers is checked, and nothing goes in clear.

use foldwise_coordinator::store::postgres::PostgresError;
use foldwise_coordinator::store::{Postgres, StoreError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::address;
use super::server::PostgresServer;

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signs itself")
}

fn open(store: &str) -> Result<Postgres, PostgresError> {
    Postgres::open(address(store), "here:1").map_err(|error| match error {
        StoreError::Postgres(error) => error,
        other => panic!("{other}"),
    })
}

#[test]
fn a_server_is_spoken_to_with_tls_if_its_certificate_is_good() {
    let Some(mut server) = PostgresServer::start() else { return };
    let (ours, others) = (authority("ours"), authority("others"));
    let folder = tempfile::tempdir().expect("folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("writes");
        path.display().to_string()
    };
    let (ca, other_ca) = (write("ca.crt", &ours.pem()), write("other.crt", &others.pem()));
    let store = server.database("search");
    let issue = |names: &[&str]| {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let cert = CertificateParams::new(names).expect("names").signed_by(&key, &ours).expect("signs");
        (cert.pem(), key.serialize_pem())
    };
    let (cert, key) = issue(&["127.0.0.1"]);
    server.protect(&cert, &key);

    let led = open(&format!("{store}?sslrootcert={ca}")).expect("its certificate is good");
    let plain = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name LIKE 'foldwise leader%' AND NOT ssl";
    assert_eq!(server.local_sql("search", plain), "0");
    let all = plain.replace("NOT ssl", "ssl");
    assert_ne!(server.local_sql("search", &all), "0");
    drop(led);

    let refused = |store: String| {
        let error = open(&store).expect_err("refused");
        assert!(matches!(error, PostgresError::Unprotected { .. }), "{error}");
        error.to_string()
    };
    let unknown = refused(format!("{store}?sslrootcert={other_ca}"));
    assert!(unknown.contains("UnknownIssuer") && unknown.contains("sslrootcert"), "{unknown}");
    let unknown = refused(format!("{store}?sslmode=verify-full"));
    assert!(unknown.contains("UnknownIssuer"), "public CAs alone: {unknown}");
    let clear = open(&store).expect_err("the server wants TLS");
    assert!(matches!(clear, PostgresError::Refused { .. }), "{clear}");
    let missing = open(&format!("{store}?sslrootcert=/nowhere/ca.crt")).expect_err("no file").to_string();
    assert!(missing.contains("sslrootcert") && missing.contains("/nowhere/ca.crt"), "{missing}");

    let (cert, key) = issue(&["elsewhere.example"]);
    server.protect(&cert, &key);
    let other_name = refused(format!("{store}?sslrootcert={ca}"));
    assert!(other_name.contains("not valid for name"), "{other_name}");
}

#[test]
fn a_server_without_tls_is_refused_where_it_was_asked_for() {
    let Some(server) = PostgresServer::start() else { return };
    let store = server.database("search");
    let error = open(&format!("{store}?sslmode=require")).expect_err("no TLS");
    assert!(matches!(error, PostgresError::Unprotected { .. }), "{error}");
    assert!(error.to_string().contains("sslmode=disable"), "{error}");
}
