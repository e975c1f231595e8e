//! `foldwise run`: everything on one machine, interrupted and taken up again.

use foldwise_tests::{Cluster, Finished, Running, small_pictures};
use nix::sys::signal::Signal;

fn spec(data: &str) -> String {
    format!(
        "name = \"alone\"\n{data}\n[validation]\nk_fold = {{ folds = 3 }}\n[network]\nmlp = {{ hidden = [8] }}\n\
         [train]\nepochs = 2000\nbatch_size = 10\noptimizer = {{ kind = \"sgd\", lr = 0.1 }}\n\
         [space]\n\"train.optimizer.lr\" = [0.1, 0.05, 0.01]\n[plan]\nwidth = 1\n"
    )
}

#[test]
fn an_interrupted_run_is_taken_up_where_it_stopped_and_then_only_reported() {
    let cluster = Cluster::start(10.0);
    let data = small_pictures(cluster.folder(), 300, 50);
    let spec = cluster.spec(&spec(&data));
    let state = cluster.folder().join("own-state").display().to_string();
    let arguments = ["run", &spec, "--state", &state, "--slots", "1", "--device", "cpu"];

    let mut interrupted = Running::start(&mut cluster.foldwise(&arguments));
    interrupted.line_with("best trial");
    interrupted.signal(Signal::SIGINT);
    let (code, log) = interrupted.end();
    assert_eq!(code, Some(130), "{log}");
    assert!(log.contains("same command again"), "{log}");

    let table = Finished::of(&mut cluster.foldwise(&arguments)).success();
    assert!(table.contains("winner") || table.contains("Winner"), "{table}");
    let again = Finished::of(&mut cluster.foldwise(&arguments)).success();
    assert!(again.contains("inner"), "{again}");

    // With its page open, a run ends when the person has seen enough.
    let mut open = Running::start(cluster.foldwise(&arguments).arg("--open").env_remove("DISPLAY"));
    let address = open.line_with("the page stays at");
    assert!(address.ends_with("until Ctrl-C"), "{address}");
    open.signal(Signal::SIGINT);
    let (code, log) = open.end();
    assert!(code == Some(0) && log.contains("inner"), "{log}");

    let reports = cluster.folder().join("own-state").join("reports");
    let names: Vec<String> = std::fs::read_dir(reports)
        .expect("reports")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    for ending in [".json", ".csv", ".safetensors"] {
        assert!(names.iter().any(|name| name.ends_with(ending)), "{ending} of {names:?}");
    }
}
