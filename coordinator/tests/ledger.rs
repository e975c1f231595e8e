//! The ledger by its rules: what is leased, renewed, lost, finished, and that nothing is lost or kept twice.

mod scene;

use foldwise_coordinator::ledger::{
    Command, EndedAs, FailureKind, MemberResult, Order, Rejection, Stage, StudyPhase,
};
use scene::{LEASE_MS, Scene, spec, spec_of};

#[test]
fn a_study_goes_from_submission_to_its_final_stage_and_ends() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec(2, 5));
    scene.worker("w", 1);
    // Two trials of five folds fit one cohort.
    let lease = scene.lease("w", 0).expect("work");
    assert_eq!(lease.runs.len(), 10);
    assert!(scene.finish("w", &lease));
    let last = scene.lease("w", 0).expect("the final stage");
    assert_eq!((last.runs.len(), last.runs[0].fold), (1, 5));
    // Later trials score better in this scene.
    assert_eq!(last.runs[0].trial, 1);
    assert!(scene.finish("w", &last));
    assert!(matches!(scene.phase(study), StudyPhase::Ended { end: EndedAs::Succeeded, .. }));
    assert!(scene.lease("w", 0).is_none());
}

#[test]
fn a_repeated_request_makes_no_second_study_and_another_spec_is_refused() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec(1, 2));
    assert_eq!(scene.submit("a", &spec(1, 2)), study);
    let refused = scene.try_submit("a", &spec(2, 2)).expect_err("another spec");
    assert!(matches!(refused, Rejection::RequestReused { .. }));
    assert_ne!(scene.submit("b", &spec(1, 2)), study);
}

#[test]
fn a_silent_worker_loses_its_lease_and_the_next_attempt_has_the_next_number() {
    let mut scene = Scene::new();
    scene.submit("a", &spec(1, 3));
    scene.worker("dead", 1);
    scene.worker("alive", 1);
    let first = scene.lease("dead", 0).expect("work");
    assert!(scene.lease("alive", 0).is_none());
    scene.pass(LEASE_MS - 1);
    assert!(scene.lease("alive", 0).is_none());
    scene.pass(1);
    let second = scene.lease("alive", 0).expect("the lost cohort");
    assert_eq!((first.name.attempt, second.name.attempt), (1, 2));
    assert_eq!(second.runs, first.runs);
}

#[test]
fn progress_keeps_a_lease() {
    let mut scene = Scene::new();
    scene.submit("a", &spec(1, 3));
    scene.worker("w", 1);
    let lease = scene.lease("w", 0).expect("work");
    for _ in 0..10 {
        scene.pass(LEASE_MS / 2);
        assert_eq!(scene.progress("w", &lease), Order::Continue);
    }
    assert!(scene.finish("w", &lease));
}

#[test]
fn runs_that_stopped_early_count_as_whole() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec_of(2, 2, "[plan]\nwidth = 2"));
    scene.worker("w", 1);
    let first = scene.lease("w", 0).expect("work");
    scene.progress("w", &first);
    scene.pass(1000);
    let early = |mut results: Vec<MemberResult>| {
        results.iter_mut().for_each(|result| result.outcome.epochs.truncate(1));
        results
    };
    assert!(scene.complete("w", &first, early(scene.results_for(&first))));
    let progress = scene.ledger.studies()[&study].progress;
    assert!((progress.done - progress.total / 2.0).abs() < 1e-6, "{progress:?}");
    let left = progress.seconds_left().expect("is estimated");
    assert!((left - 1.0).abs() < 1e-9, "as long as the first half took, not {left}");
    let second = scene.lease("w", 0).expect("work");
    scene.complete("w", &second, early(scene.results_for(&second)));
    assert_eq!(scene.ledger.studies()[&study].counts().finished, 4);
    // The refit has as many epochs as the best of the runs had.
    let last = scene.lease("w", 0).expect("the final stage");
    assert_eq!(last.stage, Stage::Final { epochs: 1 });
    scene.finish("w", &last);
    assert!(matches!(scene.phase(study), StudyPhase::Ended { end: EndedAs::Succeeded, .. }));
}

#[test]
fn a_late_result_is_taken_while_its_cohort_is_open_and_the_other_attempt_stops() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec(1, 3));
    scene.worker("slow", 1);
    scene.worker("fast", 1);
    let slow = scene.lease("slow", 0).expect("work");
    scene.pass(LEASE_MS);
    let fast = scene.lease("fast", 0).expect("the lost cohort");
    assert_eq!(scene.progress("slow", &slow), Order::Continue, "nobody has finished it yet");
    assert!(scene.finish("slow", &slow));
    assert_eq!(scene.progress("fast", &fast), Order::Stop);
    assert!(!scene.finish("fast", &fast));
    assert!(scene.finish("slow", &slow), "the answer was lost: told again");
    assert_eq!(scene.results(study), 3, "each run is kept once");
}

#[test]
fn results_bring_the_slots_next_lease_and_the_same_one_when_the_answer_was_lost() {
    let mut scene = Scene::new();
    scene.submit("a", &spec_of(1, 2, "[plan]\nwidth = 1\n[final]\nskip = true"));
    scene.worker("w", 1);
    let first = scene.lease("w", 0).expect("work");
    let (kept, second) = scene.finish_and_go_on("w", &first, 0);
    let second = second.expect("a second cohort waits");
    assert!(kept && second.name.cohort != first.name.cohort);
    let (kept, again) = scene.finish_and_go_on("w", &first, 0);
    assert_eq!((kept, again.map(|grant| grant.name)), (true, Some(second.name)), "told again");
    assert_eq!(scene.lease("w", 0).expect("its lease").name, second.name, "asked for by itself");
    let (kept, none) = scene.finish_and_go_on("w", &second, 0);
    assert!(kept && none.is_none(), "no cohort waits any more");
}

#[test]
fn results_are_kept_though_the_slot_gets_no_more() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec_of(1, 2, "[plan]\nwidth = 1"));
    scene.worker("w", 1);
    let lease = scene.lease("w", 0).expect("work");
    scene.tell(Command::DrainWorker("w".to_owned()));
    let (kept, next) = scene.finish_and_go_on("w", &lease, 0);
    assert!(kept && next.is_none(), "a worker that drains gets none");
    scene.worker("other", 1);
    let lease = scene.lease("other", 0).expect("work");
    let (kept, next) = scene.finish_and_go_on("other", &lease, 7);
    assert!(kept && next.is_none(), "a slot that there is not gets none");
    assert_eq!(scene.results(study), 2);
}

#[test]
fn a_slot_that_asks_again_gets_the_same_lease() {
    let mut scene = Scene::new();
    scene.submit("a", &spec_of(2, 2, "[plan]\nwidth = 1"));
    scene.worker("w", 2);
    let first = scene.lease("w", 0).expect("work");
    assert_eq!(scene.lease("w", 0).expect("the same").name, first.name);
    assert_ne!(scene.lease("w", 1).expect("another").name, first.name);
}

#[test]
fn failures_are_tried_again_up_to_the_limit_and_then_the_study_has_no_winner() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec(1, 2));
    scene.worker("w", 1);
    for attempt in 1..=3 {
        let lease = scene.lease("w", 0).expect("another try");
        assert_eq!(lease.name.attempt, attempt);
        scene.fail("w", &lease, FailureKind::Crash);
    }
    let StudyPhase::Ended { end, message, .. } = scene.phase(study) else { panic!("goes on") };
    assert_eq!(end, EndedAs::Failed);
    assert!(message.contains("failed fold"), "{message}");
}

#[test]
fn handing_back_costs_no_attempt() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec(1, 2));
    scene.worker("w", 1);
    for _ in 0..10 {
        let lease = scene.lease("w", 0).expect("work");
        scene.fail("w", &lease, FailureKind::Released);
    }
    assert_eq!(scene.phase(study), StudyPhase::Searching);
}

#[test]
fn a_cohort_too_large_for_memory_is_split_in_halves() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec(1, 5));
    scene.worker("w", 2);
    let whole = scene.lease("w", 0).expect("work");
    scene.fail("w", &whole, FailureKind::OutOfMemory);
    let halves = [scene.lease("w", 0).expect("a half"), scene.lease("w", 1).expect("a half")];
    assert_eq!(halves.each_ref().map(|half| half.runs.len()), [3, 2]);
    assert_eq!([halves[0].runs.clone(), halves[1].runs.clone()].concat(), whole.runs);
    for (slot, half) in halves.iter().enumerate() {
        assert!(scene.finish("w", half), "slot {slot}");
    }
    assert_eq!(scene.results(study), 5);
    assert!(matches!(scene.phase(study), StudyPhase::Finishing { trial: 0 }));
}

#[test]
fn cancelling_stops_workers_and_refuses_their_results() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec(1, 2));
    scene.worker("w", 1);
    let lease = scene.lease("w", 0).expect("work");
    scene.cancel(study);
    assert_eq!(scene.progress("w", &lease), Order::Stop);
    assert!(!scene.finish("w", &lease));
    assert!(scene.lease("w", 0).is_none());
}

#[test]
fn a_diverged_member_fails_alone() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec(2, 2));
    scene.worker("w", 1);
    let lease = scene.lease("w", 0).expect("work");
    let mut results = scene.results_for(&lease);
    scene::diverge(&mut results[3], 1);
    assert!(scene.complete("w", &lease, results));
    // Trial 1 would score better, but one of its folds diverged.
    assert_eq!(scene.phase(study), StudyPhase::Finishing { trial: 0 });
}

#[test]
fn wrong_results_and_unknown_workers_are_refused() {
    let mut scene = Scene::new();
    scene.submit("a", &spec(1, 2));
    scene.worker("w", 1);
    let lease = scene.lease("w", 0).expect("work");
    let mut results = scene.results_for(&lease);
    results.pop();
    assert!(matches!(scene.try_complete("w", &lease, results), Err(Rejection::WrongResults { .. })));
    assert!(matches!(scene.try_lease("stranger", 0), Err(Rejection::NoWorker(_))));
    assert!(matches!(scene.try_lease("w", 7), Err(Rejection::NoSlot { .. })));
    assert!(scene.finish("w", &lease), "what was refused changed nothing");
}

#[test]
fn values_can_be_added_before_those_that_a_study_has_and_nothing_else_changed() {
    let mut scene = Scene::new();
    let study = scene.submit("a", &spec(2, 3));
    let more = spec(2, 3).replace("[0.0010", "[0.0005, 0.0010");
    scene.try_extend(study, &more).expect("adds");
    assert_eq!(scene.ledger.studies()[&study].record.trials.len(), 3);
    let other = more.replace("epochs = 2", "epochs = 3");
    let refused = scene.try_extend(study, &other).expect_err("another study");
    assert!(refused.contains("train: differs"), "{refused}");
}

#[test]
fn nobody_tells_epochs_of_runs_that_are_not_of_its_cohort() {
    let mut scene = Scene::new();
    scene.submit("a", &spec_of(2, 3, "[plan]\nwidth = 1"));
    scene.worker("one", 1);
    scene.worker("other", 1);
    let (one, other) = (scene.lease("one", 0).expect("work"), scene.lease("other", 0).expect("work"));
    assert_ne!(one.name.cohort, other.name.cohort);
    let tell = |scene: &mut Scene, run, epoch| {
        let record = scene::epoch(epoch, 0.5);
        scene.handle(Command::Progress {
            worker: "one".to_owned(),
            lease: one.name,
            epochs: vec![(run, record)],
        })
    };
    tell(&mut scene, one.runs[0], 1).expect("its own");
    for (run, epoch) in [(other.runs[0], 1), (one.runs[0], 0), (one.runs[0], 3)] {
        let refused = tell(&mut scene, run, epoch).expect_err("none of its");
        assert!(matches!(refused, Rejection::WrongResults { .. }), "{refused}");
    }
}

#[test]
fn a_worker_that_is_long_gone_is_forgotten_unless_it_has_a_lease() {
    let mut scene = Scene::new();
    scene.submit("a", &spec(2, 3));
    ["gone", "calls"].into_iter().for_each(|worker| scene.worker(worker, 1));
    for _ in 0..70 {
        scene.pass(60 * 1000);
        let _ = scene.tell(Command::Lease { worker: "calls".to_owned(), slot: 0 });
        scene.tell(Command::Tick);
    }
    let known: Vec<_> = scene.ledger.workers().keys().cloned().collect();
    assert_eq!(known, ["calls"]);
}
