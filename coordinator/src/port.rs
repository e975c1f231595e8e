//! The coordinator's port: connections come in, with TLS where it has a certificate, and no more of them than it can bear.
//!
//! What is bounded here is bounded before anybody is known: connections in all and from one address, the time of a
//! handshake, and the time until a connection says something.

mod connection;
mod crowd;
mod identity;
mod keyring;
mod standing;

pub use connection::Connection;
pub(crate) use connection::Peer;
pub(crate) use crowd::neighbourhood;
pub use keyring::TlsError;
pub(crate) use keyring::machines;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;

use crate::config::Config;
use crate::server::StartError;
use crowd::{Crowd, Place};
use keyring::Keyring;

/// Time that a handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// Connections that wait to be served.
const WAITING_MAX: usize = 64;
/// Pause after the system could not give a connection, as when files run out.
const BREATH: Duration = Duration::from_millis(100);

/// A coordinator's port.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    listener: TcpListener,
    keyring: Option<Arc<Keyring>>,
}

impl Listener {
    /// Takes the port.
    ///
    /// # Errors
    /// When it cannot be had, its certificate cannot be used, or others would reach it unprotected.
    pub async fn bind(config: &Config) -> Result<Self, StartError> {
        let keyring = config.tls()?.map(Keyring::open).transpose()?.map(Arc::new);
        let protected = keyring.is_some() && config.authenticates();
        if !config.listen.ip().is_loopback() && !config.insecure && !protected {
            return Err(StartError::Unprotected { address: config.listen, tls: keyring.is_some() });
        }
        let listen = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self { address, listener, keyring })
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The scheme of its URL.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.keyring.is_some() { "https" } else { "http" }
    }

    /// The same port again, for who answers after this one.
    ///
    /// # Errors
    /// When the system has no handle left for it.
    pub fn again(&self) -> io::Result<Self> {
        #[cfg(unix)]
        let listener = std::os::fd::AsFd::as_fd(&self.listener).try_clone_to_owned()?;
        #[cfg(windows)]
        let listener = std::os::windows::io::AsSocket::as_socket(&self.listener).try_clone_to_owned()?;
        let listener = TcpListener::from_std(listener.into())?;
        Ok(Self { address: self.address, listener, keyring: self.keyring.clone() })
    }

    /// The connections that come in.
    pub fn incoming(self) -> impl Stream<Item = io::Result<Connection>> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(accept(self.listener, self.keyring, sender));
        ReceiverStream::new(receiver)
    }
}

type Sender = mpsc::Sender<io::Result<Connection>>;

/// Takes connections until nobody wants them any more.
async fn accept(listener: TcpListener, keyring: Option<Arc<Keyring>>, sender: Sender) {
    let crowd = Crowd::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = sender.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "could not take a connection");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let Some(place) = crowd.enter(address.ip()) else { continue };
        // An answer goes out in several parts; none waits until the one before is acknowledged, which the other side puts
        // off by 40 ms. A connection that cannot be told so has just been closed.
        let _ = stream.set_nodelay(true);
        match &keyring {
            None => {
                if sender.send(Ok(Connection::plain(stream, address, place))).await.is_err() {
                    return;
                }
            }
            // Others do not wait for a slow handshake.
            Some(keyring) => {
                tokio::spawn(shake_hands(Arc::clone(keyring), stream, address, place, sender.clone()));
            }
        }
    }
}

async fn shake_hands(
    keyring: Arc<Keyring>,
    stream: TcpStream,
    address: SocketAddr,
    place: Place,
    sender: Sender,
) {
    let (config, generation) = keyring.config();
    let handshake = TlsAcceptor::from(config).accept(stream);
    match tokio::time::timeout(HANDSHAKE_PATIENCE, handshake).await {
        Ok(Ok(stream)) => {
            // Nobody may want it any more.
            let _ = sender.send(Ok(Connection::tls(stream, address, place, keyring, generation))).await;
        }
        Ok(Err(error)) => tracing::debug!(%address, %error, "handshake failed"),
        Err(_) => tracing::debug!(%address, "handshake took too long"),
    }
}
