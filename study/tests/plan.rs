//! Plans of whole studies, played through by slots that always take the next cohort.

use std::fs;
use std::path::{Path, PathBuf};

use foldwise_study::plan::{
    COHORT_EPOCHS_MAX, DeviceProfile, Fused, PROFILE_VERSION, Plan, Point, RunId, ShapeClass,
};
use foldwise_study::spec::{DeviceKind, Format, Spec};
use foldwise_study::trials::{RowFacts, Trials};

/// What slots that a plan was balanced for may take longer than if no slot ever idled and every cohort had the width
/// that pays.
const UNEVEN_MAX: f64 = 1.25;

/// A study as a plan sees it.
struct Study {
    name: String,
    trials: Trials,
    sizes: Vec<(usize, usize)>,
}

impl Study {
    fn of(name: &str, spec: &Spec) -> Option<Self> {
        let rows = RowFacts {
            shape: vec![1, 28, 28],
            classes: Some(10),
            targets: 1,
            train_rows: 60_000,
            test_rows: Some(10_000),
        };
        let trials = Trials::enumerate(spec, &rows).ok()?;
        let folds = spec.validation.fold_count();
        let validation = 60_000 / folds.max(2);
        Some(Self { name: name.to_owned(), trials, sizes: vec![(60_000 - validation, validation); folds] })
    }

    fn grid(space: &str, folds: usize) -> Self {
        let text = format!(
            "name = \"grid\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = {{ folds = {folds} }}\n[network]\n\
             mlp = {{ hidden = [16] }}\n[train]\nepochs = 5\nbatch_size = 64\noptimizer = {{ kind = \"adam\" }}\n\
             [space]\n{space}\n"
        );
        let spec = Spec::read(&text, Format::Toml).expect("a spec");
        Self::of("grid", &spec).expect("fits")
    }

    fn plan(&self, profile: &DeviceProfile) -> Vec<Vec<RunId>> {
        Plan::new(&self.trials, &self.sizes, profile, None).cohorts
    }

    fn seconds(&self, cohort: &[RunId], profile: &DeviceProfile) -> f64 {
        let facts = &self.trials.facts()[cohort[0].trial as usize];
        profile.seconds(facts, self.sizes[cohort[0].fold as usize], cohort.len())
    }

    /// When the last of the slots ends, each leasing the next cohort whenever it is free.
    fn makespan(&self, cohorts: &[Vec<RunId>], slots: usize, profile: &DeviceProfile) -> f64 {
        let mut free = vec![0.0_f64; slots];
        for cohort in cohorts {
            let slot = (0..slots).min_by(|&a, &b| free[a].total_cmp(&free[b])).expect("there are slots");
            free[slot] += self.seconds(cohort, profile);
        }
        free.into_iter().fold(0.0, f64::max)
    }

    fn total(&self, cohorts: &[Vec<RunId>], profile: &DeviceProfile) -> f64 {
        cohorts.iter().map(|cohort| self.seconds(cohort, profile)).sum()
    }
}

fn with_slots(slots: u32) -> DeviceProfile {
    DeviceProfile { slots, ..DeviceProfile::shipped(DeviceKind::Cpu) }
}

/// A profile for so many slots on which the 64-32 network trains four times as fast 15 at a time, and large ones alone.
fn fusing(slots: u32) -> DeviceProfile {
    let point = |multiply_accumulates, fused: &[(usize, f64)]| Point {
        shape: ShapeClass::Linear,
        multiply_accumulates,
        batch_size: 64,
        rows_per_second: 5e9 / multiply_accumulates as f64,
        fused: fused.iter().map(|&(width, speed_up)| Fused { width, speed_up }).collect(),
    };
    let points = vec![point(60_000, &[(4, 3.0), (15, 4.0)]), point(600_000, &[])];
    DeviceProfile { name: "fusing".to_owned(), points, ..with_slots(slots) }
}

fn study_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../studies");
    let folders = fs::read_dir(root).expect("is there").map(|entry| entry.expect("reads").path());
    let files = folders.filter(|path| path.is_dir()).flat_map(|folder| fs::read_dir(folder).expect("reads"));
    let files = files.map(|entry| entry.expect("reads").path());
    // Examples of one's own code lie in folders with their programs; they are planned as runs that train alone.
    let mut files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn published() -> Vec<Study> {
    let study = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("reads");
        let spec = Spec::read(&text, Format::Toml).expect("a spec");
        Study::of(&path.display().to_string(), &spec)
    };
    study_files().iter().filter_map(study).collect()
}

/// Every run once.
fn assert_whole(study: &Study, cohorts: &[Vec<RunId>]) {
    let mut runs: Vec<RunId> = cohorts.concat();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), study.trials.len() * study.sizes.len(), "{}", study.name);
    assert_eq!(runs.len(), cohorts.iter().map(Vec::len).sum::<usize>(), "{}", study.name);
}

#[test]
fn no_tail_of_lone_cohorts_in_the_published_studies() {
    let studies = published();
    assert!(studies.len() >= 15, "only {} study files could be planned", studies.len());
    for study in &studies {
        let free = study.total(&study.plan(&with_slots(1)), &with_slots(1));
        for slots in [1_u32, 2, 3, 4, 8, 16] {
            let profile = with_slots(slots);
            let cohorts = study.plan(&profile);
            assert_whole(study, &cohorts);
            let makespan = study.makespan(&cohorts, slots as usize, &profile);
            let runs = study.trials.len() * study.sizes.len();
            // A run is not divided: slots beyond the runs idle, and no plan ends before the longest run.
            let alone = study.trials.facts().iter().map(|facts| profile.seconds(facts, study.sizes[0], 1));
            let ideal = (free / f64::from(slots)).max(alone.fold(0.0, f64::max));
            let ratio = makespan / ideal;
            let uneven = if runs < 4 * slots as usize { 2.0 } else { UNEVEN_MAX };
            assert!(
                ratio <= uneven,
                "{}: {runs} runs on {slots} slots take {ratio:.2} times the ideal",
                study.name
            );
        }
    }
}

#[test]
fn with_other_slots_than_expected_a_plan_ends_within_one_cohort_of_the_mean() {
    for study in published() {
        let profile = DeviceProfile::shipped(DeviceKind::Cpu);
        let cohorts = study.plan(&profile);
        let total = study.total(&cohorts, &profile);
        let longest = cohorts.iter().map(|cohort| study.seconds(cohort, &profile)).fold(0.0, f64::max);
        for slots in 1..=12 {
            let makespan = study.makespan(&cohorts, slots, &profile);
            assert!(
                makespan <= total / slots as f64 + longest * (1.0 + 1e-9),
                "{}, {slots} slots",
                study.name
            );
        }
    }
}

#[test]
fn one_wide_cohort_is_divided_among_slots_that_would_idle() {
    let study = Study::grid("\"train.optimizer.lr\" = [0.1, 0.01, 0.001]", 5);
    let one = study.plan(&fusing(1));
    assert_eq!(one.iter().map(Vec::len).collect::<Vec<_>>(), [15]);
    for (slots, least) in [(2, 2), (4, 3)] {
        let profile = fusing(slots);
        let divided = study.plan(&profile);
        assert_whole(&study, &divided);
        assert!(divided.len() >= least, "{divided:?}");
        let slots = slots as usize;
        assert!(study.makespan(&divided, slots, &profile) < study.makespan(&one, slots, &profile));
    }
}

#[test]
fn a_given_width_is_kept() {
    let study = Study::grid("\"train.optimizer.lr\" = [0.1, 0.01, 0.001]", 5);
    let plan = Plan::new(&study.trials, &study.sizes, &with_slots(8), Some(15));
    assert_eq!(plan.cohorts.len(), 1);
}

#[test]
fn a_cohorts_results_fit_one_message() {
    let text = "name = \"long\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = { folds = 5 }\n[network]\n\
        mlp = { hidden = [8] }\n[train]\nepochs = 300000\nbatch_size = 64\noptimizer = { kind = \"adam\" }\n[space]\n\
        \"train.optimizer.lr\" = [0.1, 0.01]\n";
    let study = Study::of("long", &Spec::read(text, Format::Toml).expect("a spec")).expect("fits");
    let plan = Plan::new(&study.trials, &study.sizes, &with_slots(1), Some(10));
    assert!(
        plan.cohorts.iter().all(|cohort| cohort.len() * 300_000 <= COHORT_EPOCHS_MAX),
        "{:?}",
        plan.cohorts
    );
    assert_eq!(plan.cohorts.iter().map(Vec::len).sum::<usize>(), 10);
}

#[test]
fn long_cohorts_come_first_and_equal_ones_in_the_order_of_trials() {
    let space = "\"network.mlp.hidden\" = [[16], [512, 256]]\n\"train.optimizer.lr\" = [0.1, 0.01, 0.001]";
    let study = Study::grid(space, 2);
    let profile = fusing(2);
    let cohorts = study.plan(&profile);
    assert_whole(&study, &cohorts);
    let large =
        |cohort: &Vec<RunId>| study.trials.facts()[cohort[0].trial as usize].multiply_accumulates > 100_000;
    assert!(cohorts.iter().take_while(|cohort| large(cohort)).count() > 0);
    assert!(cohorts.is_sorted_by_key(|cohort| !large(cohort)), "large networks first: {cohorts:?}");
    for part in cohorts.chunk_by(|a, b| large(a) == large(b)) {
        assert!(part.is_sorted_by_key(|cohort| cohort[0]), "first trials first: {part:?}");
    }
    let shortest_first: Vec<_> = cohorts.iter().rev().cloned().collect();
    assert!(study.makespan(&cohorts, 2, &profile) <= study.makespan(&shortest_first, 2, &profile));
}

#[test]
fn a_plan_is_a_function_of_spec_and_profile() {
    for study in published() {
        assert_eq!(study.plan(&with_slots(4)), study.plan(&with_slots(4)), "{}", study.name);
    }
}

#[test]
fn the_planner_finds_by_itself_what_to_fuse() {
    let point = |shape, cost, fused: &[(usize, f64)]| Point {
        shape,
        multiply_accumulates: cost,
        batch_size: 64,
        rows_per_second: 1e9 / cost as f64,
        fused: fused.iter().map(|&(width, speed_up)| Fused { width, speed_up }).collect(),
    };
    let profile = DeviceProfile {
        version: PROFILE_VERSION,
        name: "measured".to_owned(),
        kind: DeviceKind::Cpu,
        memory_mib: 2048,
        slots: 1,
        threads: 1,
        points: vec![
            point(ShapeClass::Linear, 60_000, &[(4, 2.0), (16, 4.0), (32, 4.1)]),
            point(ShapeClass::Convolutional, 8_000_000, &[(4, 0.8), (16, 0.5)]),
        ],
    };
    let small = Study::grid("\"train.optimizer.lr\" = [0.1, 0.01, 0.001]", 5);
    assert_eq!(small.plan(&profile).len(), 1, "fifteen small networks train together");
    let study_b = published().into_iter().find(|study| study.name.ends_with("compact-cnn.toml"));
    let study_b = study_b.expect("study B is there");
    assert!(study_b.plan(&profile).iter().all(|cohort| cohort.len() == 1), "each of study B's trains alone");
}
