//! A search across processes: the same report whoever trains it, and whoever dies.

use foldwise_tests::{
    Cluster, Finished, Pictures, Search, assert_same, each_run_once, reference, small_pictures,
};
use nix::sys::signal::Signal;

fn spec(data: &str, epochs: u32) -> String {
    Search { epochs, ..Search::default() }.of(data)
}

#[test]
fn two_workers_one_killed_and_a_coordinator_restarted_give_the_reference_report() {
    let pictures = Pictures::draw(600, 100);
    let spec = Search::default().of(pictures.section());
    let expected = reference(&spec);
    each_run_once(&expected, 4, 3);
    assert!(expected["final"]["test_accuracy"].as_f64().expect("tested") > 0.5, "it learned something");

    let mut cluster = Cluster::start(2.0);
    cluster.submit(&spec);
    let mut doomed = cluster.worker("doomed", 2);
    let _survivor = cluster.worker("survivor", 1);
    doomed.line_with("handed in");
    doomed.line_with("training");
    doomed.kill();
    cluster.crash_coordinator();
    cluster.wait("small");

    let report = cluster.report("small");
    each_run_once(&report, 4, 3);
    assert_same(&report, &expected);
}

#[test]
fn a_worker_that_is_asked_to_stop_hands_back_at_once() {
    let cluster = Cluster::start(3600.0);
    let data = small_pictures(cluster.folder(), 600, 100);
    cluster.submit(&spec(&data, 1_200));
    let mut first = cluster.worker("first", 1);
    first.line_with("training");
    first.signal(Signal::SIGTERM);
    let (code, log) = first.end();
    assert_eq!(code, Some(0), "{log}");
    // With an hour's lease, the second worker could only wait if the first had not handed back.
    let mut second = cluster.worker("second", 1);
    let line = second.line_with("training");
    assert!(line.contains("cohort=0"), "the cohort that was begun is taken up first: {line}");
}

#[test]
fn a_cancelled_study_stops_its_workers_and_reports_what_there_is() {
    let cluster = Cluster::start(2.0);
    let data = small_pictures(cluster.folder(), 600, 100);
    cluster.submit(&spec(&data, 12_000));
    let mut worker = cluster.worker("w", 1);
    worker.line_with("training");
    let _ = Finished::of(&mut cluster.foldwise(&["cancel", "small"])).success();
    worker.line_with("no longer wanted");
    assert_eq!(cluster.report("small")["study"]["state"], "cancelled");
}

#[test]
fn a_diverging_trial_fails_alone_and_the_others_go_on() {
    let cluster = Cluster::start(10.0);
    let data = small_pictures(cluster.folder(), 300, 100);
    let spec = spec(&data, 5)
        .replace("\"adam\"", "\"sgd\"")
        .replace("epochs = 5", "epochs = 5\nloss = \"mean_squared_error\"")
        .replace("[0.03, 0.01]", "[1e6, 0.1]")
        .replace("batch_norm = true", "batch_norm = false")
        .replace("width = 1", "width = 16");
    cluster.submit(&spec);
    let _worker = cluster.worker("w", 1);
    cluster.wait("small");
    let report = cluster.report("small");
    assert_eq!(report["study"]["state"], "succeeded", "{report:#}");
    assert!(report["selection"]["winner"].as_u64().expect("a winner") >= 2);
    let failed = &report["trials"][0]["folds"][0];
    assert_eq!(failed["state"], "failed");
    assert!(failed["error"].as_str().expect("a cause").contains("no longer finite"), "{failed}");
}

#[test]
fn the_final_weights_can_be_fetched_and_are_what_their_digest_says() {
    let cluster = Cluster::start(10.0);
    let data = small_pictures(cluster.folder(), 300, 100);
    cluster.submit(&spec(&data, 2));
    let _worker = cluster.worker("w", 2);
    cluster.wait("small");
    let report = cluster.report("small");
    let digest = report["final"]["weights_digest"].as_str().expect("weights").to_owned();
    let path = cluster.folder().join("weights.safetensors");
    let _ =
        Finished::of(&mut cluster.foldwise(&["artifact", &digest, "--output", &path.display().to_string()]))
            .success();
    let bytes = std::fs::read(path).expect("written");
    let header = String::from_utf8_lossy(&bytes[8..200]).into_owned();
    assert!(header.contains("1.weight"), "PyTorch's names: {header}");
}
