//! A coordinator on a real socket, in this process.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use foldwise_coordinator::{Config, Coordinator, Listener};
use foldwise_data::Cache;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

pub struct Server {
    pub address: std::net::SocketAddr,
    pub channel: Channel,
    pub stop: CancellationToken,
    pub served: JoinHandle<()>,
    pub folder: tempfile::TempDir,
}

pub fn config(folder: &tempfile::TempDir) -> Config {
    let listen = "127.0.0.1:0".parse().expect("an address");
    Config { listen, state: folder.path().to_owned(), ..Config::default() }
}

pub async fn start() -> Server {
    start_in(tempfile::tempdir().expect("folder")).await
}

/// A coordinator that goes on with the state in a folder.
pub async fn start_in(folder: tempfile::TempDir) -> Server {
    let config = config(&folder);
    let coordinator = Coordinator::open(&config, Cache::at("/nonexistent")).expect("opens");
    let listener = Listener::bind(&config).await.expect("binds");
    let address = listener.address();
    let url = format!("http://{address}");
    let stop = CancellationToken::new();
    let token = stop.clone();
    let served =
        tokio::spawn(async move { coordinator.serve(listener.incoming(), token).await.expect("serves") });
    let channel = Channel::from_shared(url).expect("a URL").connect().await.expect("connects");
    Server { address, channel, stop, served, folder }
}

impl Server {
    /// Stops it and starts another on its state, as after a crash: what nobody had named is gone.
    pub async fn restart(self) -> Self {
        self.stop.cancel();
        self.served.await.expect("stops well");
        start_in(self.folder).await
    }
}
