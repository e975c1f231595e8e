//! The store on PostgreSQL, for coordinators that share their state: one leads, and every commit holds its term.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::{Client, Statement};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Results, Store, StoreError, read, write};
use crate::ledger::{Change, Snapshot};

mod address;
mod engine;
mod error;
mod results;
mod rows;
pub mod tables;
mod term;
mod transfer;

pub use address::Address;
pub use error::PostgresError;
pub use term::Leader;
pub use transfer::{Transferred, transfer};

use engine::Engine;
use results::Readers;
use rows::{Batch, dialect};
use term::{Claim, Renewal};

/// Pauses between tries to reach a server that went away.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// A transaction that takes longer has failed.
const COMMIT_PATIENCE: Duration = Duration::from_secs(30);

/// A coordinator that would lead on a database.
#[derive(Debug, Clone)]
pub struct Candidate {
    engine: Arc<Engine>,
    address: String,
    /// The session of the last try.
    session: Arc<tokio::sync::Mutex<Option<Client>>>,
}

/// What came of a try to lead.
#[derive(Debug)]
pub enum Election {
    /// This coordinator leads.
    Won(Box<Postgres>),
    /// Another does.
    Taken(Leader),
}

impl Candidate {
    /// A coordinator that others reach at `address`. Nothing is connected yet.
    ///
    /// # Errors
    /// When this machine has no thread for it.
    pub fn new(database: Address, address: &str) -> Result<Self, PostgresError> {
        let engine = Engine::start(database)?;
        Ok(Self { engine, address: address.to_owned(), session: Arc::default() })
    }

    /// Tries to lead.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn stand(&self) -> Result<Election, PostgresError> {
        let Self { engine, address, session } = self.clone();
        let standing = self.engine.spawn(async move {
            match term::claim(&engine, &mut *session.lock().await, &address).await? {
                Claim::Taken(leader) => Ok(Election::Taken(leader)),
                Claim::Won { session, term } => {
                    let store = Postgres::lead(engine, session, term).await?;
                    Ok(Election::Won(Box::new(store)))
                }
            }
        });
        // It is neither cancelled nor does it panic.
        let gone = |_| PostgresError::Thread(std::io::Error::other("the thread has ended"));
        standing.await.map_err(gone)?
    }
}

/// A database on a PostgreSQL server, for the time of a term.
#[derive(Debug)]
pub struct Postgres {
    engine: Arc<Engine>,
    term: i64,
    writer: Mutex<Writer>,
    readers: Arc<Readers>,
    deposed: CancellationToken,
    _renewal: DropGuard,
}

impl Postgres {
    /// Leads on a database on which nobody does, and brings its tables up to date.
    ///
    /// # Errors
    /// When the database cannot be used, or another coordinator leads.
    pub fn open(database: Address, address: &str) -> Result<Self, StoreError> {
        let candidate = Candidate::new(database, address)?;
        let engine = Arc::clone(&candidate.engine);
        match engine.wait(candidate.stand())? {
            Election::Won(store) => Ok(*store),
            Election::Taken(leader) => {
                let server = engine.server().to_owned();
                Err(PostgresError::Taken { server, leader: leader.to_string() }.into())
            }
        }
    }

    async fn lead(engine: Arc<Engine>, session: Client, term: i64) -> Result<Self, PostgresError> {
        let (deposed, stop) = (CancellationToken::new(), CancellationToken::new());
        let renewal = Renewal { engine: Arc::clone(&engine), term, session: Some((session, true)) };
        engine.spawn(renewal.keep(deposed.clone(), stop.clone()));
        let renewal = stop.drop_guard();
        let mut client = engine.connect(&term::session_name(term)).await?;
        tables::bring_up_to_date(&engine, &mut client).await?;
        let writer = Mutex::new(Writer { client: Some(client), ..Writer::default() });
        let readers = Arc::new(Readers::new(Arc::clone(&engine)));
        Ok(Self { engine, term, writer, readers, deposed, _renewal: renewal })
    }

    /// The term for which it was opened.
    #[must_use]
    pub fn term(&self) -> i64 {
        self.term
    }

    /// Tells when another coordinator has taken over.
    #[must_use]
    pub fn deposed(&self) -> CancellationToken {
        self.deposed.clone()
    }
}

impl Store for Postgres {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        changes.iter().try_for_each(|change| write::write(&mut batch, change))?;
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
        let written = self.engine.wait(writer.write(&self.engine, self.term, &batch));
        if matches!(written, Err(PostgresError::Deposed { .. })) {
            self.deposed.cancel();
        }
        Ok(written?)
    }

    fn load(&self) -> Result<Snapshot, StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut client = self.engine.wait(writer.take(&self.engine, self.term))?;
        let loaded = results::reading(&self.engine, &mut client, |source| read::snapshot(source));
        writer.client = Some(client);
        loaded
    }

    fn results(&self) -> Results {
        Results::new(self.readers.clone())
    }
}

/// The connection that the leader writes on.
#[derive(Debug, Default)]
struct Writer {
    client: Option<Client>,
    prepared: HashMap<&'static str, Statement>,
    /// When the next try to connect may be made, and the pause after that; while the server is away.
    next_try: Option<(Instant, Duration)>,
}

impl Writer {
    /// Writes a batch, if the term goes on.
    async fn write(&mut self, engine: &Engine, term: i64, batch: &Batch<'_>) -> Result<(), PostgresError> {
        let mut client = self.take(engine, term).await?;
        let transaction = self.transact(engine, &mut client, term, batch);
        let written = tokio::time::timeout(COMMIT_PATIENCE, transaction).await.unwrap_or_else(|_| {
            let reason = format!("it did not answer within {} s", COMMIT_PATIENCE.as_secs());
            Err(PostgresError::Lost { server: engine.server().to_owned(), reason })
        });
        if !matches!(written, Err(PostgresError::Lost { .. })) && !client.is_closed() {
            self.client = Some(client);
        }
        written
    }

    async fn transact(
        &mut self,
        engine: &Engine,
        client: &mut Client,
        term: i64,
        batch: &Batch<'_>,
    ) -> Result<(), PostgresError> {
        let failed = |error: tokio_postgres::Error| engine.failed(&error);
        for (sql, _) in &batch.statements {
            if !self.prepared.contains_key(sql) {
                let statement = client.prepare(&dialect(sql)).await.map_err(failed)?;
                self.prepared.insert(sql, statement);
            }
        }
        let transaction = client.transaction().await.map_err(failed)?;
        // Held until the commit: a takeover waits for it, or has happened.
        let fence = "SELECT term FROM leader WHERE term = $1 FOR KEY SHARE";
        if transaction.query_opt(fence, &[&term]).await.map_err(failed)?.is_none() {
            return Err(deposed(engine, term));
        }
        batch.send(&transaction, &self.prepared).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// The connection, made again where it broke. A commit that was under way on the old one has ended before this returns.
    async fn take(&mut self, engine: &Engine, term: i64) -> Result<Client, PostgresError> {
        if let Some(client) = self.client.take().filter(|client| !client.is_closed()) {
            return Ok(client);
        }
        self.prepared.clear();
        let (at, pause) = self.next_try.unwrap_or((Instant::now(), PAUSE_MIN));
        if Instant::now() < at {
            let reason = "it went away; trying again in a moment".to_owned();
            return Err(PostgresError::Lost { server: engine.server().to_owned(), reason });
        }
        let failed = |error: tokio_postgres::Error| engine.failed(&error);
        let made = async {
            let client = engine.connect(&term::session_name(term)).await?;
            let settled = "SELECT term FROM leader WHERE term = $1 FOR UPDATE";
            match client.query_opt(settled, &[&term]).await.map_err(failed)? {
                Some(_) => Ok(client),
                None => Err(deposed(engine, term)),
            }
        };
        let made = made.await;
        let next = (pause * 2).min(PAUSE_MAX);
        self.next_try = made.is_err().then(|| (Instant::now() + pause, next));
        made
    }
}

fn deposed(engine: &Engine, term: i64) -> PostgresError {
    PostgresError::Deposed { server: engine.server().to_owned(), term }
}

impl std::fmt::Display for Leader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.address.is_empty() {
            f.write_str("it is just starting")
        } else {
            write!(f, "the leader is at {}", self.address)
        }
    }
}
