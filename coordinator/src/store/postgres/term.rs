//! Who leads: one session holds a lock of the server, and the row of its term a lease that it renews.
//!
//! The lock tells at once when a leader dies, because its connection closes. The lease tells when it is cut off or stands
//! still: then a candidate has the server end the leader's sessions. Either way the candidate counts the term up, and the
//! term is what every commit holds, so that a leader that comes back writes nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use super::engine::Engine;
use super::{PostgresError, tables};

/// The lock's number: `foldwise` in ASCII. Its halves are how the server lists it.
const LOCK: i64 = 0x666f_6c64_7769_7365;
/// Time after its last renewal for which a leader counts as such. With [`RENEWAL`], the time to connect and to load, a
/// standby takes over within 10 s.
const LEASE: &str = "5 s";
/// Time after a renewal was asked for in which a leader is sure that nobody has taken over: the lease, less what clocks may
/// drift and an answer may take on its way.
const SURE: Duration = Duration::from_millis(4500);
/// Time between renewals.
const RENEWAL: Duration = Duration::from_secs(1);
/// A renewal that takes longer has failed.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(2);
/// The name of a session that does not lead yet.
const CANDIDATE: &str = "foldwise standby";

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// Its term.
    pub term: i64,
    /// Where it is reached.
    pub address: String,
}

/// What came of a try to lead.
#[derive(Debug)]
pub(super) enum Claim {
    /// This coordinator leads.
    Won(Held),
    /// Another does.
    Taken(Leader),
}

/// A term that was begun.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) term: i64,
    /// The session that holds the lock.
    pub(super) lock: Client,
    pub(super) lease: Lease,
}

/// The name of a leader's sessions.
pub(super) fn session_name(term: i64) -> String {
    format!("foldwise leader {term}")
}

/// Tries to lead, on a session that stays for the next try. The tables are made where there are none.
pub(super) async fn claim(
    engine: &Engine,
    kept: &mut Option<Client>,
    address: &str,
) -> Result<Claim, PostgresError> {
    let failed = |error: tokio_postgres::Error| engine.failed(&error);
    let mut session = match kept.take().filter(|session| !session.is_closed()) {
        Some(session) => session,
        None => engine.connect(CANDIDATE).await?,
    };
    let new = tables::check(engine, &session).await?;
    if !lock(&session).await.map_err(failed)? {
        let leader = if new { None } else { leader(&session).await.map_err(failed)? };
        // Where there is none, another makes the tables.
        let (leader, expired) = leader.unwrap_or((Leader { term: 0, address: String::new() }, false));
        if expired {
            let (term, address) = (leader.term, &leader.address);
            tracing::warn!(term, address, "the leader is silent; ending its sessions");
            end_silent(&session, leader.term).await.map_err(failed)?;
        }
        *kept = Some(session);
        return Ok(Claim::Taken(leader));
    }
    if new {
        tables::bring_up_to_date(engine, &mut session).await?;
    }
    let asked = Instant::now();
    let term = count_up(engine, &session, address).await?;
    let name = format!("SET application_name = '{}'", session_name(term));
    session.batch_execute(&name).await.map_err(failed)?;
    Ok(Claim::Won(Held { term, lock: session, lease: Lease::from(asked) }))
}

async fn lock(session: &Client) -> Result<bool, tokio_postgres::Error> {
    session.query_one_scalar("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await
}

/// Who leads, and whether its lease is over.
async fn leader(session: &Client) -> Result<Option<(Leader, bool)>, tokio_postgres::Error> {
    let row = session.query_opt("SELECT term, address, expires < clock_timestamp() FROM leader", &[]).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((Leader { term: row.try_get(0)?, address: row.try_get(1)? }, row.try_get(2)?)))
}

/// Begins a term. A commit of the last one that is under way ends before that; one whose leader was cut off in the middle
/// is ended.
async fn count_up(engine: &Engine, session: &Client, address: &str) -> Result<i64, PostgresError> {
    let failed = |error: tokio_postgres::Error| engine.failed(&error);
    if let Some((leader, _)) = leader(session).await.map_err(failed)? {
        end_sessions(session, leader.term).await.map_err(failed)?;
    }
    let sql = format!(
        "UPDATE leader SET term = term + 1, address = $1, expires = clock_timestamp() + '{LEASE}' RETURNING term"
    );
    session.query_one_scalar(&sql, &[&address]).await.map_err(failed)
}

/// Who holds the lock, of number `$1`.
const HOLDERS: &str = "SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (classid::bigint << 32) | objid::bigint = $1";

/// Has the server end the sessions of a leader whose lease is over, and whoever else has held the lock for as long without
/// doing anything. One that has just taken the lock to begin a term is left alone.
async fn end_silent(session: &Client, term: i64) -> Result<(), tokio_postgres::Error> {
    let sql = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
              AND EXISTS (SELECT FROM leader WHERE term = $3 AND expires < clock_timestamp())
              AND (application_name = $2
                   OR pid IN ({HOLDERS}) AND state_change < clock_timestamp() - interval '{LEASE}')"
    );
    session.execute(&sql, &[&LOCK, &session_name(term), &term]).await.map(drop)
}

/// Has the server end the sessions of a leader.
async fn end_sessions(session: &Client, term: i64) -> Result<(), tokio_postgres::Error> {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()";
    session.execute(sql, &[&session_name(term)]).await.map(drop)
}

/// Has the server end a session of a leader that holds the lock. Its own, when it has lost it and the server has not.
async fn end_lock_holder(session: &Client, term: i64) -> Result<(), tokio_postgres::Error> {
    let sql = format!(
        "SELECT pg_terminate_backend(pid) FROM ({HOLDERS}) AS holders JOIN pg_stat_activity USING (pid)
            WHERE application_name = $2"
    );
    session.execute(&sql, &[&LOCK, &session_name(term)]).await.map(drop)
}

/// Until when a leader can be sure that it leads: nobody takes over before its lease is over by the server's clock, and that
/// is later than here, where it is counted from the moment before the renewal was sent.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    until: Arc<Mutex<Instant>>,
}

impl Lease {
    /// A lease that was asked for at a moment.
    fn from(asked: Instant) -> Self {
        Self { until: Arc::new(Mutex::new(asked + SURE)) }
    }

    fn renewed(&self, asked: Instant) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = asked + SURE;
    }

    /// Whether it is not over.
    pub(super) fn holds(&self) -> bool {
        Instant::now() < *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A leader's renewals. They go on a session of their own, so that one that takes long does not cost the lock.
pub(super) struct Renewal {
    engine: Arc<Engine>,
    term: i64,
    lease: Lease,
    /// The session that holds the lock.
    lock: Option<Client>,
    /// The session that renews.
    session: Option<Client>,
}

impl Renewal {
    pub(super) fn new(engine: Arc<Engine>, term: i64, lock: Client, lease: Lease) -> Self {
        Self { engine, term, lease, lock: Some(lock), session: None }
    }

    /// Renews until `stop`, on whichever session it can; `deposed` tells when another has taken over.
    pub(super) async fn keep(mut self, deposed: CancellationToken, stop: CancellationToken) {
        let mut told = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RENEWAL) => {}
            }
            match tokio::time::timeout(RENEWAL_PATIENCE, self.renew()).await {
                Ok(Ok(true)) => told = false,
                Ok(Ok(false)) => {
                    deposed.cancel();
                    return;
                }
                Ok(Err(error)) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%error, "the lease could not be renewed; trying again");
                    }
                }
                // Its session went with it.
                Err(_) => {}
            }
        }
    }

    /// Renews once; whether this coordinator still leads.
    async fn renew(&mut self) -> Result<bool, PostgresError> {
        let Self { engine, term, lease, lock: holder, session } = self;
        let failed = |error: tokio_postgres::Error| engine.failed(&error);
        let client = match session.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => {
                let client = engine.connect(&session_name(*term)).await?;
                // A lease needs no disk, and is not kept waiting by one.
                client.batch_execute("SET synchronous_commit = off").await.map_err(failed)?;
                client
            }
        };
        let asked = Instant::now();
        let sql = format!("UPDATE leader SET expires = clock_timestamp() + '{LEASE}' WHERE term = $1");
        if client.execute(&sql, &[&*term]).await.map_err(failed)? == 0 {
            return Ok(false);
        }
        lease.renewed(asked);
        if holder.as_ref().is_none_or(Client::is_closed) {
            *holder = None;
            end_lock_holder(&client, *term).await.map_err(failed)?;
            let again = engine.connect(&session_name(*term)).await?;
            if lock(&again).await.map_err(failed)? {
                *holder = Some(again);
            }
        }
        *session = Some(client);
        Ok(true)
    }
}
