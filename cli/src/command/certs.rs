//! `foldwise certs`: a CA of one's own, and the certificates that a coordinator and its callers show each other.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use foldwise_coordinator::access::{NotAPrincipal, Principal, Role};

use crate::clock;
use crate::error::CliError;
use crate::output;

mod authority;
mod files;

use authority::{Authority, Purpose};
use files::{read_key, replace, write_new, write_secret};

/// The CA's name among the files.
const CA: &str = "ca";
/// Days that a CA's certificate lasts.
const CA_DAYS: u32 = 3650;

/// What `foldwise certs` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldwise certs init                                      once, where the CA's key is safe
  foldwise certs issue server den.example --host 10.0.0.3  for the coordinator, by name and address
  foldwise certs issue worker den-3                        for a machine that trains
  foldwise certs issue submit ann                          for a person
  foldwise certs issue server den.example --renew          a new certificate for the same key

The coordinator is started with --tls-cert den.example.crt --tls-key den.example.key --client-ca ca.crt; callers
are given --ca ca.crt, and --cert and --key of their own or a token. Keys are never overwritten.")]
pub(crate) struct CertsArguments {
    #[command(subcommand)]
    command: CertsCommand,
}

#[derive(Debug, Subcommand)]
enum CertsCommand {
    /// Make a CA: ca.crt, which everybody may have, and ca.key, which nobody else may
    Init(InitArguments),
    /// Make a certificate and its key, signed by the CA
    Issue(IssueArguments),
}

#[derive(Debug, Args)]
struct InitArguments {
    /// Where the files are made
    #[arg(long, value_name = "FOLDER", default_value = "certs")]
    folder: PathBuf,
}

#[derive(Debug, Args)]
struct IssueArguments {
    /// Whom it is for: the coordinator (`server`), or a caller with a role
    #[arg(value_name = "KIND", value_enum)]
    kind: Kind,
    /// A machine's name for a server, anything short for others; the files are called so too
    #[arg(value_name = "NAME")]
    name: String,
    /// Another name or address of the server's machine; may be repeated
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// Days until it ends
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// Make a new certificate for the key that is there
    #[arg(long)]
    renew: bool,
    /// Where the CA is, and where the files are made
    #[arg(long, value_name = "FOLDER", default_value = "certs")]
    folder: PathBuf,
}

/// Whom a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The coordinator.
    Server,
    /// A worker.
    Worker,
    /// Somebody who may do everything.
    Admin,
    /// Somebody who may submit and steer studies.
    Submit,
    /// Somebody who may look.
    Read,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertsError {
    /// The name.
    #[error(transparent)]
    Principal(#[from] NotAPrincipal),
    /// A server's name or address.
    #[error("`{0}` is no machine's name or address")]
    Host(String),
    /// Hosts of something that is none.
    #[error("--host is for servers: a {0}'s certificate names whoever shows it, not a machine")]
    HostOfCaller(&'static str),
    /// The CA's own name.
    #[error("`{CA}` is the CA's own name: choose another")]
    Reserved,
    /// A file that is there.
    #[error(
        "{} is there already and is not overwritten; {}", .0.display(),
        "--renew makes a new certificate for a key that is there, and another --folder another CA"
    )]
    Exists(PathBuf),
    /// A file that is not there.
    #[error("cannot read {}: {source}; {remedy}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key that is none.
    #[error("{} is not a private key of ours: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rcgen::Error,
    },
    /// Anything else.
    #[error("cannot make the certificate: {0}")]
    Make(#[from] rcgen::Error),
}

impl CertsError {
    /// Whether what was asked for makes no sense.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::Principal(_) | Self::Host(_) | Self::HostOfCaller(_) | Self::Reserved)
    }
}

pub(super) fn execute(arguments: &CertsArguments) -> Result<(), CliError> {
    let told = match &arguments.command {
        CertsCommand::Init(init) => make_authority(&init.folder)?,
        CertsCommand::Issue(issue) => make_certificate(issue)?,
    };
    Ok(output::print(&told)?)
}

fn make_authority(folder: &Path) -> Result<String, CertsError> {
    let key = rcgen::KeyPair::generate()?;
    let (cert_path, key_path) = paths(folder, CA);
    // The key first: if it is there, nothing is touched.
    write_secret(&key_path, &key.serialize_pem())?;
    let authority = Authority::new(key);
    let certificate = authority.certificate(clock::unix_seconds(), CA_DAYS)?;
    write_new(&cert_path, &certificate)?;
    Ok(format!(
        "{} is for everybody who calls the coordinator\n{} signs certificates: keep it from others, best off the network",
        cert_path.display(),
        key_path.display()
    ))
}

fn make_certificate(issue: &IssueArguments) -> Result<String, CertsError> {
    let purpose = issue.purpose()?;
    if issue.name == CA {
        return Err(CertsError::Reserved);
    }
    let (_, ca_key) = paths(&issue.folder, CA);
    let authority = Authority::new(read_key(
        &ca_key,
        "make a CA first with `foldwise certs init`, or name its --folder",
    )?);
    let (cert_path, key_path) = paths(&issue.folder, &issue.name);
    let now = clock::unix_seconds();
    if issue.renew {
        let key = read_key(&key_path, "without --renew a new key is made too")?;
        replace(&cert_path, &authority.issue(&key, &issue.name, &purpose, now, issue.days)?)?;
    } else {
        let key = rcgen::KeyPair::generate()?;
        let certificate = authority.issue(&key, &issue.name, &purpose, now, issue.days)?;
        write_secret(&key_path, &key.serialize_pem())?;
        write_new(&cert_path, &certificate)?;
    }
    Ok(format!(
        "{} and {} are for {}, for {} days",
        cert_path.display(),
        key_path.display(),
        purpose,
        issue.days
    ))
}

fn paths(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")))
}

impl IssueArguments {
    fn purpose(&self) -> Result<Purpose, CertsError> {
        let role = match self.kind {
            Kind::Server => {
                let hosts = std::iter::once(&self.name).chain(&self.hosts);
                return hosts
                    .map(|host| authority::host(host))
                    .collect::<Result<_, _>>()
                    .map(Purpose::Server);
            }
            Kind::Worker => Role::Worker,
            Kind::Admin => Role::Admin,
            Kind::Submit => Role::Submit,
            Kind::Read => Role::Read,
        };
        if !self.hosts.is_empty() {
            return Err(CertsError::HostOfCaller(role.word()));
        }
        Ok(Purpose::Caller(Principal::new(&self.name, role)?))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use clap::Parser;

    use super::{CertsArguments, CertsCommand, CertsError, make_authority, make_certificate};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: CertsArguments,
    }

    fn issue(folder: &Path, line: &[&str]) -> Result<String, CertsError> {
        let folder = folder.to_str().unwrap();
        let line = [&["certs", "issue"], line, &["--folder", folder]].concat();
        let CertsCommand::Issue(issue) = Line::parse_from(line).arguments.command else { panic!("an issue") };
        make_certificate(&issue)
    }

    #[test]
    fn keys_are_their_owners_alone_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        make_authority(folder).unwrap();
        issue(folder, &["worker", "den-3"]).unwrap();
        let key = fs::read(folder.join("den-3.key")).unwrap();
        let certificate = fs::read(folder.join("den-3.crt")).unwrap();
        assert!(matches!(make_authority(folder), Err(CertsError::Exists(_))));
        assert!(matches!(issue(folder, &["worker", "den-3"]), Err(CertsError::Exists(_))));
        issue(folder, &["worker", "den-3", "--renew", "--days", "2"]).unwrap();
        assert_eq!(fs::read(folder.join("den-3.key")).unwrap(), key);
        assert_ne!(fs::read(folder.join("den-3.crt")).unwrap(), certificate);
        #[cfg(unix)]
        for name in ["ca.key", "den-3.key"] {
            let mode = fs::metadata(folder.join(name)).unwrap().permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let missing = issue(folder, &["worker", "den"]).unwrap_err();
        assert!(missing.to_string().contains("foldwise certs init"), "{missing}");
        make_authority(folder).unwrap();
        assert!(matches!(issue(folder, &["worker", "../den"]), Err(CertsError::Principal(_))));
        assert!(matches!(issue(folder, &["server", "../den"]), Err(CertsError::Host(_))));
        assert!(matches!(issue(folder, &["server", "ca"]), Err(CertsError::Reserved)));
        assert!(matches!(issue(folder, &["read", "ann", "--host", "den"]), Err(CertsError::HostOfCaller(_))));
    }
}
