//! The store: where the ledger's changes are made durable, and read from at the next start.
//!
//! SQLite with a write-ahead log and `synchronous=FULL`: what is committed survives a power cut. One process owns
//! the file, held by a lock beside it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use foldwise_study::outcome::RunOutcome;
use foldwise_study::plan::RunId;
use rusqlite::{Connection, OpenFlags};

use crate::ledger::{Change, Snapshot, StudyId};

mod backup;
mod contradiction;
mod inspect;
mod measured;
mod read;
mod token;
mod write;

pub use backup::{Copied, backup};
pub use inspect::{InspectedStudy, Inspection, inspect};

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// The database's file name in a state folder.
const DATABASE: &str = "foldwise.db";
/// The lock's file name in a state folder.
const LOCK: &str = "coordinator.lock";
/// The folder of kept files in a state folder.
pub(crate) const ARTIFACTS: &str = "artifacts";
/// Time that another process may keep the database for itself, as while a copy is made.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);
/// Problems that a check of the database lists at most.
const PROBLEMS_MAX: u32 = 10;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made or opened.
    #[error("cannot use {path} as the state folder: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another coordinator has it.
    #[error("another coordinator uses the state folder {0}: stop it, or choose another folder with --state")]
    InUse(PathBuf),
    /// There is no state.
    #[error(
        "there is no coordinator's state in {0}: name the folder that `foldwise coordinator --state` was given"
    )]
    Missing(PathBuf),
    /// The folder for a copy is there already.
    #[error("{0} is there already: name a new folder for the copy")]
    Exists(PathBuf),
    /// The database is damaged.
    #[error(
        "the database in {path} is damaged ({first}): nothing was changed; go back to a backup (`foldwise coordinator \
         --state BACKUP`), and see `foldwise inspect {path}`", path = path.display()
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// The first problem.
        first: String,
    },
    /// The disk is full.
    #[error("the disk that holds {0} is full: nothing was lost; free some space")]
    Full(PathBuf),
    /// The database was written by a newer version, or is damaged.
    #[error("the database in {path} cannot be brought up to date: {source}")]
    Migration {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: Box<refinery::Error>,
    },
    /// A row that this version does not understand.
    #[error("the database in {path} has a row that cannot be read ({what}): {reason}")]
    Row {
        /// The folder.
        path: PathBuf,
        /// Which.
        what: String,
        /// Why.
        reason: String,
    },
    /// Anything else.
    #[error("the database in {path} failed: {source}")]
    Sqlite {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// A run's result as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// The run; the final stage's fold is the one after the last.
    pub run: RunId,
    /// The attempt that brought it.
    pub attempt: u32,
    /// What came out.
    pub outcome: RunOutcome,
    /// Digest of the kept weights, in the final stage.
    pub weights_digest: Option<String>,
    /// The device, as its driver names it.
    pub device_model: String,
    /// The software that trained it.
    pub software: String,
}

/// The coordinator's database.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    connection: Connection,
    _lock: File,
}

impl Store {
    /// Opens the store in a folder, which is made if it is not there, and brings it up to date.
    ///
    /// # Errors
    /// When the folder cannot be used, another coordinator has it, or the database is not one of ours.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(unusable)?;
        let lock = File::create(folder.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        let failed = |source| explain(folder, source);
        let mut connection = Connection::open(folder.join(DATABASE)).map_err(failed)?;
        connection.busy_timeout(BUSY_PATIENCE).map_err(failed)?;
        // Before anything is written: a damaged database stays as it is.
        check(&connection, folder)?;
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
            .map_err(failed)?;
        migrations::migrations::runner()
            .run(&mut connection)
            .map_err(|source| StoreError::Migration { path: folder.to_owned(), source: Box::new(source) })?;
        Ok(Self { folder: folder.to_owned(), connection, _lock: lock })
    }

    /// Writes all changes in one transaction: all of them are durable when this returns, or none is.
    ///
    /// # Errors
    /// When the transaction failed; nothing of it was kept.
    pub fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let folder = self.folder.clone();
        let failed = |source| explain(&folder, source);
        let transaction = self.connection.transaction().map_err(failed)?;
        for change in changes {
            write::write(&transaction, change).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// Everything that the ledger is rebuilt from.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn load(&self) -> Result<Snapshot, StoreError> {
        read::snapshot(&self.connection, &self.folder)
    }

    /// Where other threads can read results from while this one writes.
    #[must_use]
    pub fn results(&self) -> Results {
        Results { folder: self.folder.clone() }
    }
}

/// Read-only access to results, for reports.
#[derive(Debug, Clone)]
pub struct Results {
    folder: PathBuf,
}

impl Results {
    /// The results of a study's runs that ended, by trial and fold, with what they measured.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn runs(&self, study: StudyId) -> Result<Vec<StoredRun>, StoreError> {
        let connection = open_read_only(&self.folder)?;
        // Both tables as of one moment.
        let transaction =
            connection.unchecked_transaction().map_err(|source| explain(&self.folder, source))?;
        let mut runs = read::runs(&transaction, &self.folder, study)?;
        measured::fill(&transaction, &self.folder, study, &mut runs)?;
        Ok(runs)
    }

    /// The results of one trial's runs that ended, by fold, without what they measured.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn trial(&self, study: StudyId, trial: u32) -> Result<Vec<StoredRun>, StoreError> {
        read::runs_of_trial(&open_read_only(&self.folder)?, &self.folder, study, trial)
    }
}

/// Opens the database of a folder to read it.
fn open_read_only(folder: &Path) -> Result<Connection, StoreError> {
    let path = folder.join(DATABASE);
    if !path.is_file() {
        return Err(StoreError::Missing(folder.to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|source| explain(folder, source))?;
    connection.busy_timeout(BUSY_PATIENCE).map_err(|source| explain(folder, source))?;
    Ok(connection)
}

/// Refuses a damaged database.
fn check(connection: &Connection, folder: &Path) -> Result<(), StoreError> {
    match problems(connection, folder)?.into_iter().next() {
        None => Ok(()),
        Some(first) => Err(StoreError::Damaged { path: folder.to_owned(), first }),
    }
}

/// What is wrong with a database, by SQLite's own check and by its references.
fn problems(connection: &Connection, folder: &Path) -> Result<Vec<String>, StoreError> {
    let read = || -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare(&format!("PRAGMA quick_check({PROBLEMS_MAX})"))?;
        let found = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
        let mut problems: Vec<String> = found.into_iter().filter(|line| line != "ok").collect();
        let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
        let orphans = statement.query_map([], |row| row.get::<_, String>(0))?;
        for table in orphans.take(PROBLEMS_MAX as usize) {
            let table = table?;
            let owner = if table == "measurement" { "run" } else { "study" };
            problems.push(format!("a row of table {table} belongs to no {owner}"));
        }
        Ok(problems)
    };
    match read() {
        Err(error) if is_corrupt(&error) => Ok(vec![error.to_string()]),
        read => read.map_err(|source| explain(folder, source)),
    }
}

fn is_corrupt(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

fn explain(folder: &Path, source: rusqlite::Error) -> StoreError {
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => StoreError::Full(folder.to_owned()),
        _ if is_corrupt(&source) => {
            StoreError::Damaged { path: folder.to_owned(), first: source.to_string() }
        }
        _ => StoreError::Sqlite { path: folder.to_owned(), source },
    }
}
