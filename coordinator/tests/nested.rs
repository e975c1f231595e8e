//! Nested cross-validation in the ledger: what the search chooses within each outer fold is trained once, and judged.

mod scene;

use foldwise_coordinator::ledger::{
    Change, EndedAs, FailureKind, LeaseGrant, Ledger, Stage, StudyId, StudyPhase,
};
use foldwise_coordinator::store::{Sqlite, Store};
use foldwise_study::plan::RunId;
use scene::{LEASE_MS, Scene, config, diverge, nested_spec, repeated_spec};

/// Two trials, two folds, and two folds within each of two outer folds.
const RUNS: usize = 2 * 6;

/// Trains the search to its end; later trials score better in this scene.
fn search(scene: &mut Scene, study: StudyId) {
    while scene.phase(study) == StudyPhase::Searching {
        let lease = scene.lease("w", 0).expect("work");
        assert_eq!(lease.stage, Stage::Search);
        assert!(scene.finish("w", &lease));
    }
}

fn leases(scene: &mut Scene) -> Vec<LeaseGrant> {
    (0..3).filter_map(|slot| scene.lease("w", slot)).map(|lease| *lease).collect()
}

fn begun(more: &str) -> (Scene, StudyId) {
    let mut scene = Scene::new();
    let study = scene.submit("a", &nested_spec(2, 1, more));
    scene.worker("w", 3);
    (scene, study)
}

#[test]
fn the_winner_and_every_outer_folds_choice_are_trained_when_the_search_is_over() {
    let (mut scene, study) = begun("");
    search(&mut scene, study);
    assert_eq!(scene.results(study), RUNS);
    let last = leases(&mut scene);
    let stages: Vec<Stage> = last.iter().map(|lease| lease.stage).collect();
    let outer = |fold| Stage::Outer { fold, epochs: 2 };
    assert_eq!(stages, [Stage::Final { epochs: 2 }, outer(0), outer(1)]);
    let runs: Vec<RunId> = last.iter().map(|lease| lease.runs[0]).collect();
    assert_eq!(runs, [6, 7, 8].map(|fold| RunId { trial: 1, fold }), "after the folds of the search");
    for lease in &last[..2] {
        assert!(scene.finish("w", lease));
    }
    assert_eq!(scene.phase(study), StudyPhase::Finishing { trial: 1 });
    assert!(scene.finish("w", &last[2]));
    assert!(matches!(scene.phase(study), StudyPhase::Ended { end: EndedAs::Succeeded, .. }));
    assert_eq!(scene.ledger.studies()[&study].tests(), 1, "outer folds leave the test set alone");
}

#[test]
fn the_choice_within_an_outer_fold_is_its_own() {
    let (mut scene, study) = begun("[plan]\nwidth = 1");
    while scene.phase(study) == StudyPhase::Searching {
        let lease = scene.lease("w", 0).expect("work");
        let mut results = scene.results_for(&lease);
        // Within outer fold 1 the better trial fails, and within outer fold 0 none can be chosen.
        let within_1 = lease.runs[0] == RunId { trial: 1, fold: 5 };
        if within_1 || lease.runs[0].fold == 2 {
            diverge(&mut results[0], 1);
        }
        scene.complete("w", &lease, results);
    }
    let last = leases(&mut scene);
    let found: Vec<(Stage, u32)> = last.iter().map(|lease| (lease.stage, lease.runs[0].trial)).collect();
    assert_eq!(found, [(Stage::Final { epochs: 2 }, 1), (Stage::Outer { fold: 1, epochs: 2 }, 0)]);
    last.iter().for_each(|lease| assert!(scene.finish("w", lease)));
    assert!(matches!(scene.phase(study), StudyPhase::Ended { end: EndedAs::Succeeded, .. }));
}

#[test]
fn an_outer_fold_that_fails_takes_nothing_from_the_winner_and_can_be_retried() {
    let (mut scene, study) = begun("[limits]\nattempts = 1\n[final]\nskip = true");
    search(&mut scene, study);
    let last = leases(&mut scene);
    assert_eq!(last.len(), 2, "no final stage");
    scene.fail("w", &last[0], FailureKind::Crash);
    assert!(scene.finish("w", &last[1]));
    assert!(matches!(scene.phase(study), StudyPhase::Ended { end: EndedAs::Succeeded, .. }));
    scene.tell(foldwise_coordinator::ledger::Command::RetryStudy(study));
    let again = leases(&mut scene);
    assert_eq!(again.len(), 2, "both are trained again");
    again.iter().for_each(|lease| assert!(scene.finish("w", lease)));
    assert!(matches!(scene.phase(study), StudyPhase::Ended { end: EndedAs::Succeeded, .. }));
    assert!(!scene.ledger.studies()[&study].has_failed_cohort());
}

#[test]
fn a_study_that_has_ended_can_be_judged_after_all_and_no_repeats_come_after_that() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &repeated_spec(2, 1, ""));
    scene.worker("w", 3);
    search(&mut scene, study);
    leases(&mut scene).iter().for_each(|lease| assert!(scene.finish("w", lease)));
    scene.try_extend(study, &nested_spec(2, 1, "")).expect("only adds");
    let before = scene.results(study);
    search(&mut scene, study);
    assert_eq!(scene.results(study) - before, RUNS - 4, "what was done is kept");
    assert_eq!(leases(&mut scene).len(), 3);
    let refused = scene.try_extend(study, &nested_spec(2, 2, "")).expect_err("would move the outer folds");
    assert!(refused.contains("gives other folds than the study has"), "{refused}");
    let refused = scene.try_extend(study, &repeated_spec(2, 1, "")).expect_err("leaves the outer folds out");
    assert!(refused.contains("gives other folds than the study has"), "{refused}");
}

#[test]
fn a_coordinator_that_dies_knows_its_outer_folds_again() {
    let folder = tempfile::tempdir().expect("folder");
    let mut store = Sqlite::open(folder.path()).expect("opens");
    let (mut scene, study) = begun("");
    search(&mut scene, study);
    let last = leases(&mut scene);
    assert!(scene.finish("w", &last[1]));
    store.commit(&std::mem::take(&mut scene.changes)).expect("commits");
    scene.ledger = Ledger::rebuild(config(), store.load().expect("loads"), scene.now);
    assert_eq!(scene.phase(study), StudyPhase::Finishing { trial: 1 });
    scene.pass(LEASE_MS);
    scene.worker("w", 3);
    let again = leases(&mut scene);
    let stages: Vec<Stage> = again.iter().map(|lease| lease.stage).collect();
    assert_eq!(stages, [last[0].stage, last[2].stage]);
    again.iter().for_each(|lease| assert!(scene.finish("w", lease)));
    assert!(matches!(scene.phase(study), StudyPhase::Ended { end: EndedAs::Succeeded, .. }));
    let reopened = |change: &Change| matches!(change, Change::StudyReopened { .. });
    scene.tell(foldwise_coordinator::ledger::Command::RetryStudy(study));
    assert!(!scene.changes.iter().any(reopened), "nothing failed");
}
