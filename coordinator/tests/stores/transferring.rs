//! A state folder's way to PostgreSQL: all of it or nothing, and the folder stays as it was.

use std::fs;
use std::path::Path;

use foldwise_coordinator::store::postgres::{PostgresError, transfer};
use foldwise_coordinator::store::{Postgres, Sqlite, Store, StoreError};
use rusqlite::Connection;

use crate::address;
use crate::scene::{Scene, spec_of};
use crate::server::PostgresServer;

/// The state of a study that measured and ended, and of one that goes on.
fn state() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let mut store = Sqlite::open(folder.path()).expect("opens");
    let mut scene = Scene::new();
    scene.worker("w", 1);
    scene.submit("a", &spec_of(3, 2, "[measure]\nsnapshots = { every = 1 }"));
    while let Some(lease) = scene.lease("w", 0) {
        scene.finish("w", &lease);
    }
    scene.submit("b", &spec_of(3, 2, ""));
    scene.lease("w", 0).expect("work");
    store.commit(&scene.changes).expect("commits");
    folder
}

fn told(store: &dyn Store) -> String {
    let results = store.results();
    format!("{:?} {:?} {:?}", store.load().expect("loads"), results.runs(1).expect("reads"), results.runs(2))
}

#[test]
fn everything_is_there_afterwards_and_the_folder_is_as_it_was() {
    let Some(server) = PostgresServer::start() else { return };
    let folder = state();
    let before = fs::read(folder.path().join("foldwise.db")).expect("reads");
    let database = address(&server.database("d"));
    let transferred = transfer(folder.path(), database.clone()).expect("is copied");
    let rows = |name: &str| transferred.tables.iter().find(|(table, _)| table == name).map(|(_, rows)| *rows);
    assert_eq!(
        [rows("study"), rows("run"), rows("measurement"), rows("last_study")],
        [Some(2), Some(7), Some(7), Some(1)]
    );
    assert!(
        fs::read(folder.path().join("foldwise.db")).expect("reads") == before,
        "the folder was not changed"
    );
    let copy = Postgres::open(database.clone(), "here:1").expect("opens");
    assert_eq!(told(&copy), told(&Sqlite::open(folder.path()).expect("opens")));
    drop(copy);
    match transfer(folder.path(), database) {
        Err(StoreError::Postgres(PostgresError::NotEmpty { .. } | PostgresError::Taken { .. })) => {}
        other => panic!("a database that is not empty was filled: {other:?}"),
    }
}

#[test]
fn a_folder_of_an_earlier_version_is_copied_as_this_version_has_it() {
    let Some(server) = PostgresServer::start() else { return };
    let folder = tempfile::tempdir().expect("folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/released/v3.sql");
    let connection = Connection::open(folder.path().join("foldwise.db")).expect("opens");
    connection.execute_batch(&fs::read_to_string(script).expect("is kept")).expect("is a database");
    drop(connection);
    let database = address(&server.database("d"));
    transfer(folder.path(), database.clone()).expect("is copied");
    let version = |folder: &Path| foldwise_coordinator::store::inspect(folder).expect("reads").schema_version;
    assert_eq!(version(folder.path()), 3, "the folder was not brought up to date");
    assert_eq!(Postgres::open(database, "here:1").expect("opens").load().expect("loads").studies.len(), 3);
}

#[test]
fn what_cannot_be_copied_is_refused_and_nothing_is_kept() {
    let Some(server) = PostgresServer::start() else { return };
    let database = address(&server.database("d"));
    let nothing = tempfile::tempdir().expect("folder");
    let missing = transfer(nothing.path(), database.clone()).expect_err("has no state");
    assert!(matches!(missing, StoreError::Missing(_)), "{missing}");
    let folder = state();
    let open = Sqlite::open(folder.path()).expect("opens");
    let used = transfer(folder.path(), database.clone()).expect_err("is in use");
    assert!(matches!(used, StoreError::InUse(_)), "{used}");
    drop(open);
    let connection = Connection::open(folder.path().join("foldwise.db")).expect("opens");
    // A text that is none, in the last of the tables: what came before it must not stay.
    connection
        .execute_batch("UPDATE measurement SET measurements = CAST(x'ff' AS TEXT) WHERE rowid = 1")
        .expect("is spoilt");
    drop(connection);
    let spoilt = transfer(folder.path(), database.clone()).expect_err("is spoilt");
    assert!(spoilt.to_string().contains("measurement.measurements"), "{spoilt}");
    assert_eq!(server.sql("d", "SELECT count(*) FROM study"), "0");
}
