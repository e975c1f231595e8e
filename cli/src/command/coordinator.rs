//! `foldwise coordinator`: keeps studies and hands out their runs, until it is told to stop.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;
use foldwise_coordinator::artifacts::{Place, PlaceError};
use foldwise_coordinator::leadership::{self, LeadershipError, Role};
use foldwise_coordinator::store::postgres::{Address, PostgresError};
use foldwise_coordinator::{Config, Coordinator, Listener, ServeError, StartError};
use foldwise_data::Cache;

use crate::arguments::ProfileArguments;
use crate::environment::{self, Passwords};
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::log::LogArguments;
use crate::output;

/// What `foldwise coordinator` is told. What is not said here comes from the file, and else from the defaults.
#[derive(Debug, Args)]
#[command(after_help = "\
Options win over environment variables, those over the configuration file, and that over the defaults.

Examples:
  foldwise coordinator
  foldwise coordinator --listen 0.0.0.0:7070 --tls-cert server.crt --tls-key server.key --client-ca ca.crt
  foldwise coordinator --config foldwise.toml
  foldwise coordinator --store postgres://foldwise@db/foldwise --artifacts /shared/foldwise
    (the second one on the same database stands by until the first is gone)
  AWS_ENDPOINT_URL=https://store:9000 AWS_REGION=den foldwise coordinator --artifacts s3://foldwise/files
    (with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment; on Amazon's machines their role will do)

Where other machines reach it a coordinator starts with TLS and authentication alone: `foldwise certs` makes
certificates and `foldwise token` tokens; the first start writes an administrator's to STATE/admin-token.

A configuration file holds any of these:
  listen = \"127.0.0.1:7070\"
  state = \".foldwise\"
  store = \"postgres://foldwise@db/foldwise\"
  artifacts = \"/shared/foldwise\"    # or \"s3://bucket/prefix\"
  advertise = \"den.example.org:7070\"
  lease_seconds = 30.0
  insecure = false
  tls_cert = \"server.crt\"
  tls_key = \"server.key\"
  client_ca = \"ca.crt\"
  authenticate = true
  data_folders = [\"/data\"]
  audit_log = \"audit.jsonl\"
  profiles = [\"den.toml\"]
  page_hosts = [\"den.example.org\"]
  traces = \"http://127.0.0.1:4317\"")]
pub(crate) struct CoordinatorArguments {
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:7070]
    #[arg(long, env = "FOLDWISE_LISTEN", hide_env_values = true, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The folder that everything is kept in [default: .foldwise]
    #[arg(long, env = "FOLDWISE_STATE", hide_env_values = true, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Keep state in PostgreSQL, which coordinators can share: `postgres://user@host:5432/database`, with the password
    /// in PGPASSWORD or the password file (PGPASSFILE, ~/.pgpass). Other machines are spoken to with TLS:
    /// `?sslrootcert=FILE` names the CA of a server of your own [default: the state folder]
    #[arg(long, env = "FOLDWISE_STORE", hide_env_values = true, value_name = "URL")]
    store: Option<Opaque>,
    /// Where others reach this coordinator, as a standby tells them [default: where it listens]
    #[arg(long, env = "FOLDWISE_ADVERTISE", hide_env_values = true, value_name = "HOST:PORT")]
    advertise: Option<String>,
    /// Where files are kept: a folder, or a bucket of an S3-compatible store as `s3://bucket/prefix`, reached as the AWS_…
    /// variables say; coordinators that share a database share it too [default: artifacts in the state folder]
    #[arg(long, env = "FOLDWISE_ARTIFACTS", hide_env_values = true, value_name = "PLACE")]
    artifacts: Option<Opaque>,
    /// Silence after which a worker's lease is lost [default: 30]
    #[arg(long, env = "FOLDWISE_LEASE_SECONDS", hide_env_values = true, value_name = "SECONDS")]
    lease_seconds: Option<f64>,
    /// The certificate to show, as PEM; read again when it changes
    #[arg(long, env = "FOLDWISE_TLS_CERT", hide_env_values = true, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, as PEM
    #[arg(long, env = "FOLDWISE_TLS_KEY", hide_env_values = true, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// The CA whose certificates say who calls, as PEM
    #[arg(long, env = "FOLDWISE_CLIENT_CA", hide_env_values = true, value_name = "FILE")]
    client_ca: Option<PathBuf>,
    /// Whether callers must say who they are, by a token or a certificate [default: where there is TLS]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(env = "FOLDWISE_AUTHENTICATE", hide_env_values = true)]
    authenticate: Option<bool>,
    /// A folder in which studies may name files of their own; may be repeated [default: any, or none where callers must say
    /// who they are]
    #[arg(long = "data-folder", value_name = "FOLDER")]
    data_folders: Vec<PathBuf>,
    /// Where to write decisions down, a line of JSON each; otherwise they are in the log
    #[arg(long, env = "FOLDWISE_AUDIT_LOG", hide_env_values = true, value_name = "FILE")]
    audit_log: Option<PathBuf>,
    /// Listen where other machines reach it, whatever is missing of encryption and authentication
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(env = "FOLDWISE_INSECURE", hide_env_values = true)]
    insecure: Option<bool>,
    /// A name by which browsers may ask for the page, beside addresses and localhost; may be repeated
    #[arg(long = "page-host", value_name = "NAME")]
    page_hosts: Vec<String>,
    /// An OpenTelemetry collector to tell of studies and attempts, over OTLP/gRPC, such as `http://127.0.0.1:4317`; headers and
    /// a CA as the `OTEL_EXPORTER_OTLP_…` variables say
    #[arg(long, env = "FOLDWISE_TRACES", hide_env_values = true, value_name = "URL")]
    traces: Option<String>,
    /// A TOML file with these settings
    #[arg(long, env = "FOLDWISE_CONFIG", hide_env_values = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    profiles: ProfileArguments,
    #[command(flatten)]
    log: LogArguments,
}

/// Why there is no coordinator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CoordinatorError {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configuration file is wrong.
    #[error("the configuration file {} is wrong{place}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Where in it. The line itself is not shown: it may hold a password.
        place: String,
        /// Why.
        reason: String,
    },
    /// The address of its database.
    #[error(transparent)]
    Address(PostgresError),
    /// Where its files are kept.
    #[error(transparent)]
    Place(PlaceError),
    /// It does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It stopped by itself.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The password for its database.
    #[error(transparent)]
    Password(#[from] PostgresError),
}

impl From<LeadershipError> for CoordinatorError {
    fn from(error: LeadershipError) -> Self {
        match error {
            LeadershipError::Start(error) => Self::Start(error),
            LeadershipError::Serve(error) => Self::Serve(error),
        }
    }
}

impl CoordinatorError {
    /// Whether the settings are to blame.
    pub(crate) fn is_usage(&self) -> bool {
        match self {
            Self::Read { .. } | Self::Config { .. } | Self::Address(_) | Self::Place(_) => true,
            Self::Start(error) => {
                use StartError::{Advertise, Artifacts, LeaseSeconds, Profile, Tls, Traces, Unprotected};
                matches!(
                    error,
                    Unprotected { .. } | LeaseSeconds(_) | Profile(_) | Tls(_) | Traces(_) | Advertise(_)
                ) || matches!(error, Artifacts(error) if error.is_setting())
            }
            Self::Serve(_) | Self::Password(_) => false,
        }
    }
}

impl CoordinatorArguments {
    /// The settings: what was said, else what the file says, else the defaults.
    fn settle(&self) -> Result<Config, CoordinatorError> {
        let file = self.config.as_deref().map(read).transpose()?.unwrap_or_default();
        let given = &self.profiles.files;
        Ok(Config {
            listen: self.listen.unwrap_or(file.listen),
            state: self.state.clone().unwrap_or(file.state),
            store: self
                .store
                .as_ref()
                .map(Opaque::store)
                .transpose()
                .map_err(CoordinatorError::Address)?
                .or(file.store),
            advertise: self.advertise.clone().or(file.advertise),
            artifacts: place(self.artifacts.as_ref())?.or(file.artifacts).map(with_bucket_settings),
            lease_seconds: self.lease_seconds.unwrap_or(file.lease_seconds),
            insecure: self.insecure.unwrap_or(file.insecure),
            tls_cert: self.tls_cert.clone().or(file.tls_cert),
            tls_key: self.tls_key.clone().or(file.tls_key),
            client_ca: self.client_ca.clone().or(file.client_ca),
            authenticate: self.authenticate.or(file.authenticate),
            data_folders: match self.data_folders.is_empty() {
                true => file.data_folders,
                false => self.data_folders.clone(),
            },
            audit_log: self.audit_log.clone().or(file.audit_log),
            profiles: if given.is_empty() { file.profiles } else { given.clone() },
            page_hosts: if self.page_hosts.is_empty() { file.page_hosts } else { self.page_hosts.clone() },
            traces: self.traces.clone().or(file.traces),
            traces_way: environment::traces_way(),
        })
    }
}

fn read(path: &Path) -> Result<Config, CoordinatorError> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|source| CoordinatorError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error| CoordinatorError::Config {
        path: path.to_owned(),
        place: error.span().map(|span| place_of(&text, span.start)).unwrap_or_default(),
        reason: error.message().to_owned(),
    })
}

/// A place in a text as a person counts it.
fn place_of(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    format!(" at line {line}, column {column}")
}

pub(super) async fn execute(arguments: Box<CoordinatorArguments>) -> Result<(), CliError> {
    arguments.log.to_stderr()?;
    let config = arguments.settle()?;
    let interrupt = Interrupt::listen().map_err(CliError::Signals)?;
    let cache = Cache::from_environment()?;
    // The port first: what may not be reached begins nothing.
    let listener = Listener::bind(&config).await.map_err(CoordinatorError::from)?;
    if let Some(database) = config.store.clone() {
        return share(&config, database, cache, &listener, &interrupt).await;
    }
    let coordinator = Coordinator::open(&config, cache).map_err(CoordinatorError::from)?;
    announce(&listening(&listener));
    if let Some(path) = coordinator.first_token() {
        announce(&format!("an administrator's token is in {}; make others with it", path.display()));
    }
    tokio::select! {
        served = coordinator.serve(listener.incoming(), interrupt.token()) => {
            Ok(served.map_err(CoordinatorError::from)?)
        }
        () = interrupt.insisted() => {
            Err(CliError::Interrupted("the coordinator stopped at once; what it acknowledged is kept".to_owned()))
        }
    }
}

/// The same on a database that coordinators share: leads, or stands by.
async fn share(
    config: &Config,
    database: Address,
    cache: Cache,
    listener: &Listener,
    interrupt: &Interrupt,
) -> Result<(), CliError> {
    let database = with_password(database).map_err(CoordinatorError::from)?;
    let told = Cell::new(false);
    let tell = |role: &Role| {
        // Whoever waits for this line finds a coordinator that could be had.
        if !told.replace(true) {
            announce(&listening(listener));
        }
        announce(&match role {
            Role::StandsBy(leader) => format!("standing by: {leader}"),
            Role::Leads { term, first_token: None } => format!("leading, for term {term}"),
            Role::Leads { term, first_token: Some(path) } => format!(
                "leading, for term {term}\nan administrator's token is in {}; make others with it",
                path.display()
            ),
            Role::Deposed { term } => {
                format!(
                    "another coordinator took over: term {term} is over, and nothing more was written in it"
                )
            }
        });
    };
    tokio::select! {
        served = leadership::serve(config, database, cache, listener, interrupt.token(), tell) => {
            Ok(served.map_err(CoordinatorError::from)?)
        }
        () = interrupt.insisted() => {
            Err(CliError::Interrupted("the coordinator stopped at once; what it acknowledged is kept".to_owned()))
        }
    }
}

/// An address with the password that stands in it, in the environment or in the password file.
pub(super) fn with_password(database: Address) -> Result<Address, PostgresError> {
    let Passwords { password, file } = Passwords::read();
    let database = database.or_password(password.as_deref());
    match file {
        Some(file) => database.or_password_file(&file),
        None => Ok(database),
    }
}

/// A place with what the environment says of buckets.
pub(super) fn with_bucket_settings(place: Place) -> Place {
    place.with_settings(environment::bucket_settings())
}

/// Where files are kept, as an option says.
pub(super) fn place(given: Option<&Opaque>) -> Result<Option<Place>, CoordinatorError> {
    given.map(|text| Place::read(&text.0)).transpose().map_err(CoordinatorError::Place)
}

/// An address as an option gives it. It may hold a secret, so that it is read where errors do not show it.
#[derive(Clone)]
pub(crate) struct Opaque(String);

impl Opaque {
    /// That of a database.
    pub(crate) fn store(&self) -> Result<Address, PostgresError> {
        Address::read(&self.0)
    }
}

impl From<String> for Opaque {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Opaque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opaque(…)")
    }
}

/// Prints a line. Whether anybody reads it or not, there is work to do.
fn announce(line: &str) {
    if let Err(error) = output::print(line) {
        tracing::warn!(%error, line, "a line could not be printed");
    }
}

fn listening(listener: &Listener) -> String {
    let (address, scheme) = (listener.address(), listener.scheme());
    format!(
        "listening on {scheme}://{address}
the page is at {scheme}://{}/",
        reached_at(address)
    )
}

/// Where this machine reaches an address that is listened on.
fn reached_at(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use clap::Parser;
    use foldwise_coordinator::Config;

    use super::{CoordinatorArguments, CoordinatorError};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: CoordinatorArguments,
    }

    fn settle(line: &[&str]) -> Result<Config, CoordinatorError> {
        let line = ["coordinator"].iter().chain(line);
        Line::parse_from(line).arguments.settle()
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        assert_eq!(settle(&[]).unwrap(), Config::default());
    }

    #[test]
    fn options_win_over_the_file_and_the_file_over_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("foldwise.toml");
        fs::write(&path, "lease_seconds = 5.0\ninsecure = true\nstate = \"/kept\"\n").unwrap();
        let path = path.to_str().unwrap();
        let config = settle(&["--config", path]).unwrap();
        assert_eq!((config.lease_seconds, config.insecure), (5.0, true));
        assert_eq!((config.state, config.listen), (PathBuf::from("/kept"), Config::default().listen));
        let config = settle(&["--config", path, "--lease-seconds", "7", "--insecure=false"]).unwrap();
        assert_eq!((config.lease_seconds, config.insecure), (7.0, false));
    }

    #[test]
    fn a_wrong_file_is_named_with_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("foldwise.toml");
        fs::write(&path, "lease = 5\n").unwrap();
        let error = settle(&["--config", path.to_str().unwrap()]).unwrap_err();
        assert!(error.is_usage());
        let error = error.to_string();
        assert!(error.contains("at line 1, column 1: unknown field `lease`"), "{error}");
    }

    #[test]
    fn a_wrong_address_of_the_database_shows_no_password() {
        let wrong = "postgres://u:hush@db/x?sslmode=sometimes";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("foldwise.toml");
        fs::write(&path, format!("state = \"/kept\"\nstore = \"{wrong}\"\n")).unwrap();
        let in_file = settle(&["--config", path.to_str().unwrap()]).unwrap_err();
        let as_option = settle(&["--store", wrong]).unwrap_err();
        for error in [in_file, as_option] {
            assert!(error.is_usage());
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("sslmode") && !shown.contains("hush"), "{shown}");
        }
    }
}
