//! Connections to the server, and the thread that keeps them: what is written is never kept waiting by other tasks, and
//! the leader's sign of life goes out whatever the rest of the coordinator does.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::{Client, NoTls};

use super::{Address, PostgresError};
use crate::aside::Aside;

/// A server that does not take a connection in this time is not there. Below the time in which a standby takes over.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// Silence of the other side after which a connection that waits for an answer is broken.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// What every session is told. What is committed is on the server's disk even where its default is to say so before; a
/// statement that waits for a lock, or a transaction whose coordinator went silent, does not hold others up for long.
const SETTINGS: &str = "
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') IN ('off', 'local');
    SET lock_timeout = '3s';
    SET idle_in_transaction_session_timeout = '4s';
    SET client_min_messages = 'warning'";

/// The server, and a thread for its connections.
#[derive(Debug)]
pub(super) struct Engine {
    address: Address,
    server: String,
    aside: Aside,
}

impl Engine {
    pub(super) fn start(address: Address) -> Result<Arc<Self>, PostgresError> {
        let aside = Aside::start("postgres").map_err(PostgresError::Thread)?;
        Ok(Arc::new(Self { server: address.to_string(), address, aside }))
    }

    /// Where it is, as errors name it.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Waits for an answer. Inside a task this needs a runtime of several threads.
    pub(super) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.aside.wait(answer)
    }

    /// Works beside everything else.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.aside.spawn(work)
    }

    /// Makes a connection under a name.
    pub(super) async fn connect(&self, name: &str) -> Result<Client, PostgresError> {
        let mut config = self.address.config(name);
        config.connect_timeout(CONNECT_PATIENCE).tcp_user_timeout(SILENCE_MAX).keepalives_idle(SILENCE_MAX);
        let connecting = async {
            let (client, connection) = config.connect(NoTls).await?;
            self.aside.spawn(async move {
                // Whoever uses the client learns how it ended.
                let _ = connection.await;
            });
            client.batch_execute(SETTINGS).await?;
            Ok(client)
        };
        let made = tokio::time::timeout(CONNECT_PATIENCE, connecting).await;
        let made = made.map_err(|_| PostgresError::Unreachable {
            server: self.server.clone(),
            reason: format!("it did not answer within {} s", CONNECT_PATIENCE.as_secs()),
        })?;
        made.map_err(|error| PostgresError::of_connecting(&self.server, &error))
    }

    /// What went wrong with a statement.
    pub(super) fn failed(&self, error: &tokio_postgres::Error) -> PostgresError {
        PostgresError::of_statement(&self.server, error)
    }
}
