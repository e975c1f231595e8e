//! Which study a free slot gets work of: priorities, fair shares and turns.

mod scene;

use std::collections::BTreeMap;

use foldwise_coordinator::ledger::{Change, Command, EndedAs, Order, Rejection, StudyId, StudyPhase};
use scene::{Scene, repeated_spec, spec_of};

/// One trial of two folds to a cohort.
const LONE: &str = "[plan]\nwidth = 2";

fn spec(trials: usize) -> String {
    spec_of(trials, 2, LONE)
}

fn with_priority(priority: i32, spec: &str) -> String {
    format!("priority = {priority}\n{spec}")
}

/// Slots of worker `w` by study, once each of the first `slots` that is free has asked for work.
fn holders(scene: &mut Scene, slots: u32) -> BTreeMap<StudyId, usize> {
    let mut held = BTreeMap::new();
    for slot in 0..slots {
        if let Some(lease) = scene.lease("w", slot) {
            *held.entry(lease.name.study).or_default() += 1;
        }
    }
    held
}

/// Has one slot's cohort end and the slot ask again; the study that it gets work of.
fn next(scene: &mut Scene, slot: u32) -> StudyId {
    let lease = scene.lease("w", slot).expect("the slot holds a cohort");
    scene.finish("w", &lease);
    scene.lease("w", slot).expect("work").name.study
}

#[test]
fn a_small_study_starts_as_soon_as_a_slot_falls_free_beside_a_large_one() {
    let mut scene = Scene::new();
    let large = scene.submit("large", &spec(40));
    scene.worker("w", 4);
    assert_eq!(holders(&mut scene, 4), BTreeMap::from([(large, 4)]));
    let small = scene.submit("small", &spec(1));
    assert_eq!(next(&mut scene, 2), small);
    assert_eq!(next(&mut scene, 0), large, "the small study has no more");
}

#[test]
fn studies_of_equal_priority_come_to_hold_equal_shares_of_the_slots() {
    let mut scene = Scene::new();
    let first = scene.submit("first", &spec(40));
    scene.worker("w", 6);
    holders(&mut scene, 6);
    let (second, third) = (scene.submit("second", &spec(40)), scene.submit("third", &spec(40)));
    for slot in 0..4 {
        next(&mut scene, slot);
    }
    let equal = BTreeMap::from([(first, 2), (second, 2), (third, 2)]);
    assert_eq!(holders(&mut scene, 6), equal);
    for round in 0..20 {
        next(&mut scene, round % 6);
        assert_eq!(holders(&mut scene, 6), equal, "round {round}");
    }
}

#[test]
fn studies_take_turns_where_there_are_fewer_slots_than_studies() {
    let mut scene = Scene::new();
    let studies: Vec<StudyId> = (0..3).map(|number| scene.submit(&format!("{number}"), &spec(9))).collect();
    scene.worker("w", 1);
    let first = scene.lease("w", 0).expect("work").name.study;
    let turns: Vec<StudyId> = std::iter::once(first).chain((0..8).map(|_| next(&mut scene, 0))).collect();
    assert_eq!(turns, studies.repeat(3));
}

#[test]
fn a_higher_priority_comes_first_and_takes_nothing_back() {
    let mut scene = Scene::new();
    let usual = scene.submit("usual", &spec(9));
    scene.worker("w", 2);
    let lease = scene.lease("w", 0).expect("work");
    let urgent = scene.submit("urgent", &with_priority(7, &spec(3)));
    assert_eq!(scene.ledger.studies()[&urgent].priority, 7);
    assert_eq!(scene.progress("w", &lease), Order::Continue);
    assert_eq!(scene.lease("w", 1).expect("work").name.study, urgent);
    let turns: Vec<StudyId> = (0..2).map(|_| next(&mut scene, 1)).collect();
    assert_eq!(turns, [urgent, urgent], "however many slots it holds already");
    scene.submit("idle", &with_priority(-3, &spec(3)));
    assert_eq!(next(&mut scene, 0), usual);
}

#[test]
fn a_priority_can_change_while_its_study_runs() {
    let mut scene = Scene::new();
    let (first, second) = (scene.submit("first", &spec(9)), scene.submit("second", &spec(9)));
    scene.worker("w", 1);
    assert_eq!(scene.lease("w", 0).expect("work").name.study, first);
    scene.tell(Command::PrioritizeStudy { study: second, priority: 1 });
    let turns: Vec<StudyId> = (0..3).map(|_| next(&mut scene, 0)).collect();
    assert_eq!(turns, [second, second, second]);
    scene.tell(Command::PrioritizeStudy { study: second, priority: -1 });
    assert_eq!(next(&mut scene, 0), first);
    let written = scene.changes.len();
    scene.tell(Command::PrioritizeStudy { study: second, priority: -1 });
    assert_eq!(scene.changes.len(), written, "the same again changes nothing");
}

#[test]
fn a_study_that_is_held_stands_aside_whatever_its_priority() {
    let mut scene = Scene::new();
    let (usual, urgent) =
        (scene.submit("usual", &spec(9)), scene.submit("urgent", &with_priority(1, &spec(9))));
    scene.worker("w", 1);
    scene.tell(Command::PauseStudy(urgent));
    assert_eq!(scene.lease("w", 0).expect("work").name.study, usual);
    scene.tell(Command::ResumeStudy(urgent));
    assert_eq!(next(&mut scene, 0), urgent);
}

#[test]
fn an_extension_changes_the_priority_only_if_its_spec_says_another() {
    let mut scene = Scene::new();
    let study = scene.submit("one", &with_priority(2, &repeated_spec(1, 1, LONE)));
    scene.tell(Command::PrioritizeStudy { study, priority: 5 });
    scene.try_extend(study, &with_priority(2, &repeated_spec(2, 1, LONE))).expect("adds");
    assert_eq!(scene.ledger.studies()[&study].priority, 5);
    scene.try_extend(study, &with_priority(3, &repeated_spec(2, 1, LONE))).expect("may change it");
    assert_eq!(scene.ledger.studies()[&study].priority, 3);
    let last = scene.changes.last().expect("changed");
    assert_eq!(*last, Change::StudyPrioritized { study, priority: 3 });
}

#[test]
fn a_study_that_is_over_has_no_priority_to_change() {
    let mut scene = Scene::new();
    let study = scene.submit("one", &spec(1));
    scene.cancel(study);
    assert!(matches!(scene.phase(study), StudyPhase::Ended { end: EndedAs::Cancelled, .. }));
    let refused = scene.handle(Command::PrioritizeStudy { study, priority: 1 }).expect_err("is over");
    assert!(matches!(refused, Rejection::Over { .. }), "{refused}");
}
