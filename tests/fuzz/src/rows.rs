//! Rows of the coordinator's database: whatever a column holds, it is read or refused, and what is read can be worked
//! with.

use foldwise_coordinator::ledger::{Allowed, Command, Ledger, LedgerConfig, Now, SlotInfo, WorkerInfo};
use foldwise_coordinator::reporting;
use foldwise_coordinator::store::{Results, Sqlite, Store};
use foldwise_study::spec::{DeviceKind, Format, Spec};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::folder::Folder;

/// What is read back after each input: a study of two trials on two folds, half of it done.
const SPEC: &str = r#"
name = "rows"
[data]
dataset = "fashion-mnist"
[validation]
k_fold = { folds = 2 }
[network]
mlp = { hidden = [8] }
[train]
epochs = 2
batch_size = 100
optimizer = { kind = "sgd" }
[space]
"train.optimizer.lr" = [0.1, 0.2]
"#;

/// Larger grids are not enumerated: they take longer and find no more.
const TRIALS_TRIED_MAX: usize = 300;

/// The columns that a line can set, by table.
const COLUMNS: [(&str, &str); 4] = [
    (
        "study",
        "number request_id spec_text spec rows sizes data_digest folds_digest created_unix_ms device ended_as \
         ended_message ended_unix_ms paused earlier_specs priority",
    ),
    (
        "cohort",
        "study number runs final_epochs state attempt failures done_attempt worker slot error checkpoint_epoch \
         checkpoint_digest failed_kind failed_attempt failed_worker failed_unix_ms",
    ),
    ("last_study", "number"),
    ("run", "study trial fold attempt worker outcome weights_digest device_model software"),
];

thread_local! {
    static DATABASE: Database = Database::new();
}

/// Lines such as `cohort1.attempt=-1`: a table, the row's place in it, a column and a value, which is a whole number,
/// `NULL` or a text.
pub fn rows(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    DATABASE.with(|database| database.try_lines(text));
}

/// A store, and a second connection to its file that writes what the store never would.
struct Database {
    // Closed before the folder goes.
    store: Sqlite,
    results: Results,
    connection: Connection,
    fill: String,
    _folder: Folder,
}

impl Database {
    fn new() -> Self {
        let folder = Folder::new();
        let store = Sqlite::open(folder.path()).expect("a new store opens");
        let connection = Connection::open(folder.path().join("foldwise.db")).expect("opens");
        connection
            .execute_batch("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;")
            .expect("settings that SQLite has");
        Self { results: store.results(), store, connection, fill: fill(), _folder: folder }
    }

    fn try_lines(&self, text: &str) {
        self.connection.execute_batch(&self.fill).expect("the rows as they should be");
        for line in text.lines().filter_map(Line::parse) {
            if line.is_large_grid() {
                return;
            }
            // The table's own rules may refuse a value; then it keeps the one it had.
            let _ = self.connection.execute(&line.sql, params_from_iter([&line.value]));
        }
        // The results are read on their own as well, for reports.
        let _ = self.results.runs(1);
        let snapshot = match self.store.load() {
            Ok(snapshot) => snapshot,
            Err(error) => return assert!(!error.to_string().is_empty()),
        };
        let now = Now { monotonic_ms: 5, unix_ms: 1_000 };
        let mut ledger = Ledger::rebuild(LedgerConfig { lease_ms: 10, profiles: Vec::new() }, snapshot, now);
        work(&mut ledger, now);
    }
}

/// One worker asks for work until there is none or enough, and then falls silent.
fn work(ledger: &mut Ledger, now: Now) {
    let worker = "w".to_owned();
    let slot = SlotInfo { device: DeviceKind::Cpu, model: String::new() };
    let info = WorkerInfo {
        id: worker.clone(),
        software: String::new(),
        slots: vec![slot; 4],
        allowed: Allowed::default(),
    };
    let _ = ledger.handle(Command::RegisterWorker(info), now);
    for slot in 0..4 {
        let _ = ledger.handle(Command::Lease { worker: worker.clone(), slot }, now);
    }
    let _ = ledger.handle(Command::Tick, Now { monotonic_ms: 1_000, ..now });
    for &study in ledger.studies().keys() {
        let _ = reporting::outline(ledger, study, now);
    }
}

/// A column's new value.
struct Line {
    sql: String,
    column: String,
    value: Value,
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let (place, value) = line.split_once('=')?;
        let (row, column) = place.split_once('.')?;
        let table = row.trim_end_matches(|c: char| c.is_ascii_digit());
        let offset: u32 = row[table.len()..].parse().unwrap_or(0);
        let (_, columns) = COLUMNS.iter().find(|(name, _)| *name == table)?;
        columns.split(' ').find(|name| *name == column)?;
        let key = match table {
            "study" => "number",
            "last_study" => "only_row",
            "cohort" => "(study, number)",
            _ => "(study, trial, fold)",
        };
        let columns = key.trim_matches(['(', ')']);
        let sql = format!(
            "UPDATE {table} SET {column} = ?1 WHERE {key} IN (SELECT {columns} FROM {table} LIMIT 1 OFFSET {offset})"
        );
        let value = match (value, value.parse::<i64>()) {
            ("NULL", _) => Value::Null,
            (_, Ok(number)) => Value::Integer(number),
            (text, Err(_)) => Value::Text(text.to_owned()),
        };
        Some(Self { sql, column: column.to_owned(), value })
    }

    fn is_large_grid(&self) -> bool {
        let Value::Text(text) = &self.value else { return false };
        let large = |spec: Spec| spec.space.points().is_ok_and(|points| points > TRIALS_TRIED_MAX);
        let large_text = |text: &str| Spec::from_json(text).is_ok_and(large);
        match self.column.as_str() {
            "spec" => large_text(text),
            "earlier_specs" => serde_json::from_str::<Vec<String>>(text)
                .is_ok_and(|texts| texts.len() > 8 || texts.iter().any(|text| large_text(text))),
            _ => false,
        }
    }
}

/// The statements that bring the rows back to how they should be.
fn fill() -> String {
    let spec = Spec::read(SPEC, Format::Toml).expect("a good spec").to_json();
    let outcome = r#"{"end":"finished","epochs":[{"epoch":1,"train_loss":1.0,"val_loss":0.5,"val_accuracy":0.5,"lr":0.1}],"seconds":1.0}"#;
    format!(
        "BEGIN; DELETE FROM run; DELETE FROM cohort; DELETE FROM study;
         INSERT INTO study (number, request_id, spec_text, spec, rows, sizes, data_digest, folds_digest,
                            created_unix_ms, device)
         VALUES (1, 'r', '', '{spec}', '{{\"shape\":[4],\"classes\":3,\"train_rows\":10,\"test_rows\":2}}',
                 '[[5,5],[5,5]]', 'd', 'f', 1, 'cpu');
         INSERT INTO cohort (study, number, runs, state, attempt, failures, done_attempt, worker, slot)
         VALUES (1, 0, '[[0,0],[0,1]]', 'done', 1, 0, 1, 'w', 0),
                (1, 1, '[[1,0]]', 'leased', 1, 0, NULL, 'w', 0),
                (1, 2, '[[1,1]]', 'ready', 0, 0, NULL, NULL, NULL);
         INSERT INTO run (study, trial, fold, attempt, worker, outcome, weights_digest, device_model, software)
         VALUES (1, 0, 0, 1, 'w', '{outcome}', NULL, 'm', 's'),
                (1, 0, 1, 1, 'w', '{outcome}', NULL, 'm', 's');
         UPDATE last_study SET number = 1;
         COMMIT;"
    )
}
