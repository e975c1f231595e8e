//! Connections to the server, and the thread that keeps them: what is written is never kept waiting by other tasks, and
//! the leader's sign of life goes out whatever the rest of the coordinator does.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{CancelToken, Client, NoTls, Socket};

use super::{Address, PostgresError};
use crate::aside::Aside;

/// Time in which one address of a server must take a connection: its name may have others that do.
const ADDRESS_PATIENCE: Duration = Duration::from_millis(1500);
/// A server that does not let anybody in in this time is not there. Below the time in which a standby takes over.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// Silence of the other side after which a connection that waits for an answer is broken: what was sent is not
/// acknowledged, or so many probes after a second of silence are not.
const SILENCE_MAX: Duration = Duration::from_secs(5);
const PROBE_PAUSE: Duration = Duration::from_secs(1);
const PROBES: u32 = 3;
/// Time in which a server must answer a request to give a statement up.
const CANCEL_PATIENCE: Duration = Duration::from_secs(2);
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
        config.connect_timeout(ADDRESS_PATIENCE).tcp_user_timeout(SILENCE_MAX).keepalives_idle(SILENCE_MAX);
        config.keepalives_interval(PROBE_PAUSE).keepalives_retries(PROBES);
        let made = match config.get_ssl_mode() {
            SslMode::Disable => tokio::time::timeout(CONNECT_PATIENCE, self.connect_by(&config, NoTls)).await,
            // Its files are read each time, so that they can be replaced.
            _ => {
                let tls = self.address.protection().connector()?;
                tokio::time::timeout(CONNECT_PATIENCE, self.connect_by(&config, tls)).await
            }
        };
        let made = made.map_err(|_| PostgresError::Unreachable {
            server: self.server.clone(),
            reason: format!("it did not answer within {} s", CONNECT_PATIENCE.as_secs()),
        })?;
        made.map_err(|error| PostgresError::of_connecting(&self.server, &error))
    }

    async fn connect_by<T>(
        &self,
        config: &tokio_postgres::Config,
        tls: T,
    ) -> Result<Client, tokio_postgres::Error>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
    {
        let (client, connection) = config.connect(tls).await?;
        self.aside.spawn(async move {
            // Whoever uses the client learns how it ended.
            let _ = connection.await;
        });
        client.batch_execute(SETTINGS).await?;
        Ok(client)
    }

    /// Has the server give up what a session does. Whether it does or not, nobody waits for it any more.
    pub(super) async fn cancel(&self, token: CancelToken) {
        let asked = async {
            match self.address.config("").get_ssl_mode() {
                SslMode::Disable => drop(token.cancel_query(NoTls).await),
                _ => {
                    if let Ok(tls) = self.address.protection().connector() {
                        drop(token.cancel_query(tls).await);
                    }
                }
            }
        };
        let _ = tokio::time::timeout(CANCEL_PATIENCE, asked).await;
    }

    /// What went wrong with a statement.
    pub(super) fn failed(&self, error: &tokio_postgres::Error) -> PostgresError {
        PostgresError::of_statement(&self.server, error)
    }
}
