//! What a coordinator is told at its start.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::store::ARTIFACTS;
use crate::store::postgres::Address;

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
    /// The folder that files are kept in, which coordinators that share a database share too; `artifacts` in `state` if
    /// absent.
    pub artifacts: Option<PathBuf>,
    /// Silence after which a worker's lease is lost, s: 0.5 to 86,400.
    pub lease_seconds: f64,
    /// Whether to listen on addresses that other machines reach, without encryption or authentication.
    pub insecure: bool,
    /// Device profiles that specs may name and that plans are made with: files, or folders of them.
    pub profiles: Vec<PathBuf>,
    /// Names by which browsers may ask for the page, beside addresses and `localhost`.
    pub page_hosts: Vec<String>,
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
            profiles: Vec::new(),
            page_hosts: Vec::new(),
        }
    }
}

impl Config {
    /// The folder that files are kept in.
    #[must_use]
    pub fn artifacts_folder(&self) -> PathBuf {
        self.artifacts.clone().unwrap_or_else(|| self.state.join(ARTIFACTS))
    }
}
