//! The store's file: what earlier versions wrote, what is damaged, copies and looks from outside.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use foldwise_coordinator::ledger::{
    Command, FailureKind, Ledger, LedgerConfig, Now, Reply, RunEnd, StudyPhase, StudyRecord,
};
use foldwise_coordinator::store::{Sqlite, Store, StoreError, backup, inspect, needed_files};
use rusqlite::Connection;

const DATABASE: &str = "foldwise.db";

/// A state folder whose database one of the released versions wrote.
fn released(version: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/released/v{version}.sql"));
    let script = fs::read_to_string(script).expect("is kept");
    let connection = Connection::open(folder.path().join(DATABASE)).expect("opens");
    connection.execute_batch(&script).expect("is a database");
    folder
}

fn rebuilt(store: &Sqlite) -> Ledger {
    let now = Now { monotonic_ms: 0, unix_ms: 0 };
    Ledger::rebuild(LedgerConfig { lease_ms: 1000, profiles: Vec::new() }, store.load().expect("loads"), now)
}

#[test]
fn every_released_version_is_brought_up_to_date_with_nothing_lost() {
    let folder = released(1);
    let store = Sqlite::open(folder.path()).expect("is brought up to date");
    let ledger = rebuilt(&store);
    ledger.check(Now { monotonic_ms: 0, unix_ms: 0 }).expect("the invariants hold");
    let [ended, running] = [&ledger.studies()[&1], &ledger.studies()[&2]];
    assert!(matches!(ended.phase, StudyPhase::Ended { .. }));
    assert!(ended.runs.iter().all(|run| matches!(run.end, RunEnd::Finished { .. })));
    assert!(ended.weights.is_some() && ended.winner.is_some());
    let counts = running.counts();
    assert_eq!((counts.finished, counts.leased, counts.queued), (2, 2, 2));
    let failure = running.cohorts[1].failure.as_ref().expect("was noted");
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Training, "died of signal 9"));
    assert_eq!(store.results().runs(1).expect("reads").len(), 5);
    drop(store);
    Sqlite::open(folder.path()).expect("is up to date");
}

#[test]
fn what_schema_2_wrote_is_all_there() {
    let folder = released(2);
    let store = Sqlite::open(folder.path()).expect("is brought up to date");
    let mut ledger = rebuilt(&store);
    let now = Now { monotonic_ms: 0, unix_ms: 0 };
    ledger.check(now).expect("the invariants hold");
    let [extended, running, held] = [1, 2, 3].map(|number| &ledger.studies()[&number]);
    assert!(matches!(extended.phase, StudyPhase::Ended { .. }) && extended.weights.is_some());
    assert_eq!((extended.record.earlier.len(), extended.tests()), (1, 2));
    assert_eq!(running.runs[1].end, RunEnd::Diverged { epoch: 2 });
    let cohort = &running.cohorts[1];
    assert_eq!((cohort.attempt, cohort.checkpoint.as_ref().map(|checkpoint| checkpoint.epoch)), (2, Some(1)));
    let failure = cohort.failure.as_ref().expect("was noted");
    assert_eq!((failure.kind, failure.worker.as_str()), (FailureKind::Crash, "v"));
    assert!(held.paused && held.device.is_none());
    let results = store.results();
    assert_eq!((results.runs(1).expect("reads").len(), results.runs(2).expect("reads").len()), (9, 2));
    // The fourth was deleted, and its number is not given again.
    let mut record = StudyRecord::clone(&ledger.studies()[&3].record);
    record.request_id = "five".to_owned();
    let reply = ledger.handle(Command::CreateStudy(Box::new(record)), now);
    assert_eq!(reply.expect("is taken").0, Reply::Study(5));
}

#[test]
fn what_schema_3_wrote_is_all_there() {
    let folder = released(3);
    let store = Sqlite::open(folder.path()).expect("is brought up to date");
    let ledger = rebuilt(&store);
    ledger.check(Now { monotonic_ms: 0, unix_ms: 0 }).expect("the invariants hold");
    let [ended, running, held] = [1, 2, 3].map(|number| &ledger.studies()[&number]);
    assert!(matches!(ended.phase, StudyPhase::Ended { .. }));
    assert_eq!((ended.snapshots.len(), ledger.artifacts().count()), (3, 5));
    let measured = store.results().runs(1).expect("reads");
    assert!(measured.iter().all(|run| run.outcome.measurements.is_some()));
    let counts = running.counts();
    assert_eq!((counts.finished, counts.leased, counts.queued), (2, 4, 2));
    assert_eq!(running.cohorts[1].checkpoint.as_ref().map(|checkpoint| checkpoint.epoch), Some(1));
    assert!(held.paused);
    assert!(ledger.studies().values().all(|study| study.priority == 0));
}

#[test]
fn a_newer_version_is_refused() {
    let folder = released(1);
    drop(Sqlite::open(folder.path()).expect("opens"));
    let connection = Connection::open(folder.path().join(DATABASE)).expect("opens");
    let newer = "INSERT INTO refinery_schema_history VALUES (99, 'newer', '2030-01-01T00:00:00Z', '1')";
    connection.execute_batch(newer).expect("writes");
    drop(connection);
    let refused = Sqlite::open(folder.path()).expect_err("is newer");
    assert!(matches!(refused, StoreError::Migration { .. }), "{refused}");
}

#[test]
fn a_damaged_database_is_refused_with_the_remedy_and_left_alone() {
    let folder = released(1);
    let path = folder.path().join(DATABASE);
    let size = fs::metadata(&path).expect("is there").len();
    let mut file = fs::OpenOptions::new().write(true).open(&path).expect("opens");
    file.seek(SeekFrom::Start(size / 2)).expect("seeks");
    file.write_all(&[0xA5; 9000]).expect("writes");
    drop(file);
    let before = fs::read(&path).expect("reads");
    let refused = Sqlite::open(folder.path()).expect_err("is damaged");
    assert!(matches!(refused, StoreError::Damaged { .. }), "{refused}");
    assert!(refused.to_string().contains("backup"), "{refused}");
    assert!(fs::read(&path).expect("reads") == before, "nothing was changed");
}

#[test]
fn one_state_folder_has_one_coordinator() {
    let folder = released(1);
    let first = Sqlite::open(folder.path()).expect("opens");
    let second = Sqlite::open(folder.path()).expect_err("is in use");
    assert!(second.to_string().contains("another coordinator uses"), "{second}");
    assert!(inspect(folder.path()).expect("reads").in_use);
    drop(first);
    assert!(!inspect(folder.path()).expect("reads").in_use);
}

#[test]
fn a_backup_of_an_open_store_is_a_whole_state_folder() {
    let folder = released(1);
    let store = Sqlite::open(folder.path()).expect("opens");
    let artifacts = folder.path().join("artifacts");
    fs::create_dir_all(&artifacts).expect("makes");
    fs::write(artifacts.join("a".repeat(64)), b"weights").expect("writes");
    let parent = tempfile::tempdir().expect("folder");
    let to = parent.path().join("copies/one");
    let copied = backup(folder.path(), &to).expect("copies");
    assert_eq!((copied.artifacts, copied.artifact_bytes), (1, 7));
    // The weights that this database names lie nowhere here.
    assert_eq!(copied.missing, needed_files(folder.path()).expect("reads").len());
    assert!(copied.missing > 0);
    assert!(matches!(backup(folder.path(), &to), Err(StoreError::Exists(_))));
    let copy = Sqlite::open(&to).expect("opens beside the other");
    assert_eq!(rebuilt(&copy).studies().len(), rebuilt(&store).studies().len());
    let nothing = backup(parent.path(), &parent.path().join("copies/two")).expect_err("no state");
    assert!(matches!(nothing, StoreError::Missing(_)), "{nothing}");
}

#[test]
fn a_backup_of_a_store_that_is_written_to_all_the_time_comes_to_an_end() {
    let folder = tempfile::tempdir().expect("folder");
    drop(Sqlite::open(folder.path()).expect("opens"));
    let writer = Connection::open(folder.path().join(DATABASE)).expect("opens");
    // More than is copied in one step.
    writer.execute_batch("CREATE TABLE ballast (number INTEGER, bytes BLOB)").expect("makes");
    let add = |number: i64| {
        writer.execute("INSERT INTO ballast VALUES (?1, zeroblob(4096))", [number]).expect("adds");
    };
    writer.execute_batch("BEGIN").expect("begins");
    (0..3000).for_each(add);
    writer.execute_batch("COMMIT").expect("keeps");
    let parent = tempfile::tempdir().expect("folder");
    let (from, to) = (folder.path().to_owned(), parent.path().join("copy"));
    let copying = std::thread::spawn(move || backup(&from, &to).map(|_| to));
    let mut number = 3000;
    while !copying.is_finished() {
        add(number);
        number += 1;
    }
    let to = copying.join().expect("ends").expect("copies");
    let copy = Connection::open(to.join(DATABASE)).expect("opens");
    let [rows, last] = ["count(*)", "max(number)"].map(|what| {
        let sql = format!("SELECT {what} FROM ballast");
        copy.query_row(&sql, [], |row| row.get::<_, i64>(0)).expect("reads")
    });
    assert!(rows >= 3000 && last == rows - 1, "as of one moment: {rows} rows to {last}");
}

#[test]
fn inspecting_changes_nothing_and_understands_every_version() {
    let folder = released(1);
    let before = fs::read(folder.path().join(DATABASE)).expect("reads");
    let found = inspect(folder.path()).expect("reads");
    assert_eq!((found.schema_version, found.studies.len(), found.problems.len()), (1, 2, 0));
    assert_eq!((found.studies[0].done, found.studies[0].results, found.studies[0].measured), (3, 5, 0));
    assert_eq!(found.studies[1].leased, 1);
    assert_eq!(fs::read(folder.path().join(DATABASE)).expect("reads"), before);
}
