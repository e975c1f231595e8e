//! A protected coordinator in this process, and callers of every kind.

use std::net::SocketAddr;
use std::path::PathBuf;

use foldwise_coordinator::{Config, Coordinator, Listener};
use foldwise_data::Cache;
use foldwise_line::{Bearer, Credentials, Line, Secret};
use foldwise_proto::v1;
use foldwise_proto::v1::access_service_client::AccessServiceClient;
use foldwise_proto::v1::study_service_client::StudyServiceClient;
use foldwise_proto::v1::worker_service_client::WorkerServiceClient;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::certificates::{Authority, Pair};

pub(crate) type Called = InterceptedService<Channel, Bearer>;

pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) authority: Authority,
    pub(crate) server: Pair,
    pub(crate) admin: String,
    tls: bool,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Stage {
    /// A coordinator with TLS and its own CA, which authenticates.
    pub(crate) async fn start() -> Self {
        Self::new(tempfile::tempdir().unwrap(), true).await
    }

    /// One that authenticates without TLS, as behind a proxy or among the users of one machine.
    pub(crate) async fn plain() -> Self {
        Self::new(tempfile::tempdir().unwrap(), false).await
    }

    async fn new(folder: tempfile::TempDir, tls: bool) -> Self {
        let authority = Authority::new(folder.path(), "own");
        let server = authority.server("server");
        let mut config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            state: folder.path().join("state"),
            authenticate: Some(true),
            audit_log: Some(folder.path().join("audit.jsonl")),
            ..Config::default()
        };
        if tls {
            config.tls_cert = Some(server.cert.clone());
            config.tls_key = Some(server.key.clone());
            config.client_ca = Some(authority.file());
        }
        let listener = Listener::bind(&config).await.unwrap();
        let coordinator = Coordinator::open(&config, Cache::at("/nonexistent")).unwrap();
        let token = coordinator.first_token().expect("the first start makes a token");
        let admin = std::fs::read_to_string(token).unwrap().trim().to_owned();
        let address = listener.address();
        let stop = CancellationToken::new();
        let token = stop.clone();
        let served =
            tokio::spawn(async move { coordinator.serve(listener.incoming(), token).await.unwrap() });
        Self { address, folder, authority, server, admin, tls, stop, served }
    }

    pub(crate) async fn end(self) -> tempfile::TempDir {
        self.stop.cancel();
        self.served.await.unwrap();
        self.folder
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    /// What believes this coordinator and is nobody.
    pub(crate) fn nobody(&self) -> Credentials {
        if self.tls { Credentials::default().ca(self.authority.file()) } else { Credentials::default() }
    }

    pub(crate) fn with_token(&self, token: &str) -> Credentials {
        self.nobody().token(Secret::read(token, "the test").unwrap())
    }

    pub(crate) fn with_certificate(&self, pair: &Pair) -> Credentials {
        self.nobody().identity(&pair.cert, &pair.key)
    }

    async fn called(&self, credentials: &Credentials) -> (Channel, Bearer) {
        let line = Line::new(&self.url(), credentials).unwrap();
        (line.connect().await.expect("connects"), line.bearer())
    }

    pub(crate) async fn studies(&self, credentials: &Credentials) -> StudyServiceClient<Called> {
        let (channel, bearer) = self.called(credentials).await;
        StudyServiceClient::with_interceptor(channel, bearer)
    }

    pub(crate) async fn workers(&self, credentials: &Credentials) -> WorkerServiceClient<Called> {
        let (channel, bearer) = self.called(credentials).await;
        WorkerServiceClient::with_interceptor(channel, bearer)
    }

    pub(crate) async fn keys(&self, credentials: &Credentials) -> AccessServiceClient<Called> {
        let (channel, bearer) = self.called(credentials).await;
        AccessServiceClient::with_interceptor(channel, bearer)
    }

    /// A new token of the administrator's making: its public part and itself.
    pub(crate) async fn token(&self, name: &str, role: &str) -> (String, String) {
        let request =
            v1::CreateTokenRequest { name: name.to_owned(), role: role.to_owned(), lifetime_seconds: None };
        let mut keys = self.keys(&self.with_token(&self.admin)).await;
        let made = keys.create_token(request).await.unwrap().into_inner();
        (made.token.unwrap().id, made.secret)
    }

    pub(crate) async fn revoke(&self, id: &str) {
        let mut keys = self.keys(&self.with_token(&self.admin)).await;
        keys.revoke_token(v1::RevokeTokenRequest { id: id.to_owned() }).await.unwrap();
    }

    pub(crate) fn audit_file(&self) -> PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    /// What was written down.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.audit_file()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A study of six runs in two cohorts, without a final stage.
pub(crate) fn study(request_id: &str) -> v1::CreateStudyRequest {
    let spec = "name = \"grid\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = { folds = 3 }\n[network]\n\
                mlp = { hidden = [8] }\n[train]\nepochs = 1\nbatch_size = 100\noptimizer = { kind = \"sgd\" }\n[space]\n\
                \"train.optimizer.lr\" = [0.1, 0.2]\n[plan]\nwidth = 3\n[final]\nskip = true\n";
    let (request_id, format) = (request_id.to_owned(), v1::SpecFormat::Toml.into());
    v1::CreateStudyRequest { request_id, spec: spec.to_owned(), format }
}

pub(crate) async fn list(client: &mut StudyServiceClient<Called>) -> Result<usize, Status> {
    let listed = client.list_studies(v1::ListStudiesRequest::default()).await?;
    Ok(listed.into_inner().studies.len())
}
