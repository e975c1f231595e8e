//! What can be wrong with a server: one clear sentence for each, and no password in any.

use foldwise_coordinator::store::postgres::{Address, PostgresError};
use foldwise_coordinator::store::{Place, Postgres, Sqlite, Store, StoreError};

use crate::address;
use crate::scene::{Scene, spec_of};
use crate::server::PostgresServer;

fn refused(address: Address) -> PostgresError {
    match Postgres::open(address, "here:1").expect_err("is refused") {
        StoreError::Postgres(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn every_trouble_has_its_own_sentence() {
    let Some(mut server) = PostgresServer::start() else { return };
    let good = server.database("good");
    let secret = ["between us", "between%20us", "wrong-one"];
    let bare = server.address("good");
    let wrong = bare.replace("foldwise@", "foldwise:wrong-one@");
    let troubles = [
        (refused(address(&bare)), "password"),
        (refused(address(&wrong)), "password authentication failed"),
        (refused(address(&good.replace("/good", "/none"))), "has no database"),
        (refused(address(&good.replace("foldwise:", "nobody-known:"))), "does not let this user in"),
    ];
    assert!(matches!(troubles[0].0, PostgresError::Refused { .. }), "{:?}", troubles[0].0);
    assert!(matches!(troubles[1].0, PostgresError::Refused { .. }), "{:?}", troubles[1].0);
    assert!(matches!(troubles[2].0, PostgresError::NoDatabase { .. }), "{:?}", troubles[2].0);
    for (trouble, words) in &troubles {
        let told = format!("{trouble} {trouble:?}");
        assert!(trouble.to_string().contains(words), "{trouble}");
        assert!(!secret.iter().any(|secret| told.contains(secret)), "{told}");
    }
    drop(Postgres::open(address(&good), "here:1").expect("opens"));
    let newer = "INSERT INTO refinery_schema_history VALUES (99, 'newer', '2030-01-01T00:00:00Z', '1')";
    server.sql("good", newer);
    let newer = refused(address(&good));
    assert!(matches!(newer, PostgresError::TooNew { found: 99, .. }), "{newer}");
    server.stop();
    let gone = refused(address(&good));
    assert!(matches!(gone, PostgresError::Unreachable { .. }), "{gone}");
}

#[test]
fn a_lost_connection_fails_the_batch_and_the_store_goes_on_when_the_server_is_back() {
    let Some(mut server) = PostgresServer::start() else { return };
    let mut store = Postgres::open(address(&server.database("d")), "here:1").expect("opens");
    let mut scene = Scene::new();
    scene.submit("a", &spec_of(2, 2, ""));
    store.commit(&scene.changes).expect("commits");
    scene.changes.clear();
    scene.submit("b", &spec_of(2, 2, ""));
    server.stop();
    let lost = store.commit(&scene.changes).expect_err("nobody is there");
    let StoreError::Postgres(lost) = lost else { panic!("{lost}") };
    assert!(matches!(lost, PostgresError::Lost { .. } | PostgresError::Unreachable { .. }), "{lost}");
    assert!(store.load().is_err() && store.results().runs(1).is_err());
    server.resume();
    let mut tries = 0;
    while let Err(error) = store.load() {
        tries += 1;
        assert!(tries < 200, "{error}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(store.load().expect("loads").studies.len(), 1, "nothing of the failed batch was kept");
    store.commit(&scene.changes).expect("goes on");
    assert_eq!(store.load().expect("loads").studies.len(), 2);
    assert!(store.results().runs(1).is_ok());
    assert!(!store.deposed().is_cancelled());
}

#[test]
fn a_row_that_cannot_be_read_is_named() {
    let Some(server) = PostgresServer::start() else { return };
    let mut store = Postgres::open(address(&server.database("d")), "here:1").expect("opens");
    let mut scene = Scene::new();
    scene.submit("a", &spec_of(2, 2, ""));
    store.commit(&scene.changes).expect("commits");
    server.sql("d", "UPDATE study SET sizes = 'odd'");
    match store.load().expect_err("is odd") {
        StoreError::Row { place: Place::Server(server), what, .. } => {
            assert!(server.ends_with("/d") && what == "study 1, sizes", "{server} {what}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn both_databases_have_the_same_tables_and_versions() {
    let Some(server) = PostgresServer::start() else { return };
    drop(Postgres::open(address(&server.database("d")), "here:1").expect("opens"));
    let folder = tempfile::tempdir().expect("folder");
    drop(Sqlite::open(folder.path()).expect("opens"));
    let connection = rusqlite::Connection::open(folder.path().join("foldwise.db")).expect("opens");
    let sql = "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c
        WHERE m.type = 'table' AND m.name <> 'refinery_schema_history' ORDER BY 1";
    let mut statement = connection.prepare(sql).expect("prepares");
    let columns = statement.query_map([], |row| row.get::<_, String>(0)).expect("reads");
    let sqlite: Vec<String> = columns.collect::<Result<_, _>>().expect("texts");
    let sql = "SELECT string_agg(name, ' ' ORDER BY name COLLATE \"C\") FROM (
        SELECT table_name || '.' || column_name AS name FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name NOT IN ('refinery_schema_history', 'leader')) AS columns";
    let postgres = server.sql("d", sql);
    assert_eq!(postgres.split(' ').collect::<Vec<_>>(), sqlite, "every migration has its twin");
}
