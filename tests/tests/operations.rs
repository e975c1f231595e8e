//! What a person does to a study under way or after it: pause, extend, retry, delete.

use std::fs;

use foldwise_tests::{
    Cluster, Finished, Pictures, Search, StudyJson, assert_same, each_run_once, reference, until,
};

/// A study beside the search, done in a moment.
fn errand(data: &str) -> String {
    Search { epochs: 1, rates: "[0.1]", ..Search::default() }.of(data).replace("\"small\"", "\"errand\"")
}

#[test]
fn a_paused_study_gives_its_workers_up_and_goes_on_when_resumed() {
    let pictures = Pictures::draw(600, 100);
    let spec = Search::default().of(pictures.section());
    let expected = reference(&spec);

    let cluster = Cluster::start(30.0);
    cluster.submit(&spec);
    let mut worker = cluster.worker("w", 2);
    worker.line_with("handed in");
    let _ = cluster.done(&["pause", "small"]);
    assert_eq!(cluster.status("small")["state"], "paused");
    cluster.wait_until_unleased("small");
    assert!(worker.log().contains("handed back"), "{}", worker.log());
    let done = cluster.status("small")["runs"].clone();
    // Whoever asks for work meanwhile gets that of others.
    cluster.submit(&errand(pictures.section()));
    let _ = cluster.succeeded("errand");
    let status = cluster.status("small");
    assert_eq!((&status["state"], &status["runs"]), (&StudyJson::from("paused"), &done));

    let _ = cluster.done(&["resume", "small"]);
    let report = cluster.succeeded("small");
    each_run_once(&report, 4, 3);
    assert_same(&report, &expected);
}

/// Trials by what they try: their numbers follow the order of additions.
fn by_values(report: &StudyJson) -> Vec<StudyJson> {
    let mut trials = report["trials"].as_array().expect("trials").clone();
    trials.iter_mut().for_each(|trial| trial["index"] = StudyJson::Null);
    trials.sort_by_key(|trial| trial["params"].to_string());
    trials
}

/// Extends a study that has ended; the report must be that of a study which was so from the first, but for a test set that
/// was measured twice.
fn extend(before: &Search, after: &Search, trials: usize, folds: usize) {
    let pictures = Pictures::draw(600, 100);
    let cluster = Cluster::start(30.0);
    cluster.submit(&before.of(pictures.section()));
    let worker = cluster.worker("w", 2);
    let first = cluster.succeeded("small");
    drop(worker);
    let _ = cluster.done(&["extend", "small", &cluster.spec(&after.of(pictures.section()))]);
    let _other = cluster.worker("other", 2);
    let report = cluster.succeeded("small");

    each_run_once(&report, trials, folds);
    let old = first["trials"].as_array().expect("trials");
    for (old, new) in old.iter().zip(report["trials"].as_array().expect("trials")) {
        assert_eq!(old["params"], new["params"], "old trials come first");
        for (old, new) in
            old["folds"].as_array().expect("folds").iter().zip(new["folds"].as_array().expect("folds"))
        {
            assert_eq!(old, new, "what was done is kept");
        }
    }
    let fresh = reference(&after.of(pictures.section()));
    assert_same(&by_values(&report).into(), &by_values(&fresh).into());
    let refit = |report: &StudyJson| {
        let mut refit = report["final"].clone();
        refit["trial"] = StudyJson::Null;
        refit["tests"] = StudyJson::Null;
        refit
    };
    assert_same(&refit(&report), &refit(&fresh));
    assert_eq!((&report["final"]["tests"], &fresh["final"]["tests"]), (&2.into(), &1.into()));
    let winner = |report: &StudyJson, field: &str| {
        let trial = report["selection"]["winner"].as_u64().expect("a winner");
        report["trials"][usize::try_from(trial).expect("small")][field].clone()
    };
    assert_eq!(winner(&report, "params"), winner(&fresh, "params"));
}

#[test]
fn a_value_more_is_trained_beside_what_is_done() {
    let search = |rates| Search { epochs: 10, rates, ..Search::default() };
    extend(&search("[0.03, 0.01]"), &search("[0.1, 0.03, 0.01]"), 6, 3);
}

#[test]
fn a_repeat_more_is_trained_beside_what_is_done() {
    let search = |validation| Search { epochs: 10, validation, ..Search::default() };
    let once = "repeated_k_fold = { folds = 3, repeats = 1, seed = 1 }";
    let twice = "repeated_k_fold = { folds = 3, repeats = 2, seed = 1 }";
    extend(&search(once), &search(twice), 4, 6);
}

/// A study of a CSV file with one attempt per run.
fn tabular(path: &str) -> String {
    Search { epochs: 5, limits: "attempts = 1", ..Search::default() }
        .of(&format!("[data.csv]\ntrain = \"{path}\"\ntarget = \"kind\"\n"))
}

fn table(rows: u32) -> String {
    let row = |row: u32| {
        let (x, y) = (row * 37 % 100, row * 61 % 100);
        format!("{x},{y},{}\n", if x > y { "over" } else { "under" })
    };
    format!("x,y,kind\n{}", (0..rows).map(row).collect::<String>())
}

#[test]
fn a_study_whose_data_had_vanished_is_retried_to_success() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("table.csv");
    fs::write(&path, table(300)).expect("writes");
    let spec = tabular(&path.display().to_string());
    let expected = reference(&spec);

    let cluster = Cluster::start(30.0);
    // Read where they lie, by whoever trains.
    let _ = cluster.done(&["submit", "--no-upload", &cluster.spec(&spec)]);
    let away = path.with_extension("away");
    fs::rename(&path, &away).expect("moves");
    let _worker = cluster.worker("w", 2);
    until("the study fails", || (cluster.status("small")["state"] == "failed").then_some(()));
    let trouble = cluster.trouble("small", "data");
    let error = trouble["error"].as_str().expect("a cause");
    assert!(error.contains("table.csv"), "{error}");

    fs::rename(&away, &path).expect("moves");
    let _ = cluster.done(&["retry", "small"]);
    let report = cluster.succeeded("small");
    each_run_once(&report, 4, 3);
    assert_same(&report, &expected);
}

#[test]
fn an_ended_study_is_deleted_with_its_weights_and_a_running_one_is_not() {
    let pictures = Pictures::draw(600, 100);
    let cluster = Cluster::start(30.0);
    cluster.submit(&errand(pictures.section()));
    let _worker = cluster.worker("w", 1);
    let report = cluster.succeeded("errand");
    let digest = report["final"]["weights_digest"].as_str().expect("weights");
    let weights = cluster.state().join("artifacts").join(digest);
    assert!(weights.is_file());

    cluster.submit(&Search::default().of(pictures.section()));
    let refused = Finished::of(&mut cluster.foldwise(&["delete", "small"]));
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("foldwise cancel"), "{}", refused.stderr);

    let _ = cluster.done(&["delete", "errand"]);
    // Files are removed once the deletion is answered.
    until("the weights are removed", || (!weights.exists()).then_some(()));
    let list = cluster.done(&["list", "--format", "json"]);
    assert!(list.contains("\"small\"") && !list.contains("\"errand\""), "{list}");
    let gone = Finished::of(&mut cluster.foldwise(&["report", "errand"]));
    assert_eq!(gone.code, Some(1), "{}", gone.stderr);
}
