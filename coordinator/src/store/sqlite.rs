//! The store on SQLite: a write-ahead log and `synchronous=FULL`, so that what is committed survives a power cut. One
//! process owns the file, held by a lock beside it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::row::{Query, Row, Sink, Source, Value};
use super::{Place, ReadResults, Results, Store, StoreError, StoredRun, measured, read, write};
use crate::ledger::{Change, Snapshot, StudyId};
use crate::private;

mod migrations {
    refinery::embed_migrations!("migrations/sqlite");
}

/// The database's file name in a state folder.
pub(super) const DATABASE: &str = "foldwise.db";
/// The lock's file name in a state folder.
pub(super) const LOCK: &str = "coordinator.lock";
/// Time that another process may keep the database for itself, as while a copy is made.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);
/// Problems that a check of the database lists at most.
const PROBLEMS_MAX: u32 = 10;

/// The coordinator's database in a state folder.
#[derive(Debug)]
pub struct Sqlite {
    folder: PathBuf,
    connection: Connection,
    _lock: File,
}

impl Sqlite {
    /// Opens the store in a folder, which is made if it is not there, and brings it up to date.
    ///
    /// # Errors
    /// When the folder cannot be used, another coordinator has it, or the database is not one of ours.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Folder { path: folder.to_owned(), source };
        private::make(folder).map_err(unusable)?;
        let lock = lock(folder)?;
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
            .map_err(|source| StoreError::Migration { place: folder.into(), source: Box::new(source) })?;
        Ok(Self { folder: folder.to_owned(), connection, _lock: lock })
    }
}

impl Sqlite {
    /// The same of a folder that has a database already.
    ///
    /// # Errors
    /// As [`Sqlite::open`], and when there is none.
    pub fn open_existing(folder: &Path) -> Result<Self, StoreError> {
        if !folder.join(DATABASE).is_file() {
            return Err(StoreError::Missing(folder.to_owned()));
        }
        Self::open(folder)
    }
}

impl Store for Sqlite {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let folder = self.folder.clone();
        let failed = |source| explain(&folder, source);
        let transaction = self.connection.transaction().map_err(failed)?;
        let mut writing = Writing { connection: &transaction, folder: &folder };
        for change in changes {
            write::write(&mut writing, change)?;
        }
        transaction.commit().map_err(failed)
    }

    fn load(&self) -> Result<Snapshot, StoreError> {
        read::snapshot(&Reading::new(&self.connection, &self.folder))
    }

    fn results(&self) -> Results {
        Results::new(Arc::new(SqliteResults { folder: self.folder.clone() }))
    }
}

/// The folder that results are read from; every reading opens it.
#[derive(Debug)]
struct SqliteResults {
    folder: PathBuf,
}

impl ReadResults for SqliteResults {
    fn runs(&self, study: StudyId) -> Result<Vec<StoredRun>, StoreError> {
        let connection = open_read_only(&self.folder)?;
        // Both tables as of one moment.
        let transaction =
            connection.unchecked_transaction().map_err(|source| explain(&self.folder, source))?;
        let reading = Reading::new(&transaction, &self.folder);
        let mut runs = read::runs(&reading, study)?;
        measured::fill(&reading, study, &mut runs)?;
        Ok(runs)
    }

    fn trial(&self, study: StudyId, trial: u32) -> Result<Vec<StoredRun>, StoreError> {
        let connection = open_read_only(&self.folder)?;
        read::runs_of_trial(&Reading::new(&connection, &self.folder), study, trial)
    }
}

/// A transaction that statements are given to.
struct Writing<'c> {
    connection: &'c Connection,
    folder: &'c Path,
}

impl<'a> Sink<'a> for Writing<'_> {
    fn execute(&mut self, sql: &'static str, values: &[Value<'a>]) -> Result<(), StoreError> {
        let executed = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params_from_iter(values)));
        executed.map(drop).map_err(|source| explain(self.folder, source))
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// A connection that rows are read from.
pub(super) struct Reading<'c> {
    connection: &'c Connection,
    place: Place,
    folder: &'c Path,
}

impl<'c> Reading<'c> {
    pub(super) fn new(connection: &'c Connection, folder: &'c Path) -> Self {
        Self { connection, place: folder.into(), folder }
    }
}

impl Source for Reading<'_> {
    fn place(&self) -> &Place {
        &self.place
    }

    fn each(
        &self,
        query: Query,
        key: &[i64],
        take: &mut dyn FnMut(&dyn Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let failed = |source| explain(self.folder, source);
        let mut statement = self.connection.prepare_cached(query.sql).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(key)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(row)?;
        }
        Ok(())
    }
}

impl Row for rusqlite::Row<'_> {
    fn integer(&self, column: usize) -> Result<Option<i64>, String> {
        match self.get_ref(column).map_err(|error| error.to_string())? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(number) => Ok(Some(number)),
            other => Err(format!("{} instead of a whole number", other.data_type())),
        }
    }

    fn text(&self, column: usize) -> Result<Option<&str>, String> {
        let value = self.get_ref(column).map_err(|error| error.to_string())?;
        value.as_str_or_null().map_err(|error| error.to_string())
    }
}

/// Takes the lock of a state folder that is there.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let unusable = |source| StoreError::Folder { path: folder.to_owned(), source };
    take(folder, File::create(folder.join(LOCK)).map_err(unusable)?)
}

/// The same where a coordinator ever had it, without a change to the folder.
pub(super) fn lock_if_there(folder: &Path) -> Result<Option<File>, StoreError> {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => take(folder, lock).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::Folder { path: folder.to_owned(), source }),
    }
}

fn take(folder: &Path, lock: File) -> Result<File, StoreError> {
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(StoreError::Folder { path: folder.to_owned(), source }),
    }
}

/// Opens the database of a folder to read it.
pub(super) fn open_read_only(folder: &Path) -> Result<Connection, StoreError> {
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
pub(super) fn check(connection: &Connection, folder: &Path) -> Result<(), StoreError> {
    match problems(connection, folder)?.into_iter().next() {
        None => Ok(()),
        Some(first) => Err(StoreError::Damaged { path: folder.to_owned(), first }),
    }
}

/// What is wrong with a database, by SQLite's own check and by its references.
pub(super) fn problems(connection: &Connection, folder: &Path) -> Result<Vec<String>, StoreError> {
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

pub(super) fn explain(folder: &Path, source: rusqlite::Error) -> StoreError {
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => StoreError::Full(folder.into()),
        _ if is_corrupt(&source) => {
            StoreError::Damaged { path: folder.to_owned(), first: source.to_string() }
        }
        _ => StoreError::Sqlite { path: folder.to_owned(), source },
    }
}
