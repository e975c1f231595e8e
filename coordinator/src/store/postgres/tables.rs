//! The tables: made, and brought up to date, by whoever leads.

use refinery::Runner;
use tokio_postgres::Client;

use super::PostgresError;
use super::engine::Engine;

mod migrations {
    refinery::embed_migrations!("migrations/postgres");
}

/// The version that this program writes.
#[must_use]
pub fn version() -> i64 {
    let runner = migrations::migrations::runner();
    runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

/// Refuses tables of a later version; whether there are none.
pub(super) async fn check(engine: &Engine, session: &Client) -> Result<bool, PostgresError> {
    let failed = |error: tokio_postgres::Error| engine.failed(&error);
    let sql =
        "SELECT to_regclass('refinery_schema_history') IS NOT NULL AND to_regclass('leader') IS NOT NULL";
    if !session.query_one_scalar::<bool, _>(sql, &[]).await.map_err(failed)? {
        return Ok(true);
    }
    let sql = "SELECT coalesce(max(version), 0)::bigint FROM refinery_schema_history";
    let found: i64 = session.query_one_scalar(sql, &[]).await.map_err(failed)?;
    let known = version();
    if found > known {
        return Err(PostgresError::TooNew { server: engine.server().to_owned(), found, known });
    }
    Ok(false)
}

/// Makes what is missing.
pub(super) async fn bring_up_to_date(engine: &Engine, session: &mut Client) -> Result<(), PostgresError> {
    let runner: Runner = migrations::migrations::runner();
    // All of it or nothing.
    let done = runner.set_grouped(true).run_async(session).await;
    done.map(drop).map_err(|error| PostgresError::Failed {
        server: engine.server().to_owned(),
        reason: format!("its tables cannot be brought up to date: {error}"),
    })
}
