//! What a coordinator is told at its start.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use foldwise_traces::{Traces, TracesError, Way};
use serde::{Deserialize, Serialize};

use crate::artifacts::Place;
use crate::port::TlsError;
use crate::store::ARTIFACTS;
use crate::store::postgres::Address;
use crate::submission::Folders;

/// The folder in a state folder for copies of files that are kept in a bucket.
const NEAR: &str = "near";

/// Settings; also the fields of the configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder that everything is kept in.
    pub state: PathBuf,
    /// The database that coordinators share; without it everything is kept in `state`.
    pub store: Option<Address>,
    /// Where others reach this coordinator, `host:port`, as a standby tells them; `listen` if absent.
    pub advertise: Option<String>,
    /// Where files are kept, which coordinators that share a database share too; the folder `artifacts` in `state` if absent.
    pub artifacts: Option<Place>,
    /// Silence after which a worker's lease is lost, s: 0.5 to 86,400.
    pub lease_seconds: f64,
    /// Whether to listen on addresses that other machines reach, though nothing is encrypted or authenticated.
    pub insecure: bool,
    /// The certificate that callers are shown, as PEM, with those between it and its CA.
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, as PEM.
    pub tls_key: Option<PathBuf>,
    /// The CA whose certificates say who calls, as PEM.
    pub client_ca: Option<PathBuf>,
    /// Whether callers must say who they are; by default where there is TLS.
    pub authenticate: Option<bool>,
    /// Folders in which studies may name files of their own. Where it is empty: any, or none where callers are authenticated.
    pub data_folders: Vec<PathBuf>,
    /// Where decisions are written down, a line of JSON each; by default in the log, where callers are authenticated.
    pub audit_log: Option<PathBuf>,
    /// Device profiles that specs may name and that plans are made with: files, or folders of them.
    pub profiles: Vec<PathBuf>,
    /// Names by which browsers may ask for the page, beside addresses and `localhost`.
    pub page_hosts: Vec<String>,
    /// A collector of traces, as `http://127.0.0.1:4317`.
    pub traces: Option<String>,
    /// How it may be reached.
    #[serde(skip)]
    pub traces_way: Way,
}

/// The files of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_ca: Option<PathBuf>,
}

impl Config {
    /// The files of TLS, if it is wanted.
    pub(crate) fn tls(&self) -> Result<Option<TlsFiles>, TlsError> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => {
                let (cert, key, client_ca) = (cert.clone(), key.clone(), self.client_ca.clone());
                Ok(Some(TlsFiles { cert, key, client_ca }))
            }
            (None, None) if self.client_ca.is_some() => Err(TlsError::NoTls),
            (None, None) => Ok(None),
            _ => Err(TlsError::Half),
        }
    }

    /// Where traces go.
    pub(crate) fn traces(&self) -> Result<Traces, TracesError> {
        let collector = self.traces.as_deref();
        let told = collector.map(|collector| Traces::to(collector, "foldwise-coordinator", &self.traces_way));
        told.transpose().map(Option::unwrap_or_default)
    }

    /// Where studies may name files.
    pub(crate) fn folders(&self) -> Folders {
        let any = self.data_folders.is_empty() && !self.authenticates();
        if any { Folders::default() } else { Folders::only(&self.data_folders) }
    }

    /// Whether callers must say who they are.
    #[must_use]
    pub fn authenticates(&self) -> bool {
        self.authenticate.unwrap_or(self.tls_cert.is_some())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7070),
            state: PathBuf::from(".foldwise"),
            store: None,
            advertise: None,
            artifacts: None,
            lease_seconds: 30.0,
            insecure: false,
            tls_cert: None,
            tls_key: None,
            client_ca: None,
            authenticate: None,
            data_folders: Vec::new(),
            audit_log: None,
            profiles: Vec::new(),
            page_hosts: Vec::new(),
            traces: None,
            traces_way: Way::default(),
        }
    }
}

impl Config {
    /// Where files are kept.
    #[must_use]
    pub fn artifacts_place(&self) -> Place {
        self.artifacts.clone().unwrap_or_else(|| Place::Folder(self.state.join(ARTIFACTS)))
    }

    /// The folder for copies of files that are kept in a bucket.
    #[must_use]
    pub fn near_folder(&self) -> PathBuf {
        self.state.join(NEAR)
    }
}
