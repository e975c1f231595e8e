//! Kept files in a bucket of a real S3-compatible store: coordinators share it, and nothing is lost while it is away.
#![cfg(target_os = "linux")]

use foldwise_tests::{
    BucketServer, Cluster, Finished, Pictures, PostgresServer, Search, assert_same, each_run_once, reference,
};

/// What a study's coordinator is told of where files are kept.
const PLACE: [&str; 2] = ["--artifacts", "s3://foldwise/search"];

/// A search that keeps checkpoints, copies of weights and final weights.
fn search(pictures: &Pictures, epochs: u32) -> String {
    let limits = "attempts = 100\ncheckpoint_seconds = 1";
    let spec = Search { epochs, limits, ..Search::default() }.of(pictures.section());
    format!("{spec}\n[measure]\nsnapshots = {{ every = 100 }}\n")
}

/// Downloads the final weights; whether they are what the report names is checked on the way.
fn weights_can_be_had(cluster: &Cluster, report: &foldwise_tests::StudyJson) {
    let digest = report["final"]["weights_digest"].as_str().expect("weights");
    let path = cluster.folder().join("weights.safetensors").display().to_string();
    let _ = cluster.done(&["artifact", digest, "--output", &path]);
}

#[test]
fn coordinators_that_share_a_bucket_need_no_folder_in_common() {
    let (Some(database), Some(bucket)) = (PostgresServer::start(), BucketServer::start()) else { return };
    let pictures = Pictures::draw(600, 100);
    let spec = search(&pictures, 400);
    let expected = reference(&spec);
    let store = database.database("search");
    let options = [&["--store", &store][..], &PLACE].concat();
    let start = || Cluster::start_among("127.0.0.1", 5.0, &options, &bucket.settings(), |_| {});
    let mut first = start();
    first.coordinator().line_with("leading, for term 1");
    let mut second = start();
    second.coordinator().line_with("standing by");
    first.stands_beside(&second);
    second.stands_beside(&first);
    first.submit(&spec);
    let _workers = ["one", "two"].map(|name| first.worker(name, 1));
    first.wait_for_epoch("small");
    first.kill_coordinator();
    second.coordinator().line_with("leading, for term 2");
    let report = second.succeeded("small");
    each_run_once(&report, 4, 3);
    assert_same(&report, &expected);
    assert!(
        report["components"].as_array().is_some_and(|copies| !copies.is_empty()),
        "copies are read again"
    );
    weights_can_be_had(&second, &report);

    // Who comes later has nothing near, and finds everything all the same.
    second.kill_coordinator();
    let mut third = start();
    third.coordinator().line_with("leading, for term 3");
    assert_same(&third.report("small"), &expected);
    weights_can_be_had(&third, &report);
    let _ = third.done(&["delete", "small"]);
}

#[test]
fn a_bucket_that_is_away_keeps_results_waiting_and_loses_none() {
    let Some(mut bucket) = BucketServer::start() else { return };
    let pictures = Pictures::draw(600, 100);
    let spec = search(&pictures, 60);
    let expected = reference(&spec);
    let cluster = Cluster::start_among("127.0.0.1", 5.0, &PLACE, &bucket.settings(), |_| {});
    cluster.submit(&spec);
    bucket.stop();
    let mut worker = cluster.worker("one", 2);
    worker.line_with("uploading again");
    let waiting = cluster.status("small");
    assert_eq!(waiting["runs"]["finished"], 0, "{waiting:#}");
    bucket.resume();
    let report = cluster.succeeded("small");
    each_run_once(&report, 4, 3);
    assert_same(&report, &expected);
    weights_can_be_had(&cluster, &report);
}

#[test]
fn a_bucket_that_cannot_be_used_stops_the_start_with_its_reason() {
    let cluster = Cluster::start(5.0);
    let mut command = cluster.foldwise(&["coordinator", "--listen", "127.0.0.1:0"]);
    command.args(PLACE).env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").env("AWS_ACCESS_KEY_ID", "a");
    command.env("AWS_SECRET_ACCESS_KEY", "hush").arg("--state").arg(cluster.folder().join("other"));
    let output = command.output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("s3://foldwise/search failed") && said.contains("AWS_ENDPOINT_URL"), "{said}");
    assert!(!said.contains("hush"), "{said}");

    // So does it that of a standby, while somebody looks.
    let Some(database) = PostgresServer::start() else { return };
    let store = database.database("search");
    let mut leader = Cluster::start_at("127.0.0.1", 5.0, &["--store", &store], |_| {});
    leader.coordinator().line_with("leading");
    let mut command = leader.foldwise(&["coordinator", "--listen", "127.0.0.1:0", "--store", &store]);
    command
        .args(PLACE)
        .env("AWS_ENDPOINT_URL", "store.example:9000")
        .arg("--state")
        .arg(cluster.folder().join("third"));
    let output = command.output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("AWS_ENDPOINT_URL is no address"), "{said}");
}

#[test]
fn files_that_rows_name_and_that_are_nowhere_stop_a_copy() {
    let Some(bucket) = BucketServer::start() else { return };
    let pictures = Pictures::draw(600, 100);
    let mut cluster = Cluster::start(5.0);
    cluster.submit(&search(&pictures, 3));
    let _worker = cluster.worker("one", 2);
    let report = cluster.succeeded("small");
    cluster.stop_coordinator();
    let state = cluster.state().display().to_string();
    let copy = || {
        let mut command = cluster.foldwise(&["migrate", "--from", &state]);
        Finished::of(command.args(PLACE).envs(bucket.settings()))
    };
    let done = copy();
    assert_eq!(done.code, Some(0), "{done:?}");
    let digest = report["final"]["weights_digest"].as_str().expect("weights");
    std::fs::remove_file(cluster.state().join("artifacts").join(digest)).expect("removes");
    assert_eq!(copy().code, Some(0), "it is in the bucket");
    let mut elsewhere =
        cluster.foldwise(&["migrate", "--from", &state, "--artifacts", "s3://foldwise/other"]);
    let refused = Finished::of(elsewhere.envs(bucket.settings()));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("1 kept file") && refused.stderr.contains(digest), "{refused:?}");
}
