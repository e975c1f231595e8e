//! A copy of a state folder, taken while a coordinator works.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde::Serialize;

use super::sqlite::{DATABASE, check, explain, open_read_only};
use super::{ARTIFACTS, Sqlite, Store, StoreError};
use crate::ledger::{Ledger, LedgerConfig, Now};
use crate::private;

/// Pages that are copied before others get their turn.
const PAGES_PER_STEP: i32 = 1_000;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Kept files.
    pub artifacts: usize,
    /// Their bytes.
    pub artifact_bytes: u64,
    /// Files that the database names and that were not in the folder, as where they are kept elsewhere.
    pub missing: usize,
}

/// Copies the state in a folder to a new one: the database as of one moment, by SQLite's own means, and every kept file.
/// The copy is whole and checked when this returns. A file that a study needed no longer when it came to be copied is
/// left out.
///
/// # Errors
/// When there is no state, the new folder is there already, or reading or writing fails; then the new folder is removed.
pub fn backup(state: &Path, to: &Path) -> Result<Copied, StoreError> {
    let from = open_read_only(state)?;
    let unusable = |source| StoreError::Folder { path: to.to_owned(), source };
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(unusable)?;
    private::make_new(to).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Exists(to.to_owned()),
        _ => unusable(source),
    })?;
    let copied = copy(&from, state, to).and_then(|copied| {
        let needed = needed_files(to)?;
        let there = |digest: &&String| to.join(ARTIFACTS).join(digest).is_file();
        let missing = needed.len() - needed.iter().filter(there).count();
        Ok(Copied { missing, ..copied })
    });
    if copied.is_err() {
        // Half a copy is worse than none.
        let _ = fs::remove_dir_all(to);
    }
    copied
}

/// The digests of the kept files that the rows in a folder name.
///
/// # Errors
/// When there is no state, or it cannot be read.
pub fn needed_files(state: &Path) -> Result<Vec<String>, StoreError> {
    let unusable = |source| StoreError::Folder { path: std::env::temp_dir(), source };
    let scratch = tempfile::tempdir().map_err(unusable)?;
    let copy = scratch.path().join("copy");
    // A copy is brought up to date, so that the folder is not.
    database(state, &copy)?;
    let now = Now { monotonic_ms: 0, unix_ms: 0 };
    let config = LedgerConfig { lease_ms: 1, profiles: Vec::new() };
    let ledger = Ledger::rebuild(config, Sqlite::open(&copy)?.load()?, now);
    Ok(ledger.artifacts().map(str::to_owned).collect())
}

/// Copies the database alone to a new folder.
pub(super) fn database(state: &Path, to: &Path) -> Result<(), StoreError> {
    let from = open_read_only(state)?;
    fs::create_dir(to).map_err(|source| StoreError::Folder { path: to.to_owned(), source })?;
    copy_database(&from, to)
}

fn copy_database(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let failed = |source| explain(to, source);
    let mut copy = Connection::open(to.join(DATABASE)).map_err(failed)?;
    // All of it as of one moment: without that, SQLite begins anew whenever something was written between two steps.
    let moment = from.unchecked_transaction().map_err(failed)?;
    moment.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(())).map_err(failed)?;
    {
        let backup = rusqlite::backup::Backup::new(from, &mut copy).map_err(failed)?;
        backup.run_to_completion(PAGES_PER_STEP, Duration::ZERO, None).map_err(failed)?;
    }
    check(&copy, to)
}

fn copy(from: &Connection, state: &Path, to: &Path) -> Result<Copied, StoreError> {
    let unusable = |source| StoreError::Folder { path: to.to_owned(), source };
    // The database first: whatever files it names are copied after it.
    copy_database(from, to)?;
    let artifacts = to.join(ARTIFACTS);
    private::make_new(&artifacts).map_err(unusable)?;
    let mut copied = Copied { database_bytes: 0, artifacts: 0, artifact_bytes: 0, missing: 0 };
    for entry in fs::read_dir(state.join(ARTIFACTS)).into_iter().flatten().flatten() {
        // What has not come whole is nobody's yet.
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        match fs::copy(entry.path(), artifacts.join(entry.file_name())) {
            Ok(bytes) => {
                copied.artifacts += 1;
                copied.artifact_bytes += bytes;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(unusable(source)),
        }
    }
    copied.database_bytes = fs::metadata(to.join(DATABASE)).map_err(unusable)?.len();
    for path in [to.join(DATABASE), artifacts, to.to_owned()] {
        fs::File::open(path).and_then(|file| file.sync_all()).map_err(unusable)?;
    }
    Ok(copied)
}
