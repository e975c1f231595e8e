//! Statements and questions as PostgreSQL takes them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{MaybeDone, maybe_done};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Statement, Transaction};

use super::PostgresError;
use super::engine::Engine;
use crate::store::row::{Query, Row, Sink, Source, Value};
use crate::store::{Place, StoreError};

/// Statements, and bytes of them, that are on their way to the server at once.
const PIPELINE_MAX: usize = 1024;
const PIPELINE_BYTES_MAX: usize = 8 << 20;
/// A server that does not answer in this time, to so much, does not answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// Statements of one transaction, in order.
#[derive(Debug, Default)]
pub(super) struct Batch<'a> {
    pub(super) statements: Vec<(&'static str, Vec<Value<'a>>)>,
}

impl<'a> Sink<'a> for Batch<'a> {
    fn execute(&mut self, sql: &'static str, values: &[Value<'a>]) -> Result<(), StoreError> {
        self.statements.push((sql, values.to_vec()));
        Ok(())
    }
}

impl Batch<'_> {
    /// Sends statements without waiting for the answers in between, so many at a time, and waits for all answers.
    pub(super) async fn send(
        &self,
        engine: &Engine,
        transaction: &Transaction<'_>,
        prepared: &HashMap<&'static str, Statement>,
    ) -> Result<(), PostgresError> {
        let mut rest = self.statements.as_slice();
        while !rest.is_empty() {
            let part;
            (part, rest) = rest.split_at(portion(rest));
            let mut sent = Vec::with_capacity(part.len());
            for (sql, values) in part {
                let Some(statement) = prepared.get(sql) else { continue };
                sent.push(Box::pin(maybe_done(transaction.execute_raw(statement, values))));
            }
            answered(engine, in_order(sent)).await?;
        }
        Ok(())
    }
}

/// How many statements go at once: at least one.
fn portion(statements: &[(&'static str, Vec<Value<'_>>)]) -> usize {
    let mut bytes = 0;
    let fits = |(_, values): &&(&'static str, Vec<Value<'_>>)| {
        bytes += values.iter().map(Value::bytes).sum::<usize>();
        bytes <= PIPELINE_BYTES_MAX
    };
    statements.iter().take(PIPELINE_MAX).take_while(fits).count().max(1)
}

/// An answer, if the server gives one in time. It is silence that is bounded: a large transaction takes as long as it takes.
pub(super) async fn answered<T>(
    engine: &Engine,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, PostgresError> {
    match tokio::time::timeout(ANSWER_PATIENCE, answer).await {
        Ok(answer) => answer.map_err(|error| engine.failed(&error)),
        Err(_) => {
            let reason = format!("it did not answer within {} s", ANSWER_PATIENCE.as_secs());
            Err(PostgresError::Lost { server: engine.server().to_owned(), reason })
        }
    }
}

/// Starts each piece of work when the one before has been started, and waits for all; the first error.
pub(super) async fn in_order<F, E>(mut all: Vec<Pin<Box<MaybeDone<F>>>>) -> Result<(), E>
where
    F: Future<Output = Result<u64, E>>,
{
    poll_fn(|context| {
        for one in &mut all {
            // Whether it is done at once or not, it has been started.
            let _ = one.as_mut().poll(context);
        }
        Poll::Ready(())
    })
    .await;
    for one in &mut all {
        one.as_mut().await;
        one.as_mut().take_output().transpose()?;
    }
    Ok(())
}

/// As PostgreSQL writes parameters.
pub(super) fn dialect(sql: &str) -> String {
    sql.replace('?', "$")
}

impl ToSql for Value<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => number.to_sql(kind, out),
            Self::Text(text) => storable(text).as_ref().to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// PostgreSQL's texts have no character 0, which only a failing program's last words may have: its picture stands for it.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "␀")) } else { Cow::Borrowed(text) }
}

/// A transaction that rows are read from, as of one moment.
pub(super) struct Reading<'c> {
    engine: &'c Engine,
    transaction: Transaction<'c>,
    place: Place,
    prepared: RefCell<HashMap<&'static str, Statement>>,
}

impl<'c> Reading<'c> {
    pub(super) fn new(engine: &'c Engine, transaction: Transaction<'c>) -> Self {
        let place = Place::Server(engine.server().to_owned());
        Self { engine, transaction, place, prepared: RefCell::default() }
    }

    fn prepare(&self, sql: &'static str) -> Result<Statement, PostgresError> {
        if let Some(statement) = self.prepared.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.engine.wait(answered(self.engine, self.transaction.prepare(&dialect(sql))))?;
        self.prepared.borrow_mut().insert(sql, statement.clone());
        Ok(statement)
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
        let wait = |answer| self.engine.wait(answered(self.engine, answer));
        let statement = self.prepare(query.sql)?;
        let key: Vec<&(dyn ToSql + Sync)> = key.iter().map(|number| number as _).collect();
        let portal = self.engine.wait(answered(self.engine, self.transaction.bind(&statement, &key)))?;
        loop {
            let rows = wait(self.transaction.query_portal(&portal, query.portion))?;
            for row in &rows {
                take(row)?;
            }
            if rows.len() < query.portion.unsigned_abs() as usize {
                return Ok(());
            }
        }
    }
}

impl Row for tokio_postgres::Row {
    fn integer(&self, column: usize) -> Result<Option<i64>, String> {
        self.try_get(column).map_err(|error| error.to_string())
    }

    fn text(&self, column: usize) -> Result<Option<&str>, String> {
        self.try_get(column).map_err(|error| error.to_string())
    }
}
