//! The coordinator of a run on this machine: a task of this process.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use foldwise_coordinator::{Config, Coordinator, Listener, ServeError, StartError};
use foldwise_data::Cache;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{RunError, StateFolder};
use crate::arguments::ProfileArguments;

/// A worker on the same machine that is silent for so long has died; short, because what it held is waited for, s.
const LEASE_SECONDS: f64 = 15.0;

/// The coordinator.
#[derive(Debug)]
pub(super) struct Host {
    url: String,
    stop: CancellationToken,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Host {
    /// Starts it on a free port that only this machine reaches.
    pub(super) async fn start(state: &StateFolder, profiles: &ProfileArguments) -> Result<Self, RunError> {
        let config = Config {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            state: state.root().to_owned(),
            lease_seconds: LEASE_SECONDS,
            profiles: profiles.files.clone(),
            ..Config::default()
        };
        let coordinator = Coordinator::open(&config, Cache::from_environment().map_err(StartError::from)?)?;
        let listener = Listener::bind(&config).await?;
        let url = format!("http://{}", listener.address());
        let stop = CancellationToken::new();
        let task = tokio::spawn(coordinator.serve(listener.incoming(), stop.clone()));
        Ok(Self { url, stop, task })
    }

    /// Where it answers.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it stops by itself.
    pub(super) async fn failed(&mut self) -> RunError {
        match (&mut self.task).await {
            Ok(Err(error)) => error.into(),
            Ok(Ok(())) | Err(_) => RunError::Gone,
        }
    }

    /// Stops it in order.
    pub(super) async fn stop(&mut self) {
        self.stop.cancel();
        if !self.task.is_finished() {
            // Told to stop, it has nothing to say that matters any more.
            let _ = (&mut self.task).await;
        }
    }
}
