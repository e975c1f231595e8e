//! Memory that runs out: a cohort that does not fit is split in halves that do, and the report says so.
#![cfg(target_os = "linux")]

use foldwise_tests::{Cluster, Pictures, Search, StudyJson, Trainer, assert_same, each_run_once};

/// Eight runs of a network whose weights outweigh everything else that a trainer holds.
fn spec(pictures: &Pictures, width: u32) -> String {
    let validation = "k_fold = { folds = 2, seed = 1 }";
    let search = Search { epochs: 1, validation, width, ..Search::default() };
    search.of(pictures.section()).replace("hidden = [16]", "hidden = [1800, 1800]")
}

/// Trains a study whose cohorts are so wide; the address space that the trainer came to need.
fn need(pictures: &Pictures, width: u32) -> (u64, StudyJson) {
    let cluster = Cluster::start(30.0);
    let worker = cluster.worker("w", 1);
    cluster.submit(&spec(pictures, width));
    let report = cluster.succeeded("small");
    let trainer = Trainer::of(&worker)[0];
    (trainer.address_space_bytes().expect("it waits for more"), report)
}

#[test]
fn a_cohort_that_does_not_fit_is_split_and_the_study_succeeds() {
    let pictures = Pictures::draw(80, 20);
    let (whole_bytes, _) = need(&pictures, 8);
    let (half_bytes, halves) = need(&pictures, 4);
    let between = half_bytes.midpoint(whole_bytes);
    eprintln!("{} MiB for all, {} MiB for half", whole_bytes >> 20, half_bytes >> 20);
    assert!(whole_bytes - half_bytes > 100 << 20, "the weights outweigh the rest");

    let cluster = Cluster::start(30.0);
    let limit = format!("--as={between}");
    let _worker = cluster.recruit("w").inside(&["prlimit", &limit]).registered();
    cluster.submit(&spec(&pictures, 8));
    let report = cluster.succeeded("small");
    each_run_once(&report, 4, 2);
    assert_eq!(report["provenance"]["cohort_splits"], 1, "{report:#}");
    // The halves are the cohorts of a plan of half the width.
    assert_same(&report["trials"], &halves["trials"]);
}
