//! The simulated network, as the coordinator listens to it and agents dial it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use foldwise_line::Line;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_stream::Stream;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Uri};
use turmoil::net::{TcpListener, TcpStream};

/// The coordinator's name in the network.
pub(crate) const COORDINATOR: &str = "coordinator";
/// Its port.
const PORT: u16 = 7070;

/// The coordinator's address.
pub(crate) fn url() -> String {
    format!("http://{COORDINATOR}:{PORT}")
}

/// The same for an agent.
pub(crate) fn dial_of(_line: &Line, endpoint: &Endpoint) -> Channel {
    dial(endpoint)
}

/// Connects whenever there is something to say.
pub(crate) fn dial(endpoint: &Endpoint) -> Channel {
    endpoint.connect_with_connector_lazy(tower::service_fn(|_: Uri| async {
        TcpStream::connect((COORDINATOR, PORT)).await.map(TokioIo::new)
    }))
}

/// Connections as they come in.
pub(crate) async fn incoming() -> io::Result<impl Stream<Item = io::Result<Incoming>>> {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let (sender, receiver) = tokio::sync::mpsc::channel(64);
    tokio::spawn(async move {
        loop {
            let accepted = listener.accept().await.map(|(stream, _)| Incoming(stream));
            if sender.send(accepted).await.is_err() {
                return;
            }
        }
    });
    Ok(tokio_stream::wrappers::ReceiverStream::new(receiver))
}

/// A connection that came in.
pub(crate) struct Incoming(TcpStream);

impl Connected for Incoming {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

impl AsyncRead for Incoming {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Incoming {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
