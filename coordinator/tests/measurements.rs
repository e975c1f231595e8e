//! What runs measure, in ledger and store: kept with the result, once, for as long as the study, and never without.

mod scene;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use foldwise_coordinator::ledger::{Change, Command, Ledger, Now, StudyId};
use foldwise_coordinator::store::{Sqlite, Store, StoreError, inspect};
use rusqlite::Connection;
use scene::{Scene, config, results_for, spec_of};

const MEASURED: &str = "[measure]\nsnapshots = { every = 1 }";

/// A scene whose changes are stored.
struct Stored {
    scene: Scene,
    store: Sqlite,
    folder: tempfile::TempDir,
}

impl Stored {
    /// A study of two trials on two folds, which measured and ended, with its final stage.
    fn ended() -> (Self, StudyId) {
        let folder = tempfile::tempdir().expect("folder");
        let store = Sqlite::open(folder.path()).expect("opens");
        let mut stored = Self { scene: Scene::new(), store, folder };
        stored.scene.worker("w", 1);
        let study = stored.scene.submit("a", &spec_of(2, 2, MEASURED));
        while let Some(lease) = stored.scene.lease("w", 0) {
            assert!(stored.scene.finish("w", &lease));
        }
        stored.commit();
        (stored, study)
    }

    fn commit(&mut self) -> Vec<Change> {
        let changes = std::mem::take(&mut self.scene.changes);
        self.store.commit(&changes).expect("commits");
        changes
    }

    fn rebuilt(&self) -> Ledger {
        rebuilt(&self.store)
    }

    fn rows(&self) -> i64 {
        let connection = Connection::open(self.folder.path().join("foldwise.db")).expect("opens");
        connection.query_row("SELECT count(*) FROM measurement", [], |row| row.get(0)).expect("reads")
    }
}

fn rebuilt(store: &Sqlite) -> Ledger {
    let now = Now { monotonic_ms: 0, unix_ms: 0 };
    let ledger = Ledger::rebuild(config(), store.load().expect("loads"), now);
    ledger.check(now).expect("the invariants hold");
    ledger
}

fn files(ledger: &Ledger) -> BTreeSet<String> {
    ledger.artifacts().map(str::to_owned).collect()
}

/// What the disk has when a process is killed with signal 9: every file as it is, with nothing closed.
fn as_killed(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("folder");
    for file in ["foldwise.db", "foldwise.db-wal"] {
        fs::copy(folder.join(file), copy.path().join(file)).expect("copies");
    }
    copy
}

#[test]
fn what_was_measured_is_there_after_a_kill_as_it_was_handed_in() {
    let (stored, study) = Stored::ended();
    let needed = files(&stored.scene.ledger);
    assert_eq!(needed.len(), 6, "five files of copies and the weights");
    let killed = as_killed(stored.folder.path());
    let store = Sqlite::open(killed.path()).expect("opens");
    assert_eq!(files(&rebuilt(&store)), needed);
    let runs = store.results().runs(study).expect("reads");
    assert_eq!(runs.len(), 5);
    for run in &runs {
        let measured = run.outcome.measurements.as_ref().expect("was measured");
        let file = measured.snapshots.as_ref().expect("was asked for");
        assert_eq!(rebuilt(&store).studies()[&study].snapshots[&run.run], file.digest);
    }
    assert_eq!(inspect(killed.path()).expect("reads").studies[0].measured, 5);
}

#[test]
fn a_repeated_or_late_result_keeps_the_first_measurements() {
    let mut scene = Scene::new();
    scene.submit("a", &spec_of(1, 2, MEASURED));
    scene.worker("slow", 1);
    scene.worker("fast", 1);
    let slow = scene.lease("slow", 0).expect("work");
    scene.pass(scene::LEASE_MS);
    let fast = scene.lease("fast", 0).expect("the lost cohort");
    scene.finish("fast", &fast);
    let kept = files(&scene.ledger);
    let before = scene.changes.len();
    let mut late = results_for(&slow);
    for result in &mut late {
        let measured = result.measurements.as_mut().expect("was asked for");
        measured.snapshots = Some("f".repeat(64));
    }
    assert!(!scene.complete("slow", &slow, late));
    assert!(scene.finish("fast", &fast), "told again");
    assert_eq!((files(&scene.ledger), scene.changes.len()), (kept, before));
}

#[test]
fn deleting_a_study_forgets_what_it_measured_and_lets_go_of_files_that_no_other_has() {
    let (mut stored, study) = Stored::ended();
    // Its first trial's runs keep the same copies.
    let other = stored.scene.submit("b", &spec_of(1, 2, &format!("{MEASURED}\n[final]\nskip = true")));
    while let Some(lease) = stored.scene.lease("w", 0) {
        stored.scene.finish("w", &lease);
    }
    stored.commit();
    stored.scene.tell(Command::DeleteStudy(study));
    let let_go =
        stored.commit().into_iter().filter(|change| matches!(change, Change::ArtifactUnneeded { .. }));
    assert_eq!(let_go.count(), 4, "its second trial's two and the final stage's two");
    assert_eq!((files(&stored.rebuilt()).len(), stored.rows()), (2, 2));
    assert_eq!(files(&stored.rebuilt()), files(&stored.scene.ledger));
    stored.scene.tell(Command::DeleteStudy(other));
    stored.commit();
    assert_eq!((files(&stored.rebuilt()).len(), stored.rows()), (0, 0));
}

#[test]
fn a_final_stage_that_is_done_again_keeps_the_last_one_s_measurements_alone() {
    let (mut stored, study) = Stored::ended();
    let before = files(&stored.scene.ledger);
    // A third trial, better than the others, so that the final stage is another.
    stored.scene.try_extend(study, &spec_of(3, 2, MEASURED)).expect("adds a value");
    stored.commit();
    assert_eq!(stored.rows(), 4);
    assert_eq!(files(&stored.rebuilt()).len(), 4);
    while let Some(lease) = stored.scene.lease("w", 0) {
        stored.scene.finish("w", &lease);
    }
    stored.commit();
    assert_eq!(stored.rows(), 7);
    assert_eq!(files(&stored.rebuilt()), files(&stored.scene.ledger));
    assert_eq!(before.difference(&files(&stored.scene.ledger)).count(), 2, "the old final stage's");
}

#[test]
fn rows_that_contradict_each_other_are_refused_with_the_study_s_name() {
    let spoil = |sql: &str| {
        let (stored, _) = Stored::ended();
        let Stored { store, folder, .. } = stored;
        let connection = Connection::open(folder.path().join("foldwise.db")).expect("opens");
        connection.execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}")).expect("writes");
        drop((store, connection));
        Sqlite::open(folder.path()).and_then(|store| store.load()).expect_err("contradicts itself")
    };
    let orphan = spoil("UPDATE measurement SET trial = 9 WHERE trial = 0 AND fold = 0");
    assert!(
        matches!(&orphan, StoreError::Damaged { first, .. } if first.contains("belongs to no run")),
        "{orphan}"
    );
    let digest =
        spoil("UPDATE measurement SET snapshots_digest = '../foldwise.db' WHERE trial = 0 AND fold = 0");
    assert!(digest.to_string().contains("is no digest of a file"), "{digest}");
    let early = spoil("UPDATE cohort SET state = 'ready' WHERE final_epochs IS NOT NULL");
    assert!(early.to_string().contains("a run without a result"), "{early}");
}
