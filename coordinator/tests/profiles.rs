//! Device profiles: which one a study is planned with, and that it stays the one.

mod scene;

use foldwise_coordinator::ledger::{Ledger, LedgerConfig, Now, Rejection, Study, StudyId};
use foldwise_coordinator::store::{Sqlite, Store};
use foldwise_study::plan::{DeviceProfile, Fused, PROFILE_VERSION, Point, ProfileChoiceError, ShapeClass};
use foldwise_study::spec::DeviceKind;
use scene::{LEASE_MS, Scene, repeated_spec, spec_of};

const NOW: Now = Now { monotonic_ms: 0, unix_ms: 1_000_000 };

/// A profile by which everything trains so wide.
fn wide(name: &str, kind: DeviceKind, width: usize) -> DeviceProfile {
    let point = |shape| Point {
        shape,
        multiply_accumulates: u64::MAX >> 1,
        batch_size: 1 << 20,
        rows_per_second: 1.0,
        fused: vec![Fused { width, speed_up: width as f64 }],
    };
    DeviceProfile {
        version: PROFILE_VERSION,
        name: name.to_owned(),
        kind,
        memory_mib: 1024,
        slots: 1,
        threads: 1,
        points: vec![point(ShapeClass::Linear), point(ShapeClass::Convolutional)],
    }
}

fn config(profiles: &[DeviceProfile]) -> LedgerConfig {
    LedgerConfig { lease_ms: LEASE_MS, profiles: profiles.to_vec() }
}

fn scene(profiles: &[DeviceProfile]) -> Scene {
    Scene { ledger: Ledger::new(config(profiles)), now: NOW, changes: Vec::new() }
}

fn widths(study: &Study) -> Vec<usize> {
    study.cohorts.iter().map(|cohort| cohort.runs.len()).collect()
}

fn named(name: &str) -> String {
    format!("[plan]\nprofile = \"{name}\"")
}

#[test]
fn a_study_is_planned_with_the_profile_that_serves_its_kind_of_device_and_says_so() {
    let given = [
        wide("gpu", DeviceKind::Cuda, 9),
        wide("den", DeviceKind::Cpu, 6),
        wide("attic", DeviceKind::Cpu, 2),
    ];
    let mut scene = scene(&given);
    let study = scene.submit("a", &spec_of(4, 3, ""));
    assert!(scene.ledger.studies()[&study].profile.is_none(), "nobody has asked yet");
    scene.worker("w", 1);
    scene.lease("w", 0).expect("work");
    let study = &scene.ledger.studies()[&study];
    assert_eq!(widths(study), [6, 6]);
    assert_eq!(study.profile.as_deref(), Some(&given[1]));
}

#[test]
fn a_spec_may_name_its_profile() {
    let given = [wide("den", DeviceKind::Cpu, 6), wide("attic", DeviceKind::Cpu, 2)];
    let mut scene = scene(&given);
    let study = scene.submit("a", &spec_of(2, 2, &named("attic")));
    scene.worker("w", 1);
    scene.lease("w", 0).expect("work");
    assert_eq!(widths(&scene.ledger.studies()[&study]), [2, 2]);
}

#[test]
fn a_study_that_names_a_profile_of_another_kind_of_device_waits_for_that_kind() {
    let mut scene = scene(&[wide("gpu", DeviceKind::Cuda, 4)]);
    scene.submit("a", &spec_of(2, 2, &named("gpu")));
    scene.worker("w", 1);
    assert!(scene.lease("w", 0).is_none(), "its slot is a CPU's");
}

#[test]
fn an_unknown_profile_is_refused_at_submission_with_those_there_are() {
    let mut scene = scene(&[wide("den", DeviceKind::Cpu, 6)]);
    let refused = scene.try_submit("a", &spec_of(2, 2, &named("garage"))).expect_err("there is none");
    let Rejection::Profile(ProfileChoiceError::Unknown { name, known }) = &refused else {
        panic!("{refused}")
    };
    assert_eq!((name.as_str(), known.len()), ("garage", 3));
    assert!(refused.to_string().contains("den, shipped-cpu, shipped-cuda"), "{refused}");
    let other = format!("{}\ndevice = \"cuda\"", named("den"));
    let refused = scene.try_submit("b", &spec_of(2, 2, &other)).expect_err("of another kind");
    assert!(matches!(refused, Rejection::Profile(ProfileChoiceError::OtherKind { .. })), "{refused}");
    assert!(scene.ledger.studies().is_empty());
}

/// Commits what a scene did and starts again on it, with other profiles.
fn restart(store: &mut Sqlite, scene: &mut Scene, profiles: &[DeviceProfile]) {
    store.commit(&scene.changes).expect("is written");
    scene.changes.clear();
    scene.ledger = Ledger::rebuild(config(profiles), store.load().expect("loads"), NOW);
    scene.ledger.check(NOW).expect("the invariants hold");
}

fn study(scene: &Scene, id: StudyId) -> &Study {
    &scene.ledger.studies()[&id]
}

#[test]
fn what_was_recorded_counts_however_the_operator_changes_the_files() {
    let folder = tempfile::tempdir().expect("folder");
    let mut store = Sqlite::open(folder.path()).expect("opens");
    let mut scene = scene(&[wide("den", DeviceKind::Cpu, 4), wide("attic", DeviceKind::Cpu, 2)]);
    let planned = scene.submit("a", &repeated_spec(4, 1, ""));
    let waiting = scene.submit("b", &repeated_spec(4, 1, &named("attic")));
    scene.worker("w", 2);
    scene.lease("w", 0).expect("work of the first");
    // Both names mean something else from now on, and one is gone.
    restart(&mut store, &mut scene, &[wide("den", DeviceKind::Cpu, 8)]);
    assert_eq!(study(&scene, planned).profile.as_deref(), Some(&wide("den", DeviceKind::Cpu, 4)));
    scene.try_extend(planned, &repeated_spec(4, 2, "")).expect("adds folds");
    assert_eq!(widths(study(&scene, planned)), [4, 4, 4, 4], "the added cohorts are as wide as the others");
    scene.try_extend(waiting, &repeated_spec(4, 2, &named("attic"))).expect("adds folds");
    scene.cancel(planned);
    scene.worker("v", 1);
    scene.lease("v", 0).expect("work of the second");
    assert_eq!(widths(study(&scene, waiting)), [2; 8], "as its name meant when it was submitted");
    restart(&mut store, &mut scene, &[]);
    assert_eq!(study(&scene, waiting).profile.as_deref(), Some(&wide("attic", DeviceKind::Cpu, 2)));
}
