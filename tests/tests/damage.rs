//! A damaged store: what its log can do without is done without; the rest is refused, with the remedy.

use std::fs;
use std::path::Path;

use foldwise_tests::{Cluster, Finished, Pictures, Search, assert_same, each_run_once, reference, rounds};

/// Bytes of SQLite's page, of the header of a write-ahead log, and of that of a frame in it.
const PAGE: usize = 4096;
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Damages the last page that was written to a write-ahead log. The log's file may be longer than the log: a frame counts
/// if it has the salt of the log's header.
fn damage_last_frame(log: &Path) {
    let mut bytes = fs::read(log).expect("reads");
    let salt = bytes[16..24].to_vec();
    let frames = bytes[LOG_HEADER..].chunks(FRAME_HEADER + PAGE);
    let written = frames.take_while(|frame| frame.get(8..16) == Some(&salt)).count();
    assert!(written > 0, "something was written to the log");
    let end = LOG_HEADER + written * (FRAME_HEADER + PAGE);
    bytes[end - PAGE..end].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(log, bytes).expect("writes");
}

#[test]
fn a_log_whose_last_page_is_damaged_costs_no_more_than_its_last_commit() {
    let pictures = Pictures::draw(600, 100);
    let limits = "attempts = 100";
    let spec = Search { epochs: 100, limits, ..Search::default() }.of(pictures.section());
    let expected = reference(&spec);

    let mut cluster = Cluster::start(2.0);
    cluster.submit(&spec);
    let mut worker = cluster.worker("w", 2);
    for _ in 0..rounds().clamp(1, 8) {
        worker.line_with("handed in");
        cluster.kill_coordinator();
        damage_last_frame(&cluster.state().join("foldwise.db-wal"));
        cluster.start_coordinator();
    }
    let report = cluster.succeeded("small");
    each_run_once(&report, 4, 3);
    assert_same(&report, &expected);
}

#[test]
fn a_damaged_database_is_refused_with_the_remedy_and_the_remedy_helps() {
    let pictures = Pictures::draw(600, 100);
    let spec = Search { epochs: 2, ..Search::default() }.of(pictures.section());
    let mut cluster = Cluster::start(10.0);
    cluster.submit(&spec);
    let worker = cluster.worker("w", 1);
    let report = cluster.succeeded("small");
    drop(worker);
    let (state, copy) = (cluster.state(), cluster.folder().join("copy"));
    let _ = cluster.done(&["backup", &copy.display().to_string(), "--state", &state.display().to_string()]);
    cluster.stop_coordinator();

    let path = state.join("foldwise.db");
    let mut bytes = fs::read(&path).expect("reads");
    let middle = bytes.len() / 2 / PAGE * PAGE;
    bytes[middle..middle + PAGE].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(&path, &bytes).expect("writes");

    let folder = state.display().to_string();
    let refused = Finished::of(&mut cluster.coordinator_command());
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    for part in ["damaged", "backup", &folder] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let inspected = Finished::of(&mut cluster.foldwise(&["inspect", &folder]));
    assert_eq!(inspected.code, Some(1), "{}", inspected.stdout);
    assert!(inspected.stderr.contains("damaged"), "{}", inspected.stderr);
    assert_eq!(fs::read(&path).expect("reads"), bytes, "nothing was changed");

    let restored = Cluster::start_on(10.0, |state| fs::rename(copy, state).expect("moves"));
    assert_eq!(restored.report("small"), report);
}

#[test]
fn a_backup_of_a_running_study_can_be_gone_on_with() {
    let pictures = Pictures::draw(600, 100);
    let spec = Search::default().of(pictures.section());
    let expected = reference(&spec);

    let original = Cluster::start(2.0);
    original.submit(&spec);
    let mut worker = original.worker("w", 2);
    worker.line_with("handed in");
    let from = original.state().display().to_string();
    let restored = Cluster::start_on(2.0, |state| {
        let _ = original.done(&["backup", &state.display().to_string(), "--state", &from]);
    });
    assert_ne!(restored.status("small")["state"], "succeeded", "it was taken half-way");
    let _other = restored.worker("other", 2);
    let report = restored.succeeded("small");
    each_run_once(&report, 4, 3);
    assert_same(&report, &expected);
    // The original goes on beside it.
    assert_same(&original.succeeded("small"), &expected);
}
