//! TLS from the caller's side. Everything is read when a connection is made, so that files can be replaced while a
//! program runs.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::Uri;
use tower::Service;

use crate::address::machine;
use crate::credentials::{Credentials, CredentialsError, unreadable};
use crate::explain::explained;

/// The port of `https://` where none is written.
const PORT: u16 = 443;

type Connecting = Pin<Box<dyn Future<Output = io::Result<TokioIo<TlsStream<TcpStream>>>> + Send>>;

/// Makes connections with TLS.
pub(crate) fn connector(
    credentials: &Credentials,
) -> impl Service<Uri, Response = TokioIo<TlsStream<TcpStream>>, Error = io::Error, Future = Connecting>
+ Send
+ 'static {
    let credentials = credentials.clone();
    tower::service_fn(move |uri: Uri| -> Connecting {
        let credentials = credentials.clone();
        Box::pin(async move { connect(&credentials, &uri).await.map(TokioIo::new) })
    })
}

async fn connect(credentials: &Credentials, uri: &Uri) -> io::Result<TlsStream<TcpStream>> {
    let config = config(credentials).map_err(io::Error::other)?;
    let host = machine(uri).to_owned();
    let stream = TcpStream::connect((host.as_str(), uri.port_u16().unwrap_or(PORT))).await?;
    // A connection that cannot be told so has just been closed.
    let _ = stream.set_nodelay(true);
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(explained)
}

/// Whom the caller believes and what it shows.
pub(crate) fn config(credentials: &Credentials) -> Result<ClientConfig, CredentialsError> {
    let mut roots = RootCertStore::empty();
    match &credentials.ca {
        Some(path) => {
            let wrong = |reason: String| CredentialsError::Wrong {
                path: path.clone(),
                what: "a CA's certificate as PEM",
                reason,
            };
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| unreadable(path, &error))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("it holds no certificate".to_owned()));
            }
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider was built with these versions")
        .with_root_certificates(roots);
    let mut config = match &credentials.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let wrong = |what, path: &std::path::Path, reason: String| CredentialsError::Wrong {
                path: path.to_owned(),
                what,
                reason,
            };
            let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&identity.cert)
                .map_err(|error| unreadable(&identity.cert, &error))?
                .collect();
            let chain =
                chain.map_err(|error| wrong("a certificate as PEM", &identity.cert, error.to_string()))?;
            let key = PrivateKeyDer::from_pem_file(&identity.key)
                .map_err(|error| wrong("a private key as PEM", &identity.key, error.to_string()))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                wrong("a certificate that belongs to the key", &identity.cert, error.to_string())
            })?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}
