//! Studies on this machine: a coordinator process with its clients, and `foldwise run` with workers that are not
//! there, do not start or do not listen. Training itself is tested where there is libtorch.
#![cfg(unix)]

use std::fmt::Write;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

const STUDY: &str = r#"
name = "flowers"
data = { csv = { train = "rows.csv", target = "kind" } }
validation = { k_fold = { folds = 2 } }
network = { mlp = { hidden = [4] } }
[train]
epochs = 2
batch_size = 4
optimizer = { kind = "sgd", lr = 0.1 }
[space]
"train.optimizer.lr" = [0.1, 0.2, 0.3]
"#;

/// Held while programs are written and while processes are started: a process that another thread starts meanwhile
/// would keep a program open for writing, and nobody could start it ("text file busy").
static STARTING: Mutex<()> = Mutex::new(());

fn start(command: &mut Command) -> Child {
    let _guard = STARTING.lock().expect("no other test failed here");
    command.spawn().expect("the program starts")
}

/// A folder with the program, a study and its rows.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let _guard = STARTING.lock().expect("no other test failed here");
        let folder = tempfile::tempdir().expect("a folder");
        let mut rows = "length,width,kind\n".to_owned();
        for row in 0..12 {
            writeln!(rows, "{row},{},{}", row * 2 % 5, ["rose", "lily"][row % 2]).expect("a text");
        }
        fs::write(folder.path().join("rows.csv"), rows).expect("a file");
        fs::write(folder.path().join("study.toml"), STUDY).expect("a file");
        fs::copy(env!("CARGO_BIN_EXE_foldwise"), folder.path().join("foldwise")).expect("a program");
        Self { folder }
    }

    /// Puts a worker beside the program.
    fn worker(self, script: &str) -> Self {
        let _guard = STARTING.lock().expect("no other test failed here");
        let path = self.path("foldwise-worker");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until the worker has written that it is ready.
    fn await_worker(&self) {
        for _ in 0..600 {
            if fs::read_to_string(self.path(".foldwise/worker.log")).is_ok_and(|log| log == "ready\n") {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the worker did not start within a minute");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("foldwise"));
        for variable in ["FOLDWISE_COORDINATOR", "FOLDWISE_STATE", "FOLDWISE_CONFIG", "FOLDWISE_WORKER"] {
            command.env_remove(variable);
        }
        command.args(arguments).current_dir(self.folder.path()).env("RUST_LOG", "warn");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let child = start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        child.wait_with_output().expect("the program ends")
    }

    /// A coordinator, and where it listens.
    fn coordinator(&self) -> (Child, String) {
        let mut command = self.command(&["coordinator", "--listen", "127.0.0.1:0"]);
        let mut child = start(command.stdout(Stdio::piped()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("listening on ").expect("the address").to_owned();
        (child, url)
    }
}

fn signal(child: &Child, name: &str) {
    let mut kill = start(Command::new("kill").args([name, &child.id().to_string()]));
    assert!(kill.wait().expect("kill ends").success());
}

fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_study_is_submitted_once_shown_and_cancelled() {
    let place = Place::new();
    let (mut coordinator, url) = place.coordinator();
    let ask = |arguments: &[&str]| place.run(&[arguments, &["--coordinator", &url]].concat());
    for _ in 0..2 {
        let submitted = ask(&["submit", "study.toml", "--request-id", "mine"]);
        assert_eq!(String::from_utf8_lossy(&submitted.stdout), "studies/1\n", "{}", error_of(&submitted));
    }
    let status: Value =
        serde_json::from_slice(&ask(&["status", "flowers", "--format", "json"]).stdout).unwrap();
    assert_eq!((&status["runs"]["queued"], &status["trials"]), (&Value::from(6), &Value::from(3)));
    let csv = ask(&["report", "1", "--format", "csv"]).stdout;
    assert_eq!(String::from_utf8_lossy(&csv).lines().count(), 7);
    let cancelled = ask(&["cancel", "flowers"]);
    assert_eq!(String::from_utf8_lossy(&cancelled.stdout), "flowers (studies/1) is cancelled\n");
    let watched = ask(&["watch", "1"]);
    assert_eq!(watched.status.code(), Some(1));
    assert!(error_of(&watched).ends_with("error: flowers (studies/1) was cancelled\n"));
    assert_eq!(ask(&["status", "7"]).status.code(), Some(1));
    signal(&coordinator, "-TERM");
    assert!(coordinator.wait().unwrap().success());
}

#[test]
fn a_report_is_shown_in_sections_and_studies_side_by_side() {
    let place = Place::new();
    fs::write(place.path("other.toml"), STUDY.replace("flowers", "others")).unwrap();
    let (mut coordinator, url) = place.coordinator();
    let ask = |arguments: &[&str]| place.run(&[arguments, &["--coordinator", &url]].concat());
    let shown = |arguments: &[&str]| {
        let output = ask(arguments);
        assert!(output.status.success(), "{}", error_of(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    shown(&["submit", "study.toml"]);
    shown(&["submit", "other.toml"]);
    let all = shown(&["report", "flowers", "--section", "all"]);
    for setting in ["measure.gradients", "measure.weights", "measure.snapshots", "measure.resources"] {
        assert!(all.contains(setting), "{all}");
    }
    assert!(all.starts_with("Trials: validation accuracy at the best epoch (epoch)\n"), "{all}");
    let folds = shown(&["report", "1", "--section", "folds", "--trial", "2", "--format", "csv"]);
    assert_eq!(folds.lines().nth(1), Some("2,0,queued,,,,,"));
    assert_eq!(folds.lines().count(), 4);
    let wrong = ask(&["report", "1", "--section", "best", "--trial", "3"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert_eq!(error_of(&wrong), "error: there is no trial 3: the study has 3, numbered from 0\n");
    let table = shown(&["report", "flowers", "others"]);
    assert!(table.lines().any(|line| line.starts_with("others ") && line.ends_with("searching")), "{table}");
    assert_eq!(shown(&["report", "1", "2", "--format", "csv"]).lines().count(), 3);
    let json: Value = serde_json::from_str(&shown(&["report", "1", "2", "--format", "json"])).unwrap();
    assert_eq!(
        (&json[0]["study"]["name"], &json[1]["study"]["name"]),
        (&"studies/1".into(), &"studies/2".into())
    );
    signal(&coordinator, "-TERM");
    assert!(coordinator.wait().unwrap().success());
}

#[test]
fn a_study_is_submitted_smaller() {
    let place = Place::new();
    let (mut coordinator, url) = place.coordinator();
    let ask = |arguments: &[&str]| place.run(&[arguments, &["--coordinator", &url]].concat());
    let submitted = ask(&["submit", "study.toml", "--scale", "0.5"]);
    assert!(submitted.status.success(), "{}", error_of(&submitted));
    let report: Value = serde_json::from_slice(&ask(&["report", "1", "--format", "json"]).stdout).unwrap();
    assert_eq!(report["study"]["description"], "Scaled to 50 %.");
    // Twelve rows are fewer than are kept of two classes in two folds.
    assert_eq!(
        (&report["spec"]["data"]["train_rows"], &report["spec"]["train"]["epochs"]),
        (&12.into(), &2.into())
    );
    signal(&coordinator, "-TERM");
    assert!(coordinator.wait().unwrap().success());
}

#[test]
fn nothing_runs_where_one_of_several_studies_is_wrong() {
    let place = Place::new().worker("exit 1");
    fs::write(place.path("other.toml"), STUDY.replace("epochs", "epoch")).unwrap();
    let output = place.run(&["run", "study.toml", "other.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(error_of(&output).contains("other.toml has "), "{}", error_of(&output));
    assert!(!place.path(".foldwise").exists());
}

#[test]
fn a_worker_that_cannot_start_is_quoted_and_not_tried_again() {
    let place = Place::new().worker("echo tried; echo no libtorch here >&2; exit 127");
    let output = place.run(&["run", "study.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let told = error_of(&output);
    assert!(told.contains("the worker does not start (exit status: 127); its last words:"), "{told}");
    assert!(told.contains("\n  | tried\n  | no libtorch here\n"), "{told}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_page_of_a_run_is_said_and_opened() {
    let place = Place::new().worker("exit 127");
    let opener = place.path("xdg-open");
    {
        let _guard = STARTING.lock().expect("no other test failed here");
        fs::write(&opener, "#!/bin/sh\necho \"$1\" > opened\n").expect("a file");
        fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).expect("a program");
    }
    let path = format!("{}:/usr/bin:/bin", place.folder.path().display());
    let run = |screen: &str| {
        let mut command = place.command(&["run", "study.toml", "--open"]);
        command.env_remove("WAYLAND_DISPLAY").env_remove("BROWSER").env("PATH", &path).env("DISPLAY", screen);
        let child = start(command.stdout(Stdio::null()).stderr(Stdio::piped()));
        error_of(&child.wait_with_output().expect("the program ends"))
    };
    let told = run(":7");
    let address = told.lines().find_map(|line| line.strip_prefix("flowers: watch it at ")).expect("is said");
    assert!(address.starts_with("http://127.0.0.1:") && address.ends_with("/studies/1"), "{address}");
    assert_eq!(fs::read_to_string(place.path("opened")).unwrap().trim(), address);
    // What keeps the search from starting ends the run: there is nothing to look at.
    assert!(told.contains("the worker does not start"), "{told}");
    let told = run("");
    assert!(told.contains("no browser was opened (there is no screen here): open http://"), "{told}");
}

#[test]
fn ctrl_c_drains_the_worker_and_a_second_one_does_not_wait() {
    let place =
        Place::new().worker("trap 'echo drained; exit 0' TERM\necho ready\nwhile :; do sleep 0.1; done");
    let child = start(place.command(&["run", "study.toml"]).stderr(Stdio::piped()));
    place.await_worker();
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", error_of(&output));
    assert!(error_of(&output).ends_with("interrupted; run the same command again to go on\n"));
    assert_eq!(fs::read_to_string(place.path(".foldwise/worker.log")).unwrap(), "ready\ndrained\n");

    let place = place.worker("trap '' TERM\necho ready\nwhile :; do sleep 0.1; done");
    let child = start(place.command(&["run", "study.toml"]).stderr(Stdio::piped()));
    place.await_worker();
    signal(&child, "-INT");
    std::thread::sleep(Duration::from_millis(500));
    signal(&child, "-INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
}

#[test]
fn a_missing_worker_is_told_with_what_to_do() {
    let place = Place::new();
    let mut command = place.command(&["worker"]);
    let child = start(command.env("PATH", place.folder.path()).stderr(Stdio::piped()));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = error_of(&output);
    assert!(told.contains("build it with `cargo build -p foldwise-worker`"), "{told}");
}

#[test]
fn the_worker_gets_its_arguments() {
    let place = Place::new().worker("echo \"$@\"\nexit 7");
    let line = [
        "worker",
        "--coordinator",
        "http://a:1",
        "--name",
        "w",
        "--slots",
        "2",
        "--",
        "--connect-seconds",
        "9",
    ];
    let output = place.run(&line);
    assert_eq!(output.status.code(), Some(7));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(told, "agent --coordinator http://a:1 --name w --slots 2 --connect-seconds 9\n");
}

#[cfg(target_os = "linux")]
#[test]
fn the_worker_does_not_outlive_a_run_that_is_killed() {
    let place = Place::new().worker("trap '' TERM\necho ready\nwhile :; do sleep 0.1; done");
    let mut child = start(place.command(&["run", "study.toml"]).stderr(Stdio::null()));
    place.await_worker();
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap();
    let worker = children.split_whitespace().next().expect("the main thread started the worker").to_owned();
    child.kill().unwrap();
    child.wait().unwrap();
    let gone = || !PathBuf::from(format!("/proc/{worker}/exe")).exists();
    for _ in 0..100 {
        if gone() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the worker is still there");
}
