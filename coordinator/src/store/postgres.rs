//! The store on PostgreSQL, for coordinators that share their state: one leads, and every commit holds its term.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::{Client, Statement, Transaction};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

use super::{Results, Store, StoreError, read, write};
use crate::ledger::{Change, Snapshot};

mod address;
mod engine;
mod error;
mod results;
mod rows;
pub mod tables;
mod term;
mod tls;
mod transfer;

pub use address::Address;
pub use error::PostgresError;
pub use term::Leader;
use term::Lease;
pub use transfer::{Transferred, transfer};

use engine::Engine;
use results::Readers;
use rows::{Batch, answered, dialect};
use term::{Claim, Held, Renewal};

/// Pauses between tries to reach a server that went away.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Time in which a server must say how the last commit of a connection that broke ended.
const SETTLE_PATIENCE: Duration = Duration::from_secs(10);

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
        let standing = AbortOnDropHandle::new(self.engine.spawn(async move {
            match term::claim(&engine, &mut *session.lock().await, &address).await? {
                Claim::Taken(leader) => Ok(Election::Taken(leader)),
                Claim::Won(held) => Ok(Election::Won(Box::new(Postgres::lead(engine, held).await?))),
            }
        }));
        // It is not cancelled while it is waited for, nor does it panic.
        let gone = |_| PostgresError::Thread(std::io::Error::other("the thread has ended"));
        standing.await.map_err(gone)?
    }

    /// What is said of a server that does not answer.
    pub(crate) fn silent(&self) -> PostgresError {
        let reason = "it does not say who leads".to_owned();
        PostgresError::Lost { server: self.engine.server().to_owned(), reason }
    }
}

/// A database on a PostgreSQL server, for the time of a term.
#[derive(Debug)]
pub struct Postgres {
    engine: Arc<Engine>,
    term: i64,
    lease: Lease,
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

    async fn lead(engine: Arc<Engine>, held: Held) -> Result<Self, PostgresError> {
        let (deposed, stop) = (CancellationToken::new(), CancellationToken::new());
        let Held { term, lock, lease } = held;
        let renewal = Renewal::new(Arc::clone(&engine), term, lock, lease.clone());
        engine.spawn(renewal.keep(deposed.clone(), stop.clone()));
        let renewal = stop.drop_guard();
        let mut client = engine.connect(&term::session_name(term)).await?;
        tables::bring_up_to_date(&engine, &mut client).await?;
        let writer = Mutex::new(Writer { client: Some(client), ..Writer::default() });
        let readers = Arc::new(Readers::new(Arc::clone(&engine)));
        Ok(Self { engine, term, lease, writer, readers, deposed, _renewal: renewal })
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

    fn assured(&self) -> Result<(), StoreError> {
        match self.lease.holds() {
            true => Ok(()),
            false => Err(PostgresError::Unsure { server: self.engine.server().to_owned() }.into()),
        }
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
        let written = self.transact(engine, &mut client, term, batch).await;
        if client.is_closed() {
            return written;
        }
        if matches!(written, Err(PostgresError::Lost { .. })) {
            // It would go on with what nobody waits for, and hold the term meanwhile.
            engine.cancel(client.cancel_token()).await;
        } else {
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
        for (sql, _) in &batch.statements {
            if !self.prepared.contains_key(sql) {
                let statement = answered(engine, client.prepare(&dialect(sql))).await?;
                self.prepared.insert(sql, statement);
            }
        }
        let transaction = answered(engine, client.transaction()).await?;
        hold_term(engine, &transaction, term).await?;
        batch.send(engine, &transaction, &self.prepared).await?;
        answered(engine, transaction.commit()).await
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
        let made = tokio::time::timeout(SETTLE_PATIENCE, made).await.unwrap_or_else(|_| {
            let reason = "it does not say how the last transaction ended".to_owned();
            Err(PostgresError::Lost { server: engine.server().to_owned(), reason })
        });
        let next = (pause * 2).min(PAUSE_MAX);
        self.next_try = made.is_err().then(|| (Instant::now() + pause, next));
        made
    }
}

/// Holds a term until the end of a transaction: a takeover waits for it, or has happened.
async fn hold_term(engine: &Engine, transaction: &Transaction<'_>, term: i64) -> Result<(), PostgresError> {
    let fence = "SELECT term FROM leader WHERE term = $1 FOR KEY SHARE";
    match answered(engine, transaction.query_opt(fence, &[&term])).await? {
        Some(_) => Ok(()),
        None => Err(deposed(engine, term)),
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
