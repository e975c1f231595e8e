//! Coordinators that share a database: one leads, the others stand by, and one of them takes over when it is gone.
//!
//! Who leads is decided in the database (`store::postgres`), and nothing here is trusted to keep a former leader from
//! writing. This is what a coordinator does about it: it answers as its role is, and changes roles.

use std::path::{Path, PathBuf};
use std::time::Duration;

use foldwise_data::Cache;
use tokio_util::sync::CancellationToken;

use crate::artifacts::Artifacts;
use crate::blocking;
use crate::config::Config;
use crate::ledger::LedgerConfig;
use crate::port::Listener;
use crate::server::{Coordinator, FirstTokenError, ServeError, StartError, settings};
use crate::store::postgres::{Address, Candidate, Election, Leader, PostgresError};
use crate::store::{Postgres, StoreError};

mod standby;

use standby::Standby;

/// Time between two tries to lead. With it a standby leads within a second of a leader's death, and within 10 s of the
/// moment at which a leader stands still or is cut off.
const TRY_PAUSE: Duration = Duration::from_millis(500);

/// Time in which a server that was reached must say who leads. Making the tables of a new database takes less.
const TRY_PATIENCE: Duration = Duration::from_secs(30);

/// What a coordinator is to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It waits for another to be gone.
    StandsBy(Leader),
    /// It answers.
    Leads {
        /// Its term.
        term: i64,
        /// Where the first administrator's token lies, if it was made now.
        first_token: Option<PathBuf>,
    },
    /// Another took over from it.
    Deposed {
        /// The term that is over.
        term: i64,
    },
}

/// Why a coordinator on a shared database ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum LeadershipError {
    /// It does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Its server failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// Stands by until it leads, leads until another has taken over, and stands by again, until told to stop. Every role is
/// told to `tell`.
///
/// # Errors
/// When the settings make no sense, the database cannot be used at the start, or the server fails.
pub async fn serve(
    config: &Config,
    database: Address,
    cache: Cache,
    listener: &Listener,
    shutdown: CancellationToken,
    tell: impl Fn(&Role),
) -> Result<(), LeadershipError> {
    let ledger = settings(config)?;
    // Now, while somebody looks, and not when it is to take over.
    let (place, near) = (config.artifacts_place(), config.near_folder());
    drop(blocking::run(|| Artifacts::open_at(&place, &near)).map_err(StartError::from)?);
    let address = config.advertise.clone().unwrap_or_else(|| listener.address().to_string());
    let candidate = Candidate::new(database, &address).map_err(of_store)?;
    let mut known = false;
    while let Some(store) = elected(&candidate, listener, &shutdown, known, &tell).await? {
        known = true;
        let (term, deposed) = (store.term(), store.deposed());
        let Some(coordinator) = opened(config, ledger.clone(), cache.clone(), store)? else { continue };
        tell(&Role::Leads { term, first_token: coordinator.first_token().map(Path::to_owned) });
        let stop = shutdown.child_token();
        let incoming = listener.again().map_err(|source| listen(listener, source))?.incoming();
        let serving = coordinator.serve(incoming, stop.clone());
        tokio::pin!(serving);
        tokio::select! {
            served = &mut serving => return Ok(served?),
            () = deposed.cancelled() => {
                tell(&Role::Deposed { term });
                stop.cancel();
                serving.await?;
            }
        }
        if shutdown.is_cancelled() {
            break;
        }
    }
    Ok(())
}

/// Stands by until this coordinator leads; `None` when told to stop. A database that cannot be used is waited for once
/// it was `known`.
async fn elected(
    candidate: &Candidate,
    listener: &Listener,
    shutdown: &CancellationToken,
    mut known: bool,
    tell: &impl Fn(&Role),
) -> Result<Option<Box<Postgres>>, StartError> {
    let mut standby: Option<Standby> = None;
    let mut troubled = false;
    loop {
        let tried = tokio::select! {
            () = shutdown.cancelled() => break,
            tried = tokio::time::timeout(TRY_PATIENCE, candidate.stand()) => tried,
        };
        // What it asked is given up with the session, and asked anew on another.
        let tried = tried.unwrap_or_else(|_| Err(candidate.silent()));
        match tried {
            Ok(Election::Won(store)) => {
                if let Some(standby) = standby {
                    standby.end().await;
                }
                return Ok(Some(store));
            }
            Ok(Election::Taken(leader)) => {
                (known, troubled) = (true, false);
                let standby = match &mut standby {
                    Some(standby) => standby,
                    none => none.insert(Standby::start(listener)?),
                };
                if standby.follow(&leader) {
                    tell(&Role::StandsBy(leader));
                }
            }
            // A server that let this coordinator in is the right one, whatever happened then.
            Err(error) if !(passes(&error) && (known || matches!(error, PostgresError::Lost { .. }))) => {
                return Err(of_store(error));
            }
            Err(error) => {
                if !std::mem::replace(&mut troubled, true) {
                    tracing::warn!(%error, "cannot ask who leads; trying again");
                }
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(TRY_PAUSE) => {}
        }
    }
    if let Some(standby) = standby {
        standby.end().await;
    }
    Ok(None)
}

/// The coordinator of a term; `None` where the database went away or another took over before it was read.
fn opened(
    config: &Config,
    ledger: LedgerConfig,
    cache: Cache,
    store: Box<Postgres>,
) -> Result<Option<Coordinator>, StartError> {
    match blocking::run(|| Coordinator::on(config, ledger, cache, store)) {
        Err(
            StartError::Store(StoreError::Postgres(error))
            | StartError::FirstToken(FirstTokenError::Store(StoreError::Postgres(error))),
        ) if passes(&error) => {
            tracing::warn!(%error, "the state could not be read; trying again");
            Ok(None)
        }
        Err(StartError::Artifacts(error)) if error.passes() => {
            tracing::warn!(%error, "kept files could not be reached; trying again");
            Ok(None)
        }
        opened => opened.map(Some),
    }
}

/// Whether a later try may succeed.
fn passes(error: &PostgresError) -> bool {
    use PostgresError::{Deposed, Failed, Lost, Taken, Unreachable, Unsure};
    matches!(
        error,
        Unreachable { .. } | Lost { .. } | Deposed { .. } | Taken { .. } | Failed { .. } | Unsure { .. }
    )
}

fn of_store(error: PostgresError) -> StartError {
    StartError::Store(error.into())
}

fn listen(listener: &Listener, source: std::io::Error) -> StartError {
    StartError::Listen { address: listener.address(), source }
}
