//! What a person does to a study under way or after its end, by the ledger's rules.

mod scene;

use foldwise_coordinator::ledger::{
    Change, CohortState, Command, EndedAs, FailureKind, Order, Rejection, Reply, StudyPhase,
};
use scene::{LEASE_MS, Scene, checkpoint_of, diverge, repeated_spec, spec_of};

/// One trial to a cohort, so that a study has several.
const LONE: &str = "[plan]\nwidth = 2\n[limits]\nattempts = 1";

#[test]
fn a_paused_study_hands_out_nothing_and_has_what_is_out_handed_back() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec_of(2, 2, LONE));
    scene.worker("w", 2);
    let lease = scene.lease("w", 0).expect("work");
    scene.tell(Command::PauseStudy(study));
    assert_eq!(scene.progress("w", &lease), Order::HandBack);
    assert!(scene.lease("w", 1).is_none());
    scene.fail("w", &lease, FailureKind::Released);
    assert!(scene.lease("w", 0).is_none());
    scene.tell(Command::ResumeStudy(study));
    let again = scene.lease("w", 0).expect("work");
    assert_eq!((again.name.cohort, again.name.attempt), (lease.name.cohort, 2));
    assert_eq!(scene.ledger.studies()[&study].cohorts[0].failures, 0, "handing back costs nothing");
}

#[test]
fn what_a_paused_study_has_out_may_still_end() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec_of(1, 2, LONE));
    scene.worker("w", 1);
    let lease = scene.lease("w", 0).expect("work");
    scene.tell(Command::PauseStudy(study));
    assert!(scene.finish("w", &lease));
    assert!(matches!(scene.phase(study), StudyPhase::Finishing { .. }));
    assert!(scene.lease("w", 0).is_none(), "the final stage waits too");
}

#[test]
fn a_study_that_ended_while_it_was_held_goes_on_when_it_is_extended() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &repeated_spec(1, 1, LONE));
    scene.worker("w", 1);
    let lease = scene.lease("w", 0).expect("work");
    scene.finish("w", &lease);
    let last = scene.lease("w", 0).expect("the final stage");
    scene.tell(Command::PauseStudy(study));
    scene.finish("w", &last);
    scene.try_extend(study, &repeated_spec(2, 1, LONE)).expect("adds");
    assert!(scene.lease("w", 0).is_some());
}

#[test]
fn a_study_that_is_over_cannot_be_paused() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec_of(1, 2, LONE));
    scene.cancel(study);
    let refused = scene.handle(Command::PauseStudy(study)).expect_err("is over");
    assert!(matches!(refused, Rejection::Over { .. }), "{refused}");
}

#[test]
fn failed_runs_are_tried_again_and_the_final_stage_is_done_again() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec_of(2, 2, LONE));
    scene.worker("w", 1);
    let first = scene.lease("w", 0).expect("work");
    scene.fail("w", &first, FailureKind::Data);
    let second = scene.lease("w", 0).expect("work");
    scene.finish("w", &second);
    let last = scene.lease("w", 0).expect("the final stage");
    assert_eq!(last.runs[0].trial, 1, "trial 0 failed");
    scene.finish("w", &last);
    assert!(matches!(scene.phase(study), StudyPhase::Ended { end: EndedAs::Succeeded, .. }));

    scene.tell(Command::RetryStudy(study));
    assert_eq!(scene.phase(study), StudyPhase::Searching);
    let again = scene.lease("w", 0).expect("what failed");
    assert_eq!((again.runs.clone(), again.name.attempt), (first.runs.clone(), 2));
    scene.finish("w", &again);
    let last = scene.lease("w", 0).expect("the final stage again");
    scene.finish("w", &last);
    let entry = &scene.ledger.studies()[&study];
    assert!(entry.is_over());
    assert_eq!(entry.tests(), 2, "the test set was measured twice, and that is known");
    assert_eq!(scene.results(study), 4, "each run of the search has one result");
}

#[test]
fn retrying_where_nothing_failed_changes_nothing() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec_of(1, 2, LONE));
    scene.worker("w", 1);
    for _ in 0..2 {
        let lease = scene.lease("w", 0).expect("work");
        scene.finish("w", &lease);
    }
    let changes = scene.changes.len();
    scene.tell(Command::RetryStudy(study));
    assert_eq!(scene.changes.len(), changes);
    assert!(scene.ledger.studies()[&study].is_over());
}

#[test]
fn a_cancelled_study_goes_on_where_it_was() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec_of(2, 2, LONE));
    scene.worker("w", 1);
    let done = scene.lease("w", 0).expect("work");
    scene.finish("w", &done);
    let open = scene.lease("w", 0).expect("work");
    scene.checkpoint("w", &open, 1);
    scene.cancel(study);
    scene.tell(Command::RetryStudy(study));
    let again = scene.lease("w", 0).expect("work");
    assert_eq!(again.runs, open.runs);
    assert_eq!(again.checkpoint, Some(checkpoint_of(&open, 1)), "from its checkpoint");
}

#[test]
fn an_extension_keeps_what_is_done_and_adds_the_rest() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &repeated_spec(1, 1, LONE));
    scene.worker("w", 1);
    let lease = scene.lease("w", 0).expect("work");
    scene.finish("w", &lease);
    let last = scene.lease("w", 0).expect("the final stage");
    scene.finish("w", &last);
    let before = scene.ledger.studies()[&study].runs.clone();

    scene.try_extend(study, &repeated_spec(2, 2, LONE)).expect("adds");
    let entry = &scene.ledger.studies()[&study];
    assert_eq!((entry.record.trials.len(), entry.record.folds()), (2, 4));
    assert_eq!(entry.runs[..2], before[..], "the first repeat of the first trial");
    assert_eq!(entry.counts().queued, 6);
    let mut trained = Vec::new();
    while !scene.ledger.studies()[&study].is_over() {
        let lease = scene.lease("w", 0).expect("work");
        trained.extend(lease.runs.iter().map(|run| (run.trial, run.fold)));
        scene.finish("w", &lease);
    }
    trained.sort_unstable();
    let fresh = vec![(0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3)];
    assert_eq!(trained, [fresh, vec![(1, 4)]].concat(), "the new runs, and the final stage again");
}

#[test]
fn an_extension_that_changes_or_leaves_out_is_refused_at_its_place() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &repeated_spec(2, 1, LONE));
    let other_batch = repeated_spec(2, 1, LONE).replace("batch_size = 100", "batch_size = 50");
    let fewer = repeated_spec(1, 1, LONE);
    let other_folds = repeated_spec(2, 1, LONE).replace("folds = 2", "folds = 3");
    for (spec, expected) in [
        (other_batch, "`train`"),
        (fewer, "leaves out trial 1"),
        (other_folds, "gives other folds"),
        (repeated_spec(2, 1, LONE).replace("train_rows = 300", "train_rows = 200"), "`data`"),
    ] {
        let refused = scene.try_extend(study, &spec).expect_err("changes what there is");
        assert!(refused.contains(expected.trim_matches('`')), "{expected}: {refused}");
    }
    assert_eq!(scene.try_extend(study, &repeated_spec(2, 1, LONE)), Ok(Reply::Study(study)), "nothing new");
}

#[test]
fn a_study_is_deleted_when_it_is_over_with_the_files_that_no_other_needs() {
    let mut scene = Scene::new();
    scene.worker("w", 1);
    let finish = |scene: &mut Scene, request: &str| {
        let study = scene.submit(request, &spec_of(1, 2, LONE));
        for _ in 0..2 {
            let lease = scene.lease("w", 0).expect("work");
            scene.finish("w", &lease);
        }
        study
    };
    let running = scene.submit("running", &spec_of(1, 2, LONE));
    assert!(matches!(scene.handle(Command::DeleteStudy(running)), Err(Rejection::NotOver(_))));
    scene.cancel(running);
    // Two studies of the same spec end with the same weights.
    let (one, other) = (finish(&mut scene, "one"), finish(&mut scene, "other"));
    let dropped = |scene: &Scene| {
        let dropped = |change: &&Change| matches!(change, Change::ArtifactUnneeded { .. });
        scene.changes.iter().filter(dropped).count()
    };
    scene.tell(Command::DeleteStudy(one));
    assert_eq!(dropped(&scene), 0, "the other study needs them");
    scene.tell(Command::DeleteStudy(other));
    assert_eq!(dropped(&scene), 1);
    assert!(matches!(scene.ledger.find("one"), Err(Rejection::NoStudy(_))));
    assert!(scene.submit("one", &spec_of(1, 2, LONE)) > other, "its number is not given again");
}

#[test]
fn a_draining_worker_gets_nothing_more_and_is_told_so() {
    let mut scene = Scene::new();
    scene.submit("a", &spec_of(3, 2, LONE));
    scene.worker("w", 2);
    let lease = scene.lease("w", 0).expect("work");
    scene.tell(Command::DrainWorker("w".to_owned()));
    assert_eq!(scene.progress("w", &lease), Order::Drain);
    let asked = scene.tell(Command::Lease { worker: "w".to_owned(), slot: 1 });
    assert_eq!(asked, Reply::Drained);
    let unknown = scene.handle(Command::DrainWorker("nobody".to_owned())).expect_err("is not there");
    assert!(matches!(unknown, Rejection::UnknownWorker(_)));
}

#[test]
fn the_newest_checkpoint_is_kept_and_given_to_who_goes_on() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec_of(1, 2, "").replace("epochs = 2", "epochs = 9"));
    scene.worker("slow", 1);
    scene.worker("fast", 1);
    let slow = scene.lease("slow", 0).expect("work");
    assert_eq!(scene.checkpoint("slow", &slow, 2), Reply::CheckpointKept(true));
    assert_eq!(scene.checkpoint("slow", &slow, 1), Reply::CheckpointKept(false), "is older");
    assert_eq!(scene.checkpoint("slow", &slow, 10), Reply::CheckpointKept(false), "there is no such epoch");
    assert_eq!(scene.checkpoint("slow", &slow, 2), Reply::CheckpointKept(true), "the answer was lost");
    scene.pass(LEASE_MS);
    let fast = scene.lease("fast", 0).expect("the lost cohort");
    assert_eq!(fast.checkpoint, Some(checkpoint_of(&slow, 2)));
    assert_eq!(scene.checkpoint("slow", &slow, 3), Reply::CheckpointKept(true), "a late one is as good");
    scene.finish("fast", &fast);
    assert_eq!(scene.checkpoint("slow", &slow, 4), Reply::CheckpointKept(false), "the cohort has ended");
    assert_eq!(scene.ledger.artifacts().count(), 0);
    assert!(matches!(scene.ledger.studies()[&study].cohorts[0].state, CohortState::Done { .. }));
}

#[test]
fn how_an_attempt_failed_is_known() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec_of(1, 2, ""));
    scene.worker("w", 1);
    let lease = scene.lease("w", 0).expect("work");
    scene.fail("w", &lease, FailureKind::Hang);
    let failure = scene.ledger.studies()[&study].cohorts[0].failure.clone().expect("is known");
    assert_eq!((failure.kind, failure.attempt, failure.worker.as_str()), (FailureKind::Hang, 1, "w"));
    let lease = scene.lease("w", 0).expect("work");
    let mut results = scene.results_for(&lease);
    diverge(&mut results[0], 1);
    scene.complete("w", &lease, results);
    let counts = scene.ledger.studies()[&study].counts();
    assert_eq!((counts.finished, counts.failed), (1, 1));
}
