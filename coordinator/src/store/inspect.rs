//! What a state folder holds, read without changing it.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use super::sqlite::{DATABASE, LOCK, explain, open_read_only, problems};
use super::{ARTIFACTS, StoreError};

/// What a state folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The version of the database's tables.
    pub schema_version: i64,
    /// Bytes of the database, without its log.
    pub database_bytes: u64,
    /// Kept files.
    pub artifacts: usize,
    /// Their bytes.
    pub artifact_bytes: u64,
    /// Whether a coordinator has it open.
    pub in_use: bool,
    /// What is wrong with the database; empty if nothing is.
    pub problems: Vec<String>,
    /// Its studies, by number.
    pub studies: Vec<InspectedStudy>,
}

/// A study as its rows tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedStudy {
    /// Its number.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// How it ended; absent while it goes on.
    pub ended_as: Option<String>,
    /// Its cohorts.
    pub cohorts: u64,
    /// Those that have their results.
    pub done: u64,
    /// Those that a worker has.
    pub leased: u64,
    /// Rows of results.
    pub results: u64,
    /// Those of them that measured something beside.
    pub measured: u64,
}

/// Reads what a state folder holds. Any version of the tables is understood.
///
/// # Errors
/// When there is no state, or nothing of it can be read.
pub fn inspect(state: &Path) -> Result<Inspection, StoreError> {
    let connection = open_read_only(state)?;
    let failed = |source| explain(state, source);
    let problems = problems(&connection, state)?;
    let version = "SELECT coalesce(max(version), 0) FROM refinery_schema_history";
    let schema_version = connection.query_row(version, [], |row| row.get(0)).map_err(failed)?;
    let files = fs::read_dir(state.join(ARTIFACTS)).into_iter().flatten().flatten();
    let files = files.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file);
    let sizes: Vec<u64> = files.map(|file| file.len()).collect();
    Ok(Inspection {
        schema_version,
        database_bytes: fs::metadata(state.join(DATABASE)).map_or(0, |file| file.len()),
        artifacts: sizes.len(),
        artifact_bytes: sizes.iter().sum(),
        in_use: File::open(state.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_err()),
        problems,
        studies: studies(&connection, schema_version).map_err(failed)?,
    })
}

/// The version of the tables that first had one of what runs measure.
const MEASUREMENTS_SINCE: i64 = 3;

fn studies(connection: &Connection, version: i64) -> rusqlite::Result<Vec<InspectedStudy>> {
    let measured = match version {
        ..MEASUREMENTS_SINCE => "0",
        _ => "(SELECT count(*) FROM measurement WHERE study = number)",
    };
    let sql = "SELECT number, coalesce(json_extract(spec, '$.name'), ''), ended_as,
                      (SELECT count(*) FROM cohort WHERE study = number),
                      (SELECT count(*) FROM cohort WHERE study = number AND state = 'done'),
                      (SELECT count(*) FROM cohort WHERE study = number AND state = 'leased'),
                      (SELECT count(*) FROM run WHERE study = number),
                      {measured}
               FROM study ORDER BY number";
    let mut statement =
        connection.prepare(&sql.replace("{measured}", measured).replace("= number", "= study.number"))?;
    let count = |row: &rusqlite::Row<'_>, column| row.get::<_, i64>(column).map(i64::unsigned_abs);
    let rows = statement.query_map([], |row| {
        Ok(InspectedStudy {
            number: row.get(0)?,
            name: row.get(1)?,
            ended_as: row.get(2)?,
            cohorts: count(row, 3)?,
            done: count(row, 4)?,
            leased: count(row, 5)?,
            results: count(row, 6)?,
            measured: count(row, 7)?,
        })
    });
    rows?.collect()
}
