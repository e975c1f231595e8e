//! How the line to a PostgreSQL server is protected: with TLS and a certificate that is checked, unless the server is this
//! machine or the operator says that there is none.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::PostgresError;
use crate::machine;

/// The parameters of an address that are about TLS, as PostgreSQL's own programs name them.
const PARAMETERS: [&str; 4] = ["sslmode", "sslrootcert", "sslcert", "sslkey"];

/// What an address says of TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Protection {
    mode: Option<String>,
    /// Whose certificates are believed, as PEM; public CAs if absent.
    root: Option<PathBuf>,
    /// The certificate and the key that this coordinator shows, as PEM.
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Protection {
    /// Takes what is about TLS out of an address. The rest of it.
    pub(super) fn take(address: &str) -> (String, Self) {
        let mut protection = Self::default();
        let Some((base, query)) = address.split_once('?') else { return (address.to_owned(), protection) };
        let rest: Vec<&str> = query
            .split('&')
            .filter(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                protection.set(name, &decoded(value));
                !PARAMETERS.contains(&name)
            })
            .collect();
        let query = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
        (format!("{base}{query}"), protection)
    }

    fn set(&mut self, name: &str, value: &str) {
        match name {
            "sslmode" => self.mode = Some(value.to_owned()),
            "sslrootcert" => self.root = Some(value.into()),
            "sslcert" => self.cert = Some(value.into()),
            "sslkey" => self.key = Some(value.into()),
            _ => {}
        }
    }

    /// Whether TLS is spoken to these hosts, as the driver is told.
    pub(super) fn mode(&self, hosts: &[Host]) -> Result<SslMode, PostgresError> {
        let wrong = |reason: String| Err(PostgresError::Address(reason));
        if self.cert.is_some() != self.key.is_some() {
            return wrong("sslcert and sslkey go together".to_owned());
        }
        match self.mode.as_deref() {
            Some("require" | "verify-ca" | "verify-full") => Ok(SslMode::Require),
            Some("disable") if *self == (Self { mode: self.mode.clone(), ..Self::default() }) => {
                Ok(SslMode::Disable)
            }
            Some("disable") => wrong("sslmode=disable and certificates contradict each other".to_owned()),
            Some("allow" | "prefer") => {
                wrong("sslmode=allow and prefer protect from nobody: say verify-full, or disable".to_owned())
            }
            Some(_) => wrong("its sslmode is none of disable, require, verify-ca and verify-full".to_owned()),
            None if hosts.iter().all(is_local) && *self == Self::default() => Ok(SslMode::Disable),
            None => Ok(SslMode::Require),
        }
    }

    /// What makes protected connections.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, PostgresError> {
        let mut roots = RootCertStore::empty();
        match self.root.as_deref().filter(|root| *root != Path::new("system")) {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                for certificate in certificates(path, "sslrootcert")? {
                    roots.add(certificate).map_err(|error| unusable(path, "sslrootcert", &error))?;
                }
            }
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider was built with these versions")
            .with_root_certificates(roots);
        let config = match (&self.cert, &self.key) {
            (Some(cert), Some(path)) => {
                let key =
                    PrivateKeyDer::from_pem_file(path).map_err(|error| unusable(path, "sslkey", &error))?;
                let shown = builder.with_client_auth_cert(certificates(cert, "sslcert")?, key);
                shown.map_err(|error| unusable(cert, "sslcert", &error))?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(MakeRustlsConnect::new(config))
    }
}

fn certificates(path: &Path, parameter: &'static str) -> Result<Vec<CertificateDer<'static>>, PostgresError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|error| unusable(path, parameter, &error))?;
    if read.is_empty() {
        return Err(unusable(path, parameter, &"it holds no certificate"));
    }
    Ok(read)
}

fn unusable(path: &Path, parameter: &'static str, reason: &dyn std::fmt::Display) -> PostgresError {
    PostgresError::Tls { path: path.display().to_string(), parameter, reason: reason.to_string() }
}

/// Whether a server is this machine.
fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => machine::is_this(name),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// A value without percent signs; one that is not text as it is.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::{Host, SslMode};

    use super::Protection;

    fn mode(address: &str, host: &str) -> Option<SslMode> {
        Protection::take(address).1.mode(&[Host::Tcp(host.to_owned())]).ok()
    }

    #[test]
    fn other_machines_are_spoken_to_with_tls_unless_it_is_said_that_there_is_none() {
        for (query, host, expected) in [
            ("", "db.example.org", Some(SslMode::Require)),
            ("", "10.0.0.1", Some(SslMode::Require)),
            ("", "127.0.0.1", Some(SslMode::Disable)),
            ("", "localhost", Some(SslMode::Disable)),
            ("?sslrootcert=ca.crt", "localhost", Some(SslMode::Require)),
            ("?sslmode=verify-full", "localhost", Some(SslMode::Require)),
            ("?sslmode=require", "db", Some(SslMode::Require)),
            ("?sslmode=disable", "db", Some(SslMode::Disable)),
            ("?sslmode=disable&sslrootcert=ca.crt", "db", None),
            ("?sslmode=prefer", "db", None),
            ("?sslmode=sometimes", "db", None),
            ("?sslcert=me.crt", "db", None),
        ] {
            assert_eq!(mode(&format!("postgres://u@{host}/x{query}"), host), expected, "{host}{query}");
        }
    }

    #[test]
    fn the_driver_is_given_the_rest_of_the_address() {
        let (rest, protection) = Protection::take(
            "postgres://u@h/x?connect_timeout=3&sslrootcert=%2Fetc%2Fca%20b.crt&sslmode=require",
        );
        assert_eq!(rest, "postgres://u@h/x?connect_timeout=3");
        assert_eq!(protection.root.as_deref(), Some(std::path::Path::new("/etc/ca b.crt")));
        assert_eq!(Protection::take("postgres://u@h/x?sslmode=disable").0, "postgres://u@h/x");
    }
}
