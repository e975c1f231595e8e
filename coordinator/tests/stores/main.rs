//! The contract of the store, kept by SQLite and by a real PostgreSQL server; and what PostgreSQL alone can do.

mod leading;
mod protected;
#[path = "../scene/mod.rs"]
mod scene;
#[path = "../../../tests/src/postgres.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "a helper of the end-to-end tests, of which a part is used here"
)]
mod server;
mod suite;
mod transferring;
mod troubles;

use std::cell::Cell;

use foldwise_coordinator::store::postgres::Address;
use foldwise_coordinator::store::{Postgres, Sqlite, Store, StoreError};
use server::PostgresServer;
use suite::Database;

/// State folders, one for each test of the suite.
struct Folder(tempfile::TempDir);

impl Database for Folder {
    fn open(&self) -> Result<Box<dyn Store>, StoreError> {
        Sqlite::open(self.0.path()).map(|store| Box::new(store) as Box<dyn Store>)
    }
}

/// Databases of a server, one for each test of the suite.
struct Served(Address);

impl Database for Served {
    fn open(&self) -> Result<Box<dyn Store>, StoreError> {
        Postgres::open(self.0.clone(), "here:1").map(|store| Box::new(store) as Box<dyn Store>)
    }
}

fn address(text: &str) -> Address {
    Address::read(text).expect("an address")
}

#[test]
fn sqlite_keeps_the_contract() {
    for (name, test) in suite::ALL {
        eprintln!("{name}");
        test(&Folder(tempfile::tempdir().expect("folder")));
    }
}

#[test]
fn postgresql_keeps_the_contract() {
    let Some(server) = PostgresServer::start() else { return };
    for (number, (name, test)) in suite::ALL.iter().enumerate() {
        eprintln!("{name}");
        test(&Served(address(&server.database(&format!("suite{number}")))));
    }
}

/// The last life of a database is over when its sessions are, which the server may take a moment to see.
fn reopened(database: &dyn Database) -> Box<dyn Store> {
    let tries = Cell::new(0);
    loop {
        match database.open() {
            Ok(store) => return store,
            Err(error) => {
                tries.set(tries.get() + 1);
                assert!(tries.get() < 200, "{error}");
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        }
    }
}
