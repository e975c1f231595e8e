//! Results, read beside the leader's writes on connections of their own.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio_postgres::{Client, IsolationLevel};

use super::PostgresError;
use super::engine::Engine;
use super::rows::{Reading, answered};
use crate::ledger::StudyId;
use crate::store::{ReadResults, StoreError, StoredRun, measured, read};

/// Connections that reports are read on at once; more reports wait.
const READERS_MAX: usize = 8;
/// The name of these connections.
const NAME: &str = "foldwise reports";

/// A reading holds nobody up, and may think about a large study for a while.
const PATIENT: &str = "SET LOCAL idle_in_transaction_session_timeout = 0";

/// Connections for reports.
#[derive(Debug)]
pub(super) struct Readers {
    engine: Arc<Engine>,
    places: Semaphore,
    idle: Mutex<Vec<Client>>,
}

impl Readers {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        Self { engine, places: Semaphore::new(READERS_MAX), idle: Mutex::default() }
    }

    /// Reads as of one moment. A connection that broke while it was idle is replaced.
    fn reading<T>(&self, read: impl Fn(&Reading<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        // It is never closed.
        let _place = self.engine.wait(self.places.acquire());
        if let Some(mut client) = self.take() {
            match reading(&self.engine, &mut client, &read) {
                Err(StoreError::Postgres(PostgresError::Lost { .. })) => {}
                read => return self.give_back(client, read),
            }
        }
        let mut client = self.engine.wait(self.engine.connect(NAME))?;
        let read = reading(&self.engine, &mut client, &read);
        self.give_back(client, read)
    }

    fn take(&self) -> Option<Client> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|client| !client.is_closed());
        idle.pop()
    }

    fn give_back<T>(&self, client: Client, read: Result<T, StoreError>) -> Result<T, StoreError> {
        if read.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
        }
        read
    }
}

/// Reads as of one moment.
pub(super) fn reading<T>(
    engine: &Engine,
    client: &mut Client,
    read: impl Fn(&Reading<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let begin = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let begun = async {
        let transaction = begin.start().await?;
        transaction.batch_execute(PATIENT).await?;
        Ok(transaction)
    };
    let transaction = engine.wait(answered(engine, begun))?;
    read(&Reading::new(engine, transaction))
}

impl ReadResults for Readers {
    fn runs(&self, study: StudyId) -> Result<Vec<StoredRun>, StoreError> {
        self.reading(|source| {
            let mut runs = read::runs(source, study)?;
            measured::fill(source, study, &mut runs)?;
            Ok(runs)
        })
    }

    fn trial(&self, study: StudyId, trial: u32) -> Result<Vec<StoredRun>, StoreError> {
        self.reading(|source| read::runs_of_trial(source, study, trial))
    }
}
