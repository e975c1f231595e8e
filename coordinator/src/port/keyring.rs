//! The coordinator's certificate and key, and the CA of its callers. The files are read again when they change, so that
//! certificates are replaced while it runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::time::Instant;

use super::identity;
use crate::config::TlsFiles;

/// Why the certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One without the other.
    #[error("a certificate and its key belong together: give both --tls-cert and --tls-key")]
    Half,
    /// Callers are to show certificates, and there is no TLS to show them in.
    #[error("--client-ca is of use with TLS alone: give --tls-cert and --tls-key too")]
    NoTls,
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{} is not {what}: {reason}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        reason: String,
    },
}

/// What connections are taken with.
#[derive(Debug)]
pub(super) struct Keyring {
    files: TlsFiles,
    now: Mutex<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    stamp: Stamp,
    config: Arc<ServerConfig>,
    /// The CA of callers, and how often it has become another.
    ca: Option<blake3::Hash>,
    generation: u64,
    /// When the files were looked at last.
    looked: Instant,
}

/// Time between two looks at the files for the sake of connections that are open.
const LOOK_PAUSE: Duration = Duration::from_secs(5);

/// When files were changed last, and how long they are.
type Stamp = Vec<Option<(SystemTime, u64)>>;

impl Keyring {
    /// Reads the files.
    pub(super) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let stamp = stamp(&files);
        let config = load(&files)?;
        let loaded = Loaded { stamp, config, ca: ca(&files), generation: 0, looked: Instant::now() };
        Ok(Self { files, now: Mutex::new(loaded) })
    }

    /// As the files are now, and which CA's turn it is. Where they changed and cannot be used, as while they are being
    /// replaced, as they were.
    pub(super) fn config(&self) -> (Arc<ServerConfig>, u64) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&mut now);
        (Arc::clone(&now.config), now.generation)
    }

    /// Which CA's turn it is: a number that changes when another is believed. Files are looked at now and then.
    pub(super) fn generation(&self) -> u64 {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.looked.elapsed() > LOOK_PAUSE {
            self.look(&mut now);
        }
        now.generation
    }

    fn look(&self, now: &mut Loaded) {
        now.looked = Instant::now();
        let stamp = stamp(&self.files);
        if now.stamp == stamp {
            return;
        }
        match load(&self.files) {
            Ok(config) => {
                tracing::info!(certificate = %self.files.cert.display(), "certificates were read anew");
                now.config = config;
                let ca = ca(&self.files);
                if ca != now.ca {
                    now.generation += 1;
                }
                now.ca = ca;
            }
            Err(error) => {
                tracing::warn!(%error, "the new certificates cannot be used; the old ones serve on");
            }
        }
        now.stamp = stamp;
    }
}

/// What tells one CA for callers from another.
fn ca(files: &TlsFiles) -> Option<blake3::Hash> {
    let path = files.client_ca.as_ref()?;
    fs::read(path).ok().map(|bytes| blake3::hash(&bytes))
}

/// The names of machines in the coordinator's certificate.
pub(crate) fn machines(files: &TlsFiles) -> Vec<String> {
    let chain = certificates(&files.cert).unwrap_or_default();
    chain.first().map(identity::machines).unwrap_or_default()
}

fn stamp(files: &TlsFiles) -> Stamp {
    let of = |path: &PathBuf| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    [Some(&files.cert), Some(&files.key), files.client_ca.as_ref()].into_iter().flatten().map(of).collect()
}

fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = certificates(&files.cert)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| unusable(&files.key, "a private key as PEM", error))?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider was built with these versions");
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let wrong = |reason: String| TlsError::Wrong {
                path: path.clone(),
                what: "a CA's certificate as PEM",
                reason,
            };
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            // Callers with a token need no certificate.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(|error| wrong(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let asks = files.client_ca.is_some();
    let mut config = builder.with_single_cert(chain, key).map_err(|error| TlsError::Wrong {
        path: files.cert.clone(),
        what: "a certificate that belongs to the key",
        reason: error.to_string(),
    })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if asks {
        // A session that is resumed shows the certificate of the first time, whatever has become of it or its CA.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |error| unusable(path, "a certificate as PEM", error);
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect();
    let found = found.map_err(wrong)?;
    if found.is_empty() { Err(wrong(pem::Error::NoItemsFound)) } else { Ok(found) }
}

fn unusable(path: &Path, what: &'static str, error: pem::Error) -> TlsError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => TlsError::Read { path, source },
        error => TlsError::Wrong { path, what, reason: error.to_string() },
    }
}
