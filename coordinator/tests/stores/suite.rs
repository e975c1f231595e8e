//! What every store must do.

use std::collections::BTreeMap;

use foldwise_coordinator::ledger::{
    Change, Command, EndedAs, FailureKind, Ledger, Snapshot, StudyId, StudyPhase,
};
use foldwise_coordinator::store::{Store, StoreError, StoredRun};

use crate::reopened;
use crate::scene::{Scene, config, diverge, repeated_spec, results_for, spec_of};

const MEASURED: &str = "[measure]\nsnapshots = { every = 1 }";

/// A database that is there for one test.
pub(crate) trait Database {
    fn open(&self) -> Result<Box<dyn Store>, StoreError>;
}

type Test = fn(&dyn Database);

/// Every test, with its name.
pub(crate) const ALL: &[(&str, Test)] = &[
    ("what_was_never_written_is_empty", what_was_never_written_is_empty),
    ("everything_that_can_happen_is_read_back", everything_that_can_happen_is_read_back),
    ("a_failed_transaction_keeps_nothing", a_failed_transaction_keeps_nothing),
    ("results_are_read_while_others_are_written", results_are_read_while_others_are_written),
    ("a_deleted_study_leaves_nothing_but_its_number", a_deleted_study_leaves_nothing_but_its_number),
    ("texts_are_kept_as_they_are", texts_are_kept_as_they_are),
    ("a_wide_study_is_written_and_read_whole", a_wide_study_is_written_and_read_whole),
    ("one_coordinator_has_it", one_coordinator_has_it),
];

fn commit(store: &mut dyn Store, scene: &mut Scene) {
    store.commit(&std::mem::take(&mut scene.changes)).expect("commits");
}

/// What is left of a ledger after a restart, as text; when leases end is not among it.
fn rebuilt(store: &dyn Store, scene: &Scene) -> Ledger {
    let ledger = Ledger::rebuild(config(), store.load().expect("loads"), scene.now);
    ledger.check(scene.now).expect("the invariants hold");
    ledger
}

fn assert_kept(store: &dyn Store, scene: &Scene) {
    let told = |ledger: &Ledger| {
        let study = |(number, study): (&StudyId, &foldwise_coordinator::ledger::Study)| {
            let cohorts: Vec<String> = study
                .cohorts
                .iter()
                .map(|cohort| {
                    let state = format!("{:?}", cohort.state);
                    let state = state.split("expires_ms").next().unwrap_or_default().to_owned();
                    let (attempt, failures) = (cohort.attempt, cohort.failures);
                    format!(
                        "{:?} {attempt} {failures} {state} {:?} {:?}",
                        cohort.runs, cohort.failure, cohort.checkpoint
                    )
                })
                .collect();
            let ends: Vec<_> = study.runs.iter().map(|run| run.end).collect();
            format!(
                "{number} {:?} {} {} {:?} {:?} {:?} {:?} {:?} {ends:?} {cohorts:#?}",
                study.phase,
                study.paused,
                study.priority,
                study.device,
                study.winner,
                study.weights,
                study.snapshots,
                record_of(study),
            )
        };
        ledger.studies().iter().map(study).collect::<Vec<_>>()
    };
    assert_eq!(told(&rebuilt(store, scene)), told(&scene.ledger));
}

/// What was submitted.
fn record_of(study: &foldwise_coordinator::ledger::Study) -> String {
    let record = &study.record;
    format!(
        "{} {} {} {:?} {:?} {} {} {} {:?}",
        record.request_id,
        record.spec_text,
        record.spec_json,
        record.earlier,
        record.sizes,
        record.data_digest,
        record.folds_digest,
        record.created_unix_ms,
        study.profile.as_ref().map(|profile| &profile.name),
    )
}

fn what_was_never_written_is_empty(database: &dyn Database) {
    let store = database.open().expect("opens");
    let Snapshot { studies, last_study, .. } = store.load().expect("loads");
    assert_eq!((studies.len(), last_study), (0, 0));
    assert!(store.results().runs(1).expect("reads").is_empty());
    drop(store);
    assert!(reopened(database).load().expect("loads again").studies.is_empty());
}

/// Every kind of change.
const KINDS: [&str; 16] = [
    "StudyCreated",
    "StudyPlanned",
    "StudyExtended",
    "StudyPaused",
    "StudyPrioritized",
    "StudyReopened",
    "StudyDeleted",
    "CohortAdded",
    "CohortLeased",
    "CohortReturned",
    "CohortRetried",
    "CohortCheckpointed",
    "ArtifactUnneeded",
    "CohortFailed",
    "CohortDone",
    "StudyEnded",
];

/// A history with every kind of change in it, compared after each step with what the store has.
fn everything_that_can_happen_is_read_back(database: &dyn Database) {
    let mut store = database.open().expect("opens");
    let mut scene = Scene::new();
    let mut seen = BTreeMap::new();
    let mut step = |scene: &mut Scene, store: &mut Box<dyn Store>| {
        for change in &scene.changes {
            let name = format!("{change:?}");
            *seen.entry(name.split([' ', '{']).next().unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
        commit(store.as_mut(), scene);
        assert_kept(store.as_ref(), scene);
    };
    scene.worker("w", 4);
    scene.worker("v", 1);
    let more = format!("[plan]\nwidth = 2\n[limits]\nattempts = 2\n{MEASURED}");
    let study = scene.submit("a", &repeated_spec(3, 1, &more));
    step(&mut scene, &mut store);
    let [first, second] = [0, 1].map(|slot| scene.lease("w", slot).expect("work"));
    step(&mut scene, &mut store);
    scene.checkpoint("w", &first, 1);
    scene.fail("w", &first, FailureKind::Crash);
    step(&mut scene, &mut store);
    scene.fail("w", &second, FailureKind::OutOfMemory);
    step(&mut scene, &mut store);
    for _ in 0..2 {
        let lease = scene.lease("v", 0).expect("work");
        scene.fail("v", &lease, FailureKind::Data);
        step(&mut scene, &mut store);
    }
    scene.tell(Command::PauseStudy(study));
    scene.tell(Command::PrioritizeStudy { study, priority: -3 });
    step(&mut scene, &mut store);
    scene.tell(Command::ResumeStudy(study));
    step(&mut scene, &mut store);
    let lease = scene.lease("w", 2).expect("work");
    let mut results = results_for(&lease);
    diverge(&mut results[0], 1);
    scene.complete("w", &lease, results);
    step(&mut scene, &mut store);
    // It ends with some runs failed, goes on with them and with more, and ends again with another final stage.
    for trials in [4, 5] {
        while let Some(lease) = scene.lease("w", 3) {
            scene.finish("w", &lease);
            step(&mut scene, &mut store);
        }
        assert!(matches!(scene.phase(study), StudyPhase::Ended { .. }));
        let _ = scene.handle(Command::RetryStudy(study));
        scene.try_extend(study, &repeated_spec(trials, 2, &more)).expect("is extended");
        step(&mut scene, &mut store);
    }
    scene.cancel(study);
    step(&mut scene, &mut store);
    assert!(matches!(scene.phase(study), StudyPhase::Ended { end: EndedAs::Cancelled, .. }));
    scene.tell(Command::DeleteStudy(study));
    step(&mut scene, &mut store);
    for kind in KINDS {
        assert!(seen.contains_key(kind), "no {kind} in this history: {seen:?}");
    }
}

fn a_failed_transaction_keeps_nothing(database: &dyn Database) {
    let mut store = database.open().expect("opens");
    let mut scene = Scene::new();
    scene.submit("a", &spec_of(2, 2, ""));
    commit(store.as_mut(), &mut scene);
    let before = rebuilt(store.as_ref(), &scene).studies().len();
    // The last of these changes makes a study that is there already.
    scene.submit("b", &spec_of(2, 2, ""));
    let again = scene.changes.iter().find(|change| matches!(change, Change::StudyCreated { .. })).cloned();
    scene.changes.extend(again);
    let refused = store.commit(&scene.changes).expect_err("is there already");
    assert!(!refused.to_string().is_empty());
    assert_eq!(rebuilt(store.as_ref(), &scene).studies().len(), before);
    // The store goes on.
    scene.changes.pop();
    commit(store.as_mut(), &mut scene);
    assert_kept(store.as_ref(), &scene);
}

fn results_are_read_while_others_are_written(database: &dyn Database) {
    let mut store = database.open().expect("opens");
    let results = store.results();
    let mut scene = Scene::new();
    scene.worker("w", 1);
    let study = scene.submit("a", &spec_of(2, 2, MEASURED));
    let mut count = 0;
    while let Some(lease) = scene.lease("w", 0) {
        let handed_in = results_for(&lease);
        scene.complete("w", &lease, handed_in.clone());
        commit(store.as_mut(), &mut scene);
        let stored = results.runs(study).expect("reads");
        count += handed_in.len();
        assert_eq!(stored.len(), count);
        for result in handed_in {
            let found = stored.iter().find(|run| run.run == result.run).expect("is there");
            let measured = result.measurements.expect("was asked for");
            assert_eq!(serde_json::to_string(&found.outcome.measurements).expect("json"), measured.json);
            assert_eq!(
                (&found.outcome.epochs, &found.weights_digest, found.attempt),
                (&result.outcome.epochs, &result.weights_digest, 1)
            );
        }
        assert!(stored.is_sorted_by_key(|run| run.run));
    }
    let of_one: Vec<StoredRun> = results.trial(study, 1).expect("reads");
    assert!(of_one.iter().all(|run| run.run.trial == 1 && run.outcome.measurements.is_none()));
    assert!(of_one.len() >= 2);
    drop(store);
    assert_eq!(reopened(database).results().runs(study).expect("reads").len(), count);
}

fn a_deleted_study_leaves_nothing_but_its_number(database: &dyn Database) {
    let mut store = database.open().expect("opens");
    let mut scene = Scene::new();
    scene.worker("w", 1);
    let study = scene.submit("a", &spec_of(1, 2, MEASURED));
    while let Some(lease) = scene.lease("w", 0) {
        scene.finish("w", &lease);
    }
    scene.tell(Command::DeleteStudy(study));
    commit(store.as_mut(), &mut scene);
    drop(store);
    let mut store = reopened(database);
    let Snapshot { studies, last_study, .. } = store.load().expect("loads");
    assert_eq!((studies.len(), last_study), (0, study));
    assert!(store.results().runs(study).expect("reads").is_empty());
    assert_eq!(scene.submit("a", &spec_of(1, 2, "")), study + 1, "the request's id is free again");
    commit(store.as_mut(), &mut scene);
    assert_kept(store.as_ref(), &scene);
}

fn texts_are_kept_as_they_are(database: &dyn Database) {
    let mut store = database.open().expect("opens");
    let mut scene = Scene::new();
    scene.worker("w", 1);
    let name = "'; DROP TABLE run; -- ?1 $1 \u{1F9EA} ünïcödé \\ \"";
    let request = scene.submit(name, &spec_of(1, 2, "# '); -- ?2 $2"));
    let lease = scene.lease("w", 0).expect("work");
    let mut results = results_for(&lease);
    name.clone_into(&mut results[0].device_model);
    results[0].software = "a\nb\tc".to_owned();
    scene.complete("w", &lease, results);
    commit(store.as_mut(), &mut scene);
    assert_kept(store.as_ref(), &scene);
    let stored = store.results().runs(request).expect("reads");
    assert!(stored.iter().any(|run| run.device_model == name && run.software == "a\nb\tc"));
    // What a program says when it dies may be anything.
    let study = scene.submit("b", &spec_of(1, 2, ""));
    let lease = scene.lease("w", 0).expect("work");
    let failure =
        foldwise_coordinator::ledger::Failure { kind: FailureKind::Crash, message: "a\0b".to_owned() };
    scene.tell(Command::Fail { worker: "w".to_owned(), lease: lease.name, failure });
    commit(store.as_mut(), &mut scene);
    let ledger = rebuilt(store.as_ref(), &scene);
    let failure = ledger.studies()[&study].cohorts[0]
        .failure
        .as_ref()
        .or(ledger.studies()[&request].cohorts.iter().find_map(|cohort| cohort.failure.as_ref()));
    let message = &failure.expect("was noted").message;
    assert!(message.starts_with('a') && message.ends_with('b'), "{message:?}");
}

fn a_wide_study_is_written_and_read_whole(database: &dyn Database) {
    let mut store = database.open().expect("opens");
    let mut scene = Scene::new();
    scene.worker("w", 64);
    scene.submit("a", &spec_of(900, 3, "[plan]\nwidth = 1"));
    for slot in 0..64 {
        let lease = scene.lease("w", slot).expect("work");
        scene.finish("w", &lease);
    }
    commit(store.as_mut(), &mut scene);
    assert_kept(store.as_ref(), &scene);
    assert_eq!(store.results().runs(1).expect("reads").len(), 64);
}

fn one_coordinator_has_it(database: &dyn Database) {
    let store = database.open().expect("opens");
    let refused = database.open().expect_err("another has it");
    assert!(refused.to_string().contains("another coordinator"), "{refused}");
    drop(store);
    drop(reopened(database));
}
