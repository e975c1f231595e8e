//! The command line as people meet it: help, plans, and what happens when something is wrong.

use std::fs;
use std::net::TcpListener;

use assert_cmd::Command;
use serde_json::Value;

/// Nothing listens here: the port was free a moment ago.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("bound"))
}

fn foldwise(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foldwise"));
    for variable in ["FOLDWISE_COORDINATOR", "FOLDWISE_STATE", "FOLDWISE_CONFIG", "RUST_LOG"] {
        command.env_remove(variable);
    }
    command.args(arguments);
    command
}

const QUICKSTART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../studies/quickstart.toml");

#[test]
fn pages_are_as_written_down() {
    trycmd::TestCases::new().case("tests/pages/*.trycmd");
}

#[test]
fn the_plan_of_the_quickstart_is_known_without_its_data() {
    let output = foldwise(&["plan", QUICKSTART, "--format", "json", "--device", "cpu"])
        .env("FOLDWISE_DATA", "/nowhere")
        .assert()
        .success();
    let plan: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(plan["runs"], 40);
    assert_eq!(plan["epochs"], 240);
    assert_eq!(plan["trials"].as_array().unwrap().len(), 8);
    assert_eq!(plan["trials"][0]["parameter_count"], 52_842);
    assert_eq!(plan["trials"][0]["batch_norm_parameter_count"], 192);
    let widths = plan["cohorts"].as_array().unwrap().iter().map(|cohort| cohort["width"].as_u64().unwrap());
    assert_eq!(widths.sum::<u64>(), 40);
}

#[test]
fn a_scaled_plan_has_fewer_rows_and_epochs_and_the_same_runs() {
    let arguments = ["plan", QUICKSTART, "--format", "json", "--device", "cpu", "--scale", "0.01"];
    let output = foldwise(&arguments).env("FOLDWISE_DATA", "/nowhere").assert().success();
    let plan: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!((&plan["runs"], &plan["epochs"]), (&40.into(), &80.into()));
    assert_eq!(plan["train_rows"], 600, "{plan:#}");
    foldwise(&["plan", QUICKSTART, "--scale", "0"]).assert().code(2);
}

#[test]
fn every_problem_of_a_study_file_is_shown_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong.toml");
    let text = fs::read_to_string(QUICKSTART)
        .unwrap()
        .replace("epochs = 6", "epoch = 6")
        .replace("seed = 42\n\n", "seed = \"x\"\n\n");
    fs::write(&path, text).unwrap();
    for command in ["plan", "submit", "run"] {
        let output = foldwise(&[command, path.to_str().unwrap()]).current_dir(folder.path()).assert().code(2);
        let shown = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(shown.contains("wrong.toml has "), "{shown}");
        assert!(shown.contains("epoch") && shown.contains("seed"), "{shown}");
    }
}

#[test]
fn programs_get_the_problems_as_json() {
    let command = foldwise(&["plan", "-", "--spec-format", "json", "--format", "json"]);
    let output = { command }.write_stdin("{\n  \"sead\": 3\n}").assert().code(2);
    let told: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    let problems = told["problems"].as_array().unwrap();
    let wrong = problems.iter().find(|problem| problem["line"] == 2).unwrap();
    assert_eq!(wrong["hint"], "did you mean `seed`?");
}

#[test]
fn a_study_file_that_cannot_be_read_is_a_usage_error() {
    let output = foldwise(&["plan", "/nowhere/study.toml"]).assert().code(2);
    let shown = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(shown.starts_with("error: cannot read the study file /nowhere/study.toml: "), "{shown}");
    foldwise(&["plan", "-"]).write_stdin("name = 1").assert().code(2);
}

#[test]
fn no_coordinator_is_its_own_exit_code() {
    let url = nowhere();
    let commands: [&[&str]; 8] = [
        &["list"],
        &["status", "1"],
        &["watch", "1"],
        &["cancel", "1"],
        &["report", "1"],
        &["workers"],
        &["health"],
        &["submit", QUICKSTART],
    ];
    for command in commands {
        let output = foldwise(command).args(["--coordinator", &url]).assert().code(3);
        let shown = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        let expected = format!(
            "error: no coordinator answers at {url}: Connection refused (os error 111)\nhint: start one with \
             `foldwise coordinator`, or name another with --coordinator\n"
        );
        assert_eq!(shown, expected, "{command:?}");
    }
}

#[test]
fn shells_complete_commands_and_options() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = foldwise(&["completions", shell]).assert().success();
        let script = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
        assert!(script.contains("calibrate") && script.contains("spec-format"), "{shell}");
    }
    foldwise(&["completions", "dos"]).assert().code(2);
}

#[test]
fn every_command_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    let man1 = folder.path().join("share/man1");
    foldwise(&["man", man1.to_str().unwrap()]).assert().success();
    for page in ["foldwise", "foldwise-run", "foldwise-report", "foldwise-data-fetch"] {
        let text = fs::read_to_string(man1.join(format!("{page}.1"))).unwrap();
        assert!(text.contains(".SH SYNOPSIS") && text.contains(".SH OPTIONS"), "{page}: {text}");
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let output = foldwise(&["man", file.to_str().unwrap()]).assert().code(1);
    let shown = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(shown.starts_with(&format!("error: cannot write {}: ", file.display())), "{shown}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_foldwise"))
        .arg("schema")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn commands_on_folders_take_no_other_for_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str], store: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_foldwise"));
        command.current_dir(folder.path()).env("FOLDWISE_STORE", store).args(arguments);
        let output = command.output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(&["token", "create", "root", "--role", "admin", "--state", "nostate"], "");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no coordinator's state in nostate"), "{said}");
    assert!(!folder.path().join("nostate").exists());
    let (code, said) = run(&["backup", "copy"], "postgres://u@db/x");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("pg_dump"), "{said}");
}
