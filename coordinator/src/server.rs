//! A coordinator from start to stop: store, committer, services, one port.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use foldwise_data::Cache;
use foldwise_proto::DESCRIPTORS;
use foldwise_proto::v1::access_service_server::AccessServiceServer;
use foldwise_proto::v1::study_service_server::StudyServiceServer;
use foldwise_proto::v1::worker_service_server::WorkerServiceServer;
use foldwise_traces::Traces;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::Connected;

use crate::access::{Access, Audit, AuditError};
use crate::artifacts::{self, ArtifactError, Artifacts};
use crate::blocking;
use crate::clock::Clock;
use crate::committer::{Committer, Desk};
use crate::config::Config;
use crate::events::Events;
use crate::ledger::LedgerConfig;
use crate::page::{self, Page};
use crate::port::{self, TlsError};
use crate::profiles::{self, ProfileError};
use crate::service::{Keys, Studies, Workers};
use crate::store::{Results, Sqlite, Store, StoreError};
use crate::submission::Folders;

mod first_token;

pub use first_token::FirstTokenError;

/// Largest message taken in from a worker: the results of a cohort with as many epochs as one may have stay below. Others have
/// tonic's limit of 4 MiB; a spec has one at most.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Calls that one connection may have open, above the slots of the largest worker; more wait in the connection.
const CALLS_MAX: usize = 4096;
/// The same, as a connection is told before anybody is known.
const STREAMS_MAX: u32 = 4096;
/// Bytes of the headers of one call: tokens and paths are short.
const HEADER_BYTES_MAX: u32 = 16 << 10;
/// Time that open calls are given when the coordinator stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Why a coordinator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or the address not ours.
    #[error("cannot listen on {address}: {source}{}", listen_hint(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Others would reach it unprotected.
    #[error("refusing to listen on {address}: other machines could reach the coordinator, and {}", unprotected(*tls))]
    Unprotected {
        /// The address.
        address: SocketAddr,
        /// Whether what is sent would be encrypted.
        tls: bool,
    },
    /// The certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The first token.
    #[error(transparent)]
    FirstToken(#[from] FirstTokenError),
    /// Where others are said to reach this coordinator.
    #[error("`{0}` is not where a coordinator can be reached: write --advertise as machine:port")]
    Advertise(String),
    /// A lease time that makes no sense.
    #[error("a lease of {0} s is refused: choose 0.5 to 86400 seconds (--lease-seconds)")]
    LeaseSeconds(f64),
    /// A device profile.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Where files are kept.
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
    /// The collector of traces.
    #[error(transparent)]
    Traces(#[from] foldwise_traces::TracesError),
    /// The data cache.
    #[error(transparent)]
    Data(#[from] foldwise_data::DataError),
}

fn unprotected(tls: bool) -> &'static str {
    if tls {
        "nobody would be authenticated: leave --authenticate=false out, listen on 127.0.0.1, or say --insecure if the \
         network is trusted"
    } else {
        "nothing would be encrypted: give it a certificate with --tls-cert and --tls-key (`foldwise certs` makes them), \
         listen on 127.0.0.1, or say --insecure if the network is trusted"
    }
}

fn listen_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program has the port: stop it, or choose another with --listen"
        }
        io::ErrorKind::PermissionDenied => "; choose a port above 1023 with --listen",
        _ => "",
    }
}

/// Why a coordinator stopped by itself.
#[derive(Debug, thiserror::Error)]
#[error("the coordinator's server failed: {0}")]
pub struct ServeError(#[from] tonic::transport::Error);

/// A coordinator that has read its state.
#[derive(Debug)]
pub struct Coordinator {
    lease_seconds: f64,
    page_hosts: Vec<String>,
    committer: Committer,
    desk: Desk,
    events: Events,
    results: Results,
    artifacts: Artifacts,
    cache: Cache,
    folders: Folders,
    access: Access,
    first: Option<PathBuf>,
    traces: Traces,
}

/// What the ledger is told, if the settings make sense.
pub(crate) fn settings(config: &Config) -> Result<LedgerConfig, StartError> {
    if !(0.5..=86_400.0).contains(&config.lease_seconds) {
        return Err(StartError::LeaseSeconds(config.lease_seconds));
    }
    if let Some(place) = config.advertise.as_deref().filter(|place| !is_place(place)) {
        // What stands before an @ may be a secret.
        return Err(StartError::Advertise(place.rsplit('@').next().unwrap_or_default().to_owned()));
    }
    let profiles = profiles::read(&config.profiles)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie in range")]
    let lease_ms = (config.lease_seconds * 1000.0) as u64;
    Ok(LedgerConfig { lease_ms, profiles })
}

/// A server within the limits that hold before anybody is known. Browsers speak HTTP/1.1 without TLS; the page alone answers
/// it.
pub(crate) fn answering() -> Server {
    Server::builder()
        .accept_http1(true)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .max_concurrent_streams(STREAMS_MAX)
        .concurrency_limit_per_connection(CALLS_MAX)
}

/// Whether a text is a machine and a port.
fn is_place(text: &str) -> bool {
    let parsed = text.parse::<axum::http::uri::Authority>();
    parsed.is_ok_and(|place| place.port_u16().is_some() && !place.host().is_empty() && !text.contains('@'))
}

impl Coordinator {
    /// Opens the store in the state folder and rebuilds the ledger. Nothing is answered yet.
    ///
    /// # Errors
    /// When the settings make no sense, or the state cannot be had.
    pub fn open(config: &Config, cache: Cache) -> Result<Self, StartError> {
        let ledger = settings(config)?;
        let store = Box::new(Sqlite::open(&config.state)?);
        Self::on(config, ledger, cache, store)
    }

    /// Rebuilds the ledger from a store.
    pub(crate) fn on(
        config: &Config,
        ledger: LedgerConfig,
        cache: Cache,
        mut store: Box<dyn Store>,
    ) -> Result<Self, StartError> {
        let clock = Clock::start();
        let first = if config.authenticates() {
            first_token::make(store.as_mut(), &config.state, clock.now().unix_ms)?
        } else {
            None
        };
        let artifacts = Artifacts::open_at(&config.artifacts_place(), &config.near_folder())?;
        let results = store.results();
        let events = Events::new(clock.now().unix_ms);
        let (committer, desk) = Committer::new(store, ledger, clock, artifacts.clone(), events.clone())?;
        let traces = config.traces()?;
        let committer = committer.told_to(traces.clone());
        let audit = match &config.audit_log {
            Some(path) => Audit::file(path)?,
            None if config.authenticates() => Audit::log(),
            None => Audit::nowhere(),
        };
        let access = match config.authenticates() {
            true => Access::by(committer.tokens(), audit, clock),
            false => Access::open(audit, clock),
        };
        let lease_seconds = config.lease_seconds;
        let mut page_hosts = config.page_hosts.clone();
        page_hosts.extend(config.tls()?.iter().flat_map(port::machines));
        let folders = config.folders();
        Ok(Self {
            lease_seconds,
            page_hosts,
            committer,
            desk,
            events,
            results,
            artifacts,
            cache,
            folders,
            access,
            first,
            traces,
        })
    }

    /// Where the first token lies, if it was made now: an administrator's, for who started this coordinator.
    #[must_use]
    pub fn first_token(&self) -> Option<&Path> {
        self.first.as_deref()
    }

    /// Where commands and questions can be handed in beside the services.
    #[must_use]
    pub fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Answers what comes in until told to stop: then ends long polls and watches, lets open calls end and writes what
    /// waits.
    ///
    /// # Errors
    /// When the server fails by itself.
    pub async fn serve<I, C>(self, incoming: I, shutdown: CancellationToken) -> Result<(), ServeError>
    where
        I: Stream<Item = io::Result<C>>,
        C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let committer_stop = CancellationToken::new();
        let committer = tokio::spawn(self.committer.run(committer_stop.clone()));
        let sweeping = tokio::spawn(artifacts::sweep(self.artifacts.clone(), self.desk.clone()));
        let page = Page::new(
            (self.desk.clone(), self.events.clone()),
            (self.results.clone(), self.artifacts.clone()),
            &self.page_hosts,
            self.access.clone(),
            shutdown.clone(),
        );
        let keys = Keys { desk: self.desk.clone(), access: self.access.clone() };
        let studies = Studies {
            desk: self.desk.clone(),
            events: self.events,
            results: self.results,
            artifacts: self.artifacts.clone(),
            cache: self.cache,
            folders: self.folders,
            preparing: Arc::new(Semaphore::new(1)),
            unnamed: Arc::default(),
            traces: self.traces.clone(),
            stop: shutdown.clone(),
        };
        let workers = Workers {
            desk: self.desk,
            artifacts: self.artifacts,
            lease_seconds: self.lease_seconds,
            traced: self.traces.wanted(),
            stop: shutdown.clone(),
        };
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<StudyServiceServer<Studies>>().await;
        reporter.set_serving::<WorkerServiceServer<Workers>>().await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .build_v1()
            .expect("the descriptors were made by the compiler that built this program");
        let services = Routes::new(health)
            .add_service(reflection)
            .add_service(AccessServiceServer::new(keys))
            .add_service(StudyServiceServer::new(studies))
            .add_service(WorkerServiceServer::new(workers).max_decoding_message_size(MESSAGE_BYTES_MAX));
        let everything = page::beside(services.into_axum_router(), self.access, Arc::new(page));
        let server = answering()
            .add_routes(Routes::from(everything).prepare())
            .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned());
        let patience = async {
            shutdown.cancelled().await;
            tokio::time::sleep(STOP_PATIENCE).await;
        };
        let served = tokio::select! {
            biased;
            served = server => served,
            () = patience => Ok(()),
        };
        sweeping.abort();
        committer_stop.cancel();
        // The task ends by itself once told; there is nothing to learn from how.
        let _ = committer.await;
        blocking::run(|| self.traces.end());
        tracing::info!("coordinator stopped");
        Ok(served?)
    }
}

#[cfg(test)]
mod tests {
    use foldwise_proto::v1;
    use foldwise_study::plan::COHORT_EPOCHS_MAX;
    use prost::Message;

    use super::{Config, MESSAGE_BYTES_MAX, StartError, settings};

    #[test]
    fn where_others_reach_a_coordinator_is_a_machine_and_a_port() {
        let with = |place: &str| settings(&Config { advertise: Some(place.to_owned()), ..Config::default() });
        for place in ["den.example.org:7070", "10.0.0.1:7070", "[::1]:7070"] {
            assert!(with(place).is_ok(), "{place}");
        }
        for place in ["", "den", "http://den:7070", "http://u:secret@x:7/z", "u:secret@den:7070"] {
            let error = with(place).expect_err(place);
            assert!(
                matches!(error, StartError::Advertise(_)) && !error.to_string().contains("secret"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_results_of_the_largest_cohort_are_one_message() {
        let epoch = |epoch| v1::Epoch {
            epoch,
            train_loss: 0.5,
            train_accuracy: Some(0.5),
            val_loss: Some(0.5),
            val_accuracy: Some(0.5),
            lr: 0.1,
        };
        let epochs = (1..).take(COHORT_EPOCHS_MAX).map(epoch).collect();
        let outcome = v1::Outcome { epochs, ..v1::Outcome::default() };
        let results = v1::CompleteCohortRequest { outcomes: vec![outcome], ..Default::default() };
        assert!(results.encoded_len() < MESSAGE_BYTES_MAX, "{}", results.encoded_len());
    }
}
