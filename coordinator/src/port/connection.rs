//! A connection that came in: plain or with TLS, known by its address and certificate, and not patient for ever.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::crowd::Place;
use super::identity;
use super::keyring::Keyring;
use super::standing::{Known, Standing};
use crate::access::Principal;

/// Bytes by which it is known which version of HTTP is spoken: those of the preface of HTTP/2. From there on HTTP's own
/// time limits hold.
const PREFACE_BYTES: usize = 24;
/// Time in which they must have come.
const PREFACE_PATIENCE: Duration = Duration::from_secs(10);

/// Who is at the other end. It is attached to every request that comes over a connection.
#[derive(Debug, Clone)]
#[allow(unreachable_pub, reason = "the library that serves connections names it")]
pub struct Peer {
    /// From where.
    pub(crate) address: SocketAddr,
    /// Whom its certificate names, where it showed one.
    pub(crate) principal: Option<Principal>,
    /// Whether what is sent is encrypted.
    pub(crate) tls: bool,
    /// Whether anybody was known on this connection.
    pub(crate) known: Known,
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    peer: Peer,
    /// Until it is known what is spoken: when that must be, and how many bytes came.
    waiting: Option<(Pin<Box<Sleep>>, usize)>,
    standing: Standing,
    _place: Place,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection {
    pub(super) fn plain(stream: TcpStream, address: SocketAddr, place: Place) -> Self {
        let peer = Peer { address, principal: None, tls: false, known: Known::default() };
        let standing = Standing::new(peer.known.clone());
        Self::new(Stream::Plain(stream), peer, standing, place)
    }

    /// One with TLS, by what a keyring held at its handshake.
    pub(super) fn tls(
        stream: TlsStream<TcpStream>,
        address: SocketAddr,
        place: Place,
        keyring: Arc<Keyring>,
        generation: u64,
    ) -> Self {
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let principal = certificate.and_then(identity::principal);
        let known = Known::default();
        let mut standing = Standing::new(known.clone());
        if principal.is_some() {
            let ends_after = certificate.map(identity::ends_after).unwrap_or_default();
            standing = standing.certified(ends_after, keyring, generation);
        }
        Self::new(
            Stream::Tls(Box::new(stream)),
            Peer { address, principal, tls: true, known },
            standing,
            place,
        )
    }

    fn new(stream: Stream, peer: Peer, standing: Standing, place: Place) -> Self {
        let waiting = Some((Box::pin(tokio::time::sleep(PREFACE_PATIENCE)), 0));
        Self { stream, peer, waiting, standing, _place: place }
    }

    fn read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(why) = self.standing.over() {
            tracing::debug!(address = %self.peer.address, why, "connection ended");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, why)));
        }
        let before = buffer.filled().len();
        let read = self.read(context, buffer);
        let Some((deadline, came)) = &mut self.waiting else { return read };
        if read.is_pending() {
            return match deadline.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            };
        }
        *came += buffer.filled().len() - before;
        if *came >= PREFACE_BYTES {
            self.waiting = None;
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
