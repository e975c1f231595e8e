//! A search across processes: the same report whoever trains it, and whoever dies.

use foldwise_tests::{Cluster, Finished, StudyJson, small_pictures};
use nix::sys::signal::Signal;

/// A search of twelve runs in cohorts of one, so that there is always something left to lease.
fn spec(data: &str, epochs: u32) -> String {
    format!(
        "name = \"small\"\nseed = 7\n{data}\n[validation]\nk_fold = {{ folds = 3, seed = 1 }}\n\
         [network]\nmlp = {{ hidden = [16], batch_norm = true, dropout = 0.1 }}\n\
         [train]\nepochs = {epochs}\nbatch_size = 10\noptimizer = {{ kind = \"adam\", lr = 0.01 }}\n\
         [space]\n\"train.optimizer.lr\" = [0.03, 0.01]\n\"network.mlp.dropout\" = [0.0, 0.3]\n\
         [plan]\nwidth = 1\n"
    )
}

/// The report without what may differ between two searches: times, attempts and who did what.
fn lasting(mut report: StudyJson) -> StudyJson {
    fn strip(value: &mut StudyJson) {
        match value {
            StudyJson::Object(fields) => {
                // Why an attempt failed that a later one made good.
                if fields.get("state").is_some_and(|state| state == "finished") {
                    fields.remove("error");
                }
                for field in ["seconds", "attempts", "worker", "workers", "created", "ended"] {
                    fields.remove(field);
                }
                fields.values_mut().for_each(strip);
            }
            StudyJson::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut report);
    report
}

/// Where two reports differ first.
fn difference(a: &StudyJson, b: &StudyJson, path: &str) -> Option<String> {
    match (a, b) {
        (StudyJson::Object(x), StudyJson::Object(y)) if x.len() == y.len() => {
            x.iter().find_map(|(key, value)| {
                difference(value, y.get(key).unwrap_or(&StudyJson::Null), &format!("{path}.{key}"))
            })
        }
        (StudyJson::Array(x), StudyJson::Array(y)) if x.len() == y.len() => {
            let pairs = x.iter().zip(y).enumerate();
            pairs.into_iter().find_map(|(index, (a, b))| difference(a, b, &format!("{path}[{index}]")))
        }
        _ => (a != b).then(|| format!("{path}: {a} and {b}")),
    }
}

fn each_run_once(report: &StudyJson, trials: usize, folds: usize) {
    let listed = report["trials"].as_array().expect("trials");
    assert_eq!(listed.len(), trials);
    for (index, trial) in listed.iter().enumerate() {
        assert_eq!(trial["index"], index);
        let numbers: Vec<_> =
            trial["folds"].as_array().expect("folds").iter().map(|fold| &fold["fold"]).collect();
        assert_eq!(numbers, (0..folds).collect::<Vec<_>>());
        assert!(trial["folds"].as_array().expect("folds").iter().all(|fold| fold["state"] == "finished"));
    }
}

/// The report of one worker that nothing disturbs.
fn reference(epochs: u32) -> StudyJson {
    let cluster = Cluster::start(10.0);
    let data = small_pictures(cluster.folder(), 600, 100);
    cluster.submit(&spec(&data, epochs));
    let _worker = cluster.worker("alone", 1);
    cluster.wait("small");
    cluster.report("small")
}

#[test]
fn two_workers_one_killed_and_a_coordinator_restarted_give_the_reference_report() {
    let epochs = 30;
    let expected = reference(epochs);
    each_run_once(&expected, 4, 3);
    assert!(expected["final"]["test_accuracy"].as_f64().expect("tested") > 0.5, "it learned something");

    let mut cluster = Cluster::start(2.0);
    let data = small_pictures(cluster.folder(), 600, 100);
    cluster.submit(&spec(&data, epochs));
    let mut doomed = cluster.worker("doomed", 2);
    let _survivor = cluster.worker("survivor", 1);
    doomed.line_with("handed in");
    doomed.line_with("training");
    doomed.kill();
    cluster.crash_coordinator();
    cluster.wait("small");

    let report = cluster.report("small");
    each_run_once(&report, 4, 3);
    let (mut disturbed, mut calm) = (lasting(report), lasting(expected));
    // The two tests' folders differ, and with them the paths of the data; their bytes do not.
    for report in [&mut disturbed, &mut calm] {
        report["spec"]["data"] = StudyJson::Null;
        report["provenance"]["data"]["name"] = StudyJson::Null;
    }
    if let Some(place) = difference(&disturbed, &calm, "") {
        panic!("the reports differ: {place}");
    }
}

#[test]
fn a_worker_that_is_asked_to_stop_hands_back_at_once() {
    let cluster = Cluster::start(3600.0);
    let data = small_pictures(cluster.folder(), 600, 100);
    cluster.submit(&spec(&data, 200));
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
    cluster.submit(&spec(&data, 2000));
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
