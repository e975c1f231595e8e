//! What people get wrong: each gives one clear error that says what to do, and a non-zero exit.

use foldwise_tests::{Cluster, Finished, Running, foldwise, small_pictures};

fn plain(arguments: &[&str]) -> Finished {
    let mut command = foldwise();
    command.env_remove("FOLDWISE_COORDINATOR").args(arguments);
    Finished::of(&mut command)
}

#[test]
fn no_coordinator_answers() {
    let finished = plain(&["--coordinator", "http://127.0.0.1:9", "list"]);
    assert_eq!(finished.code, Some(3));
    assert!(finished.stderr.contains("foldwise coordinator"), "{}", finished.stderr);
}

#[test]
fn a_port_in_use() {
    let cluster = Cluster::start(10.0);
    let address = cluster.address();
    let folder = tempfile::tempdir().expect("folder");
    let state = folder.path().display().to_string();
    let finished = plain(&["coordinator", "--listen", address, "--state", &state]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("--listen"), "{}", finished.stderr);
}

#[test]
fn a_state_folder_in_use() {
    let cluster = Cluster::start(10.0);
    let state = cluster.state().display().to_string();
    let finished = plain(&["coordinator", "--listen", "127.0.0.1:0", "--state", &state]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("another coordinator uses"), "{}", finished.stderr);
}

#[test]
fn an_address_that_others_reach_without_protection() {
    let folder = tempfile::tempdir().expect("folder");
    let state = folder.path().display().to_string();
    let finished = plain(&["coordinator", "--listen", "0.0.0.0:0", "--state", &state]);
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("--insecure"), "{}", finished.stderr);
}

#[test]
fn a_bad_spec_is_told_with_line_and_column_and_changes_nothing() {
    let cluster = Cluster::start(10.0);
    let spec = cluster.spec("name = \"x\"\n[train]\nepochs = \"many\"\n");
    let finished = Finished::of(&mut cluster.foldwise(&["submit", &spec]));
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    assert!(finished.stderr.contains("spec.toml:3:10"), "{}", finished.stderr);
    let list = Finished::of(&mut cluster.foldwise(&["list", "--format", "json"])).success();
    assert!(!list.contains("studies/1"), "{list}");
}

#[test]
fn an_unknown_dataset() {
    let cluster = Cluster::start(10.0);
    let data = "[data]\ndataset = \"fashion-mnits\"\n";
    let spec = cluster.spec(&small_spec(data));
    let finished = Finished::of(&mut cluster.foldwise(&["submit", &spec]));
    assert_eq!(finished.code, Some(2), "{}", finished.stderr);
    assert!(finished.stderr.contains("fashion-mnist"), "{}", finished.stderr);
}

#[test]
fn data_that_changed_since_submission_fails_the_runs_with_the_cause() {
    let cluster = Cluster::start(10.0);
    let data = small_pictures(cluster.folder(), 120, 20);
    // Read where they lie, by whoever trains.
    let _ = cluster.done(&["submit", "--no-upload", &cluster.spec(&small_spec(&data))]);
    // Other pictures under the same names.
    let _ = small_pictures(cluster.folder(), 121, 20);
    let labels = cluster.folder().join("train-labels.idx");
    let mut bytes = std::fs::read(&labels).expect("reads");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&labels, bytes).expect("writes");
    let _worker = cluster.worker("w", 1);
    cluster.wait("small");
    let report = cluster.report("small");
    assert_eq!(report["study"]["state"], "failed");
    let error = report["trials"][0]["folds"][0]["error"].as_str().expect("a cause");
    assert!(error.contains("not what the study was submitted with"), "{error}");
}

#[test]
fn a_worker_without_a_coordinator_says_so_and_ends() {
    let mut command = foldwise_tests::worker_program();
    command.args([
        "agent",
        "--coordinator",
        "http://127.0.0.1:9",
        "--device",
        "cpu",
        "--connect-seconds",
        "1",
    ]);
    let (code, log) = Running::start(&mut command).end();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("no coordinator answers at http://127.0.0.1:9"), "{log}");
}

fn small_spec(data: &str) -> String {
    format!(
        "name = \"small\"\n{data}\n[validation]\nk_fold = {{ folds = 2 }}\n[network]\nmlp = {{ hidden = [4] }}\n\
         [train]\nepochs = 1\nbatch_size = 10\noptimizer = {{ kind = \"sgd\", lr = 0.1 }}\n"
    )
}
