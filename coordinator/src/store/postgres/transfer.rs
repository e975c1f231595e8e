//! Everything of a state folder, copied to an empty database in one transaction, and compared before it counts.

use std::path::Path;

use rusqlite::types::ValueRef;
use serde::Serialize;
use tokio_postgres::{Client, Transaction};

use super::engine::Engine;
use super::rows::{in_order, storable};
use super::{Address, Postgres, PostgresError, hold_term};
use crate::store::row::Value;
use crate::store::sqlite::{DATABASE, explain, lock_if_there, open_read_only};
use crate::store::{Place, Sqlite, StoreError, backup};
use futures_util::future::maybe_done;

/// Rows that are fetched at once: they may have megabytes.
const PORTION: i32 = 64;
/// Rows, and bytes of them, that are on their way at once.
const ROWS_MAX: usize = 1024;
const BYTES_MAX: usize = 8 << 20;
/// What a database that was never used has a row in.
const COUNTER: &str = "last_study";

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transferred {
    /// Rows by table.
    pub tables: Vec<(String, u64)>,
}

/// A table of both databases: its columns, and those that tell its rows apart.
struct Table {
    name: String,
    columns: Vec<String>,
    key: Vec<String>,
    /// Those of the key that are texts.
    text_key: Vec<String>,
    /// The tables that it refers to.
    refers_to: Vec<String>,
}

/// What a table holds.
#[derive(Debug, PartialEq, Eq)]
struct Sum {
    rows: u64,
    digest: String,
}

/// Copies the state in a folder, of any version, to a database that is empty. The folder is left as it is.
///
/// # Errors
/// When the folder has no state or a coordinator uses it, the database is not empty or another coordinator leads on it,
/// or the copy fails; then nothing of it is kept.
pub fn transfer(from: &Path, to: Address) -> Result<Transferred, StoreError> {
    if !from.join(DATABASE).is_file() {
        return Err(StoreError::Missing(from.to_owned()));
    }
    let _lock = lock_if_there(from)?;
    // A copy is brought up to date, so that the folder is not.
    let unusable = |source| StoreError::Folder { path: std::env::temp_dir(), source };
    let scratch = tempfile::tempdir().map_err(unusable)?;
    let copy = scratch.path().join("copy");
    backup::database(from, &copy)?;
    drop(Sqlite::open(&copy)?);
    let source = open_read_only(&copy)?;
    let mut target = Postgres::open(to, "")?;
    let (engine, term) = (target.engine.clone(), target.term);
    let writer = target.writer.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut client = engine.wait(writer.take(&engine, term))?;
    copy_all(&engine, term, &source, &copy, &mut client)
}

fn copy_all(
    engine: &Engine,
    term: i64,
    source: &rusqlite::Connection,
    folder: &Path,
    client: &mut Client,
) -> Result<Transferred, StoreError> {
    let failed = |error: tokio_postgres::Error| StoreError::from(engine.failed(&error));
    let tables = tables(source).map_err(|error| explain(folder, error))?;
    let transaction = engine.wait(client.transaction()).map_err(failed)?;
    engine.wait(hold_term(engine, &transaction, term))?;
    for table in &tables {
        let rows = format!("SELECT count(*) FROM \"{}\"", table.name);
        let rows =
            if table.name == COUNTER { format!("SELECT sum(number)::bigint FROM {COUNTER}") } else { rows };
        if engine.wait(transaction.client().query_one_scalar::<i64, _>(&rows, &[])).map_err(failed)? > 0 {
            let (server, table) = (engine.server().to_owned(), table.name.clone());
            return Err(PostgresError::NotEmpty { server, table }.into());
        }
    }
    engine.wait(transaction.batch_execute(&format!("DELETE FROM {COUNTER}"))).map_err(failed)?;
    let mut transferred = Transferred { tables: Vec::new() };
    for table in &tables {
        let sent = send(engine, source, folder, &transaction, table)?;
        let found = kept(engine, &transaction, table)?;
        if sent != found {
            let what = format!("{} rows for {}, {} for {}", found.rows, sent.rows, found.digest, sent.digest);
            let (server, table) = (engine.server().to_owned(), table.name.clone());
            return Err(PostgresError::Unequal { server, table, what }.into());
        }
        transferred.tables.push((table.name.clone(), sent.rows));
    }
    engine.wait(transaction.commit()).map_err(failed)?;
    Ok(transferred)
}

/// The tables, those first that others refer to.
fn tables(source: &rusqlite::Connection) -> rusqlite::Result<Vec<Table>> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
               AND name <> 'refinery_schema_history'";
    let mut statement = source.prepare(sql)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let texts = |sql: &str, name: &str| {
        let mut statement = source.prepare(sql)?;
        statement.query_map([name], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()
    };
    let table = |name: String| {
        Ok(Table {
            columns: texts("SELECT name FROM pragma_table_info(?1) ORDER BY cid", &name)?,
            key: texts("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk", &name)?,
            text_key: texts("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 AND type = 'TEXT'", &name)?,
            refers_to: texts("SELECT DISTINCT \"table\" FROM pragma_foreign_key_list(?1)", &name)?,
            name,
        })
    };
    let mut waiting = names.into_iter().map(table).collect::<rusqlite::Result<Vec<_>>>()?;
    let mut ordered: Vec<Table> = Vec::new();
    while !waiting.is_empty() {
        let there = |name: &String| ordered.iter().any(|table| table.name == *name);
        let (next, rest): (Vec<Table>, Vec<Table>) =
            waiting.into_iter().partition(|table| table.refers_to.iter().all(there));
        if next.is_empty() {
            // Tables that refer to each other have no order: the database refuses the first, and nothing is kept.
            ordered.extend(rest);
            break;
        }
        ordered.extend(next);
        waiting = rest;
    }
    Ok(ordered)
}

impl Table {
    /// All rows in order of their keys. Texts are in order of their bytes, as SQLite has them anyway.
    fn select(&self, by_bytes: bool) -> String {
        let key = self.key.iter().map(|name| match by_bytes && self.text_key.contains(name) {
            true => format!("\"{name}\" COLLATE \"C\""),
            false => format!("\"{name}\""),
        });
        let key: Vec<String> = key.collect();
        format!("SELECT {} FROM \"{}\" ORDER BY {}", listed(&self.columns), self.name, key.join(", "))
    }

    fn insert(&self) -> String {
        let places: Vec<String> = (1..=self.columns.len()).map(|place| format!("${place}")).collect();
        let columns = listed(&self.columns);
        format!("INSERT INTO \"{}\" ({columns}) VALUES ({})", self.name, places.join(", "))
    }
}

fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

/// Sends every row of a table.
fn send(
    engine: &Engine,
    source: &rusqlite::Connection,
    folder: &Path,
    transaction: &Transaction<'_>,
    table: &Table,
) -> Result<Sum, StoreError> {
    let failed = |error: tokio_postgres::Error| StoreError::from(engine.failed(&error));
    let unread = |error| explain(folder, error);
    let insert = engine.wait(transaction.prepare(&table.insert())).map_err(failed)?;
    let mut statement = source.prepare(&table.select(false)).map_err(unread)?;
    let mut rows = statement.query([]).map_err(unread)?;
    let (mut digest, mut waiting, mut bytes) = (Digest::default(), Vec::new(), 0);
    loop {
        let row = rows.next().map_err(unread)?;
        if row.is_none() || waiting.len() == ROWS_MAX || bytes >= BYTES_MAX {
            let sent = waiting.iter().map(|row: &Vec<Value<'_>>| {
                Box::pin(maybe_done(transaction.execute_raw(&insert, row.iter())))
            });
            engine.wait(in_order(sent.collect())).map_err(failed)?;
            waiting.clear();
            bytes = 0;
        }
        let Some(row) = row else { return Ok(digest.sum()) };
        let mut values = Vec::with_capacity(table.columns.len());
        for column in 0..table.columns.len() {
            let value = value(row.get_ref(column).map_err(unread)?).map_err(|reason| StoreError::Row {
                place: Place::from(folder),
                what: format!("{}.{}", table.name, table.columns[column]),
                reason,
            })?;
            bytes += value.bytes();
            values.push(value);
        }
        digest.take(&values);
        waiting.push(values);
    }
}

/// A value of SQLite's, as it can be kept.
fn value(value: ValueRef<'_>) -> Result<Value<'static>, String> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Integer(number)),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
            Ok(Value::Text(storable(text).into_owned().into()))
        }
        other => Err(format!("{} is neither a number nor a text", other.data_type())),
    }
}

/// What the database has of a table now.
fn kept(engine: &Engine, transaction: &Transaction<'_>, table: &Table) -> Result<Sum, StoreError> {
    let failed = |error: tokio_postgres::Error| StoreError::from(engine.failed(&error));
    let statement = engine.wait(transaction.prepare(&table.select(true))).map_err(failed)?;
    let texts: Vec<bool> = statement
        .columns()
        .iter()
        .map(|column| *column.type_() == tokio_postgres::types::Type::TEXT)
        .collect();
    let portal = engine.wait(transaction.bind(&statement, &[])).map_err(failed)?;
    let mut digest = Digest::default();
    loop {
        let rows = engine.wait(transaction.query_portal(&portal, PORTION)).map_err(failed)?;
        for row in &rows {
            let values = texts.iter().enumerate().map(|(column, &text)| {
                Ok(if text {
                    row.try_get::<_, Option<&str>>(column)?.into()
                } else {
                    row.try_get::<_, Option<i64>>(column)?.into()
                })
            });
            let values: Vec<Value<'_>> =
                values.collect::<Result<_, tokio_postgres::Error>>().map_err(failed)?;
            digest.take(&values);
        }
        if rows.len() < PORTION.unsigned_abs() as usize {
            return Ok(digest.sum());
        }
    }
}

/// The digest of rows in order.
#[derive(Default)]
struct Digest {
    hasher: blake3::Hasher,
    rows: u64,
}

impl Digest {
    fn take(&mut self, values: &[Value<'_>]) {
        self.rows += 1;
        for value in values {
            // A kind and a length before each, so that no two lists of values are the same bytes.
            match value {
                Value::Null => self.hasher.update(b"n"),
                Value::Integer(number) => self.hasher.update(b"i").update(&number.to_le_bytes()),
                Value::Text(text) => self
                    .hasher
                    .update(b"t")
                    .update(&(text.len() as u64).to_le_bytes())
                    .update(text.as_bytes()),
            };
        }
    }

    fn sum(&self) -> Sum {
        Sum { rows: self.rows, digest: self.hasher.finalize().to_hex().to_string() }
    }
}
