//! Commands of studies' own: what they are told, what becomes of their reports, and that nothing of them outlives its run.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use foldwise_tests::{
    Cluster, Commands, Finished, Running, StudyJson, Trainer, assert_same, each_run_once, until,
};
use nix::sys::signal::Signal;

fn worker(cluster: &Cluster, commands: &Commands) -> Running {
    cluster.recruit("w").with(&["--allow-commands", &commands.path()]).registered()
}

/// Waits until a study has ended; how it stands.
fn ended(cluster: &Cluster) -> StudyJson {
    cluster.wait("own");
    cluster.status("own")
}

/// The process that a file names, as soon as it does.
fn process_in(path: &Path) -> i32 {
    until("a process's number", || fs::read_to_string(path).ok()?.trim().parse().ok())
}

fn is_alive(process: i32) -> bool {
    let state = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn gone(process: i32) {
    until("the end of a process", || (!is_alive(process)).then_some(()));
}

#[test]
fn a_search_with_a_command_has_a_report_with_every_run() {
    // What it was told is kept beside the script, by trial and fold.
    let commands = Commands::of(
        "name=$(grep -E '\"(trial|fold)\"' \"$FOLDWISE_JOB\" | tr -dc '0-9\\n' | paste -sd-)\n\
         cp \"$FOLDWISE_JOB\" \"$FOLDWISE_COMMANDS/job-$name.json\"\n\
         [ \"$HOME\" = \"$PWD\" ] && [ -z \"$SECRET\" ] && [ -z \"$(cat)\" ] || exit 9\n\
         epoch 1; epoch 2; done_",
    );
    let cluster = Cluster::start(30.0);
    let space = "[space]\n\"command.parameters.lr\" = [0.1, 0.01]\n\"command.parameters.deep\" = [true, false]\n\
                 [final]\nrefit = { epochs = 2 }\n";
    cluster.submit(&Commands::study(2, space));
    let _worker = worker(&cluster, &commands);
    let report = cluster.succeeded("own");
    each_run_once(&report, 4, 3);
    assert_eq!(report["trials"][0]["mean"], 0.75);
    assert_eq!(report["final"]["test_accuracy"], 0.5, "{:#}", report["final"]);
    let digest = report["final"]["weights_digest"].as_str().expect("weights").to_owned();
    let saved = cluster.folder().join("model.bin");
    let _ = cluster.done(&["artifact", &digest, "--output", &saved.display().to_string()]);
    assert_eq!(fs::read_to_string(saved).expect("is there"), "learned\n");

    let job = |name: &str| -> StudyJson {
        let text = fs::read_to_string(commands.folder().join(format!("job-{name}.json"))).expect("was told");
        serde_json::from_str(&text).expect("is JSON")
    };
    let (first, other) = (job("1-2"), job("2-2"));
    assert_eq!(first["parameters"], serde_json::json!({ "lr": 0.1, "deep": false }));
    assert_eq!(first["epochs"], 2);
    assert_eq!(first["seed"], other["seed"], "trials share random numbers");
    assert_ne!(first["seed"], job("1-1")["seed"]);
    assert_eq!((&first["data"]["test"], &first["target"]["classes"]), (&StudyJson::Null, &2.into()));
    let last = job("0-3");
    assert_eq!((&last["stage"], &last["data"]["validation_rows"]), (&"final".into(), &StudyJson::Null));
    assert!(last["data"]["test"]["x"].is_string());
}

#[test]
fn a_command_that_crashes_is_tried_again_and_then_failed_with_what_it_printed() {
    let commands = Commands::of("epoch 1\necho 'the matrix is singular' >&2\nexit 3");
    let cluster = Cluster::start(30.0);
    cluster.submit(&Commands::study(1, "[limits]\nattempts = 2\n"));
    let _worker = worker(&cluster, &commands);
    let status = ended(&cluster);
    assert_eq!((&status["state"], &status["runs"]["failed"]), (&"failed".into(), &3.into()), "{status:#}");
    let run = &status["troubled_runs"][0];
    assert_eq!((&run["attempts"], &run["failure"]), (&2.into(), &"crash".into()), "{run:#}");
    let error = run["error"].as_str().expect("a text");
    assert!(error.contains("exit code 3") && error.contains("the matrix is singular"), "{error}");
}

#[test]
fn what_is_wrong_with_a_command_is_one_clear_error() {
    let of = |script: &str, program: &str| {
        let commands = Commands::of(script);
        let cluster = Cluster::start(30.0);
        let study = Commands::study(2, "[limits]\nattempts = 1\n").replace("train.sh", program);
        cluster.submit(&study);
        let _worker = worker(&cluster, &commands);
        let status = ended(&cluster);
        assert_eq!(status["state"], "failed", "{status:#}");
        status["troubled_runs"][0]["error"].as_str().expect("a text").to_owned()
    };
    let missing = of("", "trian.sh");
    assert!(missing.contains("there is no file `trian.sh` in"), "{missing}");
    let bad = of("say '{\"epoch\":1,\"train\":{\"loss\":NaN}}'; sleep 100", "train.sh");
    assert!(bad.contains("line 1 of the command's report is wrong: JSON has no NaN"), "{bad}");
    let silent = of("epoch 1", "train.sh");
    assert!(silent.contains("without saying {\"done\": true}"), "{silent}");
    let escaping = of("epoch 1; say '{\"checkpoint\":\"../../lock\",\"epoch\":1}'; sleep 100", "train.sh");
    assert!(escaping.contains("is no file in the run's folder"), "{escaping}");
}

#[test]
fn a_command_that_hangs_is_killed_with_all_that_it_started() {
    // The second leaves its group and its parent, as a daemon does.
    let commands = Commands::of(
        "sleep 1000 & echo $! > \"$FOLDWISE_COMMANDS/child\"\n\
         setsid sh -c 'sleep 1000 & echo $! > \"$FOLDWISE_COMMANDS/daemon\"'\n\
         epoch 1; sleep 1000",
    );
    let cluster = Cluster::start(30.0);
    cluster.submit(&Commands::study(2, "[limits]\nattempts = 3\nhang_seconds = 8\n"));
    let _worker = worker(&cluster, &commands);
    let (child, daemon) =
        (process_in(&commands.folder().join("child")), process_in(&commands.folder().join("daemon")));
    let run = cluster.trouble("own", "hang");
    assert!(run["error"].as_str().expect("a text").contains("no epoch ended within 8 s"), "{run:#}");
    gone(child);
    gone(daemon);
}

#[test]
fn what_a_run_that_hung_has_written_goes_with_it() {
    let commands =
        Commands::of("echo much > weights; echo \"$PWD\" >> \"$FOLDWISE_COMMANDS/places\"; sleep 1000");
    let cluster = Cluster::start(30.0);
    cluster.submit(&Commands::study(2, "[limits]\nattempts = 20\nhang_seconds = 5\n"));
    let _worker = worker(&cluster, &commands);
    let places = until("a run after one that hung", || {
        let text = fs::read_to_string(commands.folder().join("places")).ok()?;
        let places: Vec<String> = text.lines().map(str::to_owned).collect();
        (places.len() > 1).then_some(places)
    });
    assert!(!Path::new(&places[0]).exists(), "{places:?}");
}

#[test]
fn what_a_command_leaves_behind_is_collected_as_it_ends() {
    // Its parent ends first, so that nobody but the keeper can collect it.
    let commands = Commands::of(
        "( sh -c 'echo $$ > \"$FOLDWISE_COMMANDS/orphan\"' & )\n\
         ( sh -c 'echo $$ > \"$FOLDWISE_COMMANDS/other\"' & )\nepoch 1; sleep 1000",
    );
    let cluster = Cluster::start(30.0);
    cluster.submit(&Commands::study(2, ""));
    let _worker = worker(&cluster, &commands);
    cluster.wait_for_epoch("own");
    for name in ["orphan", "other"] {
        let orphan = process_in(&commands.folder().join(name));
        let kept = format!("/proc/{orphan}");
        until("nothing of an orphan, not even that it ended", || (!Path::new(&kept).exists()).then_some(()));
    }
    assert_eq!(cluster.status("own")["runs"]["leased"], 1, "the command runs on");
}

#[test]
fn a_worker_whose_program_was_replaced_works_on() {
    let folder = tempfile::tempdir().expect("folder");
    let program = folder.path().join("foldwise-worker");
    let start = format!("cp \"$0\" '{0}' && exec '{0}' \"$@\"", program.display());
    let commands = Commands::of("epoch 1; done_");
    let cluster = Cluster::start(30.0);
    let recruit = cluster.recruit("w").inside(&["sh", "-c", &start]);
    let worker = recruit.with(&["--allow-commands", &commands.path()]).registered();
    let first = Trainer::wait_for(&worker);

    // As an upgrade does it: another file under the same name.
    let other = folder.path().join("new");
    fs::write(&other, "#!/bin/sh\nexit 7\n").expect("writes");
    fs::rename(&other, &program).expect("renames");
    assert!(first.signal(Signal::SIGKILL), "its successor is to be of its version");
    cluster.submit(&Commands::study(1, "[limits]\nattempts = 2\n"));
    each_run_once(&cluster.succeeded("own"), 1, 3);
    // Nor is it called `exe` in lists of processes.
    let trainer = Trainer::wait_for(&worker);
    assert_eq!(trainer.name(), "foldwise-worker");
}

#[test]
fn cancelling_and_killing_end_everything_that_a_command_started() {
    let script = "trap '' TERM\nsleep 1000 & echo $! > \"$FOLDWISE_COMMANDS/child\"; epoch 1; while :; do sleep 1000; done";
    let commands = Commands::of(script);
    let cluster = Cluster::start(2.0);
    cluster.submit(&Commands::study(2, ""));
    let agent = worker(&cluster, &commands);
    let path = commands.folder().join("child");
    let child = process_in(&path);
    fs::remove_file(&path).expect("is there");
    let _ = cluster.done(&["cancel", "own"]);
    gone(child);

    // A trainer that is killed takes its command with it, and so does an agent.
    cluster.submit(&Commands::study(2, "").replace("\"own\"", "\"again\""));
    let child = process_in(&path);
    fs::remove_file(&path).expect("is there");
    assert!(Trainer::wait_for(&agent).signal(Signal::SIGKILL));
    gone(child);
    let child = process_in(&path);
    agent.kill();
    gone(child);
}

#[test]
fn a_run_goes_on_from_its_checkpoint_when_its_worker_was_killed() {
    // The first attempt stops after its checkpoint; the next goes on with what it wrote.
    let commands = Commands::of(
        "kept=$(tr -d ' \\n' < \"$FOLDWISE_JOB\" | sed -n 's/.*\"checkpoint\":{\"path\":\"\\([^\"]*\\)\".*/\\1/p')\n\
         if [ -n \"$kept\" ]; then cp \"$kept\" \"$FOLDWISE_COMMANDS/resumed\"; epoch 2; epoch 3; done_; exit; fi\n\
         epoch 1; sleep 1.5; echo state-1 > a; say '{\"checkpoint\":\"a\",\"epoch\":1}'; sleep 1000",
    );
    let cluster = Cluster::start(1.0);
    let hold_out = "hold_out = { fraction = 0.5, seed = 1 }";
    let study = Commands::study(3, "[limits]\ncheckpoint_seconds = 1\nattempts = 5\n[final]\nskip = true\n");
    cluster.submit(&study.replace("k_fold = { folds = 3, seed = 1 }", hold_out));
    let agent = worker(&cluster, &commands);
    until("a checkpoint", || {
        let runs = cluster.json(&["status", "own"]);
        let log = fs::read_dir(cluster.state().join("artifacts")).ok()?.count();
        (log > 0 && runs["runs"]["leased"] == 1).then_some(())
    });
    agent.kill();
    let _second = cluster.recruit("second").with(&["--allow-commands", &commands.path()]).registered();
    let report = cluster.succeeded("own");
    assert_eq!(fs::read_to_string(commands.folder().join("resumed")).expect("is there"), "state-1\n");
    let run = &report["trials"][0]["folds"][0];
    let epochs: Vec<_> =
        run["epochs"].as_array().expect("epochs").iter().map(|epoch| &epoch["epoch"]).collect();
    assert_eq!(epochs, [1, 2, 3], "the first epoch is of the first attempt: {run:#}");
}

#[test]
fn a_worker_that_is_stopped_hands_back_a_run_with_the_checkpoint_that_it_was_asked_for() {
    let commands = Commands::of(
        "if grep -q '\"checkpoint\": {' \"$FOLDWISE_JOB\"; then epoch 2; done_; exit; fi\n\
         trap 'echo state > a; say \"{\\\"checkpoint\\\":\\\"a\\\",\\\"epoch\\\":1}\"; exit 0' TERM\n\
         epoch 1; while :; do sleep 0.1; done",
    );
    let cluster = Cluster::start(30.0);
    let study = Commands::study(2, "[final]\nskip = true\n");
    cluster.submit(
        &study.replace("k_fold = { folds = 3, seed = 1 }", "hold_out = { fraction = 0.5, seed = 1 }"),
    );
    let agent = worker(&cluster, &commands);
    cluster.wait_for_epoch("own");
    agent.signal(Signal::SIGTERM);
    // Who stops a job may say so twice in one breath.
    agent.signal(Signal::SIGINT);
    let (code, log) = agent.end();
    assert_eq!(code, Some(0), "{log}");
    let _second = cluster.recruit("second").with(&["--allow-commands", &commands.path()]).registered();
    each_run_once(&cluster.succeeded("own"), 1, 1);
}

#[test]
fn a_worker_that_is_told_to_stop_again_and_again_stops_at_once() {
    let commands = Commands::of("trap '' TERM\nepoch 1; while :; do sleep 1000; done");
    let cluster = Cluster::start(30.0);
    cluster.submit(&Commands::study(2, ""));
    let agent = cluster.recruit("w").with(&["--allow-commands", &commands.path(), "--grace-seconds", "600"]);
    let agent = agent.registered();
    cluster.wait_for_epoch("own");
    until("the end of an agent that somebody insists on", || {
        agent.signal(Signal::SIGINT);
        (!is_alive(agent.process())).then_some(())
    });
    let (code, log) = agent.end();
    assert_eq!(code, Some(130), "{log}");
}

#[test]
fn a_worker_that_allows_no_commands_is_never_given_one() {
    let commands = Commands::of("epoch 1; done_");
    let cluster = Cluster::start(30.0);
    let mut refusing = cluster.worker("refusing", 2);
    cluster.submit(&Commands::study(1, ""));
    let status = cluster.status("own");
    let message = status["message"].as_str().expect("a message");
    assert!(message.contains("start one with --allow-commands FOLDER"), "{message}");
    let _worker = worker(&cluster, &commands);
    let report = cluster.succeeded("own");
    let runs = report["trials"][0]["folds"].as_array().expect("runs");
    assert!(runs.iter().all(|run| run["worker"] == "w"), "{runs:?}");
    assert!(!refusing.log().contains("training"), "{}", refusing.log());
}

#[test]
fn a_module_is_trained_and_comes_back_as_one() {
    let commands = Commands::of("");
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worker/tests/module/net.pt");
    fs::copy(module, commands.folder().join("net.pt")).expect("copies");
    let cluster = Cluster::start(30.0);
    cluster.submit(
        "name = \"own\"\n[data]\nblobs = { classes = 3, features = 2, rows = 60, test_rows = 9 }\n[validation]\n\
         k_fold = { folds = 3, seed = 1 }\n[network]\ntorchscript = { file = \"net.pt\" }\n[train]\nepochs = 3\n\
         batch_size = 10\noptimizer = { kind = \"sgd\", lr = 0.1 }\n[space]\n\"train.optimizer.lr\" = [0.1, 0.01]\n",
    );
    let _refusing = cluster.worker("refusing", 1);
    let _worker = worker(&cluster, &commands);
    let report = cluster.succeeded("own");
    each_run_once(&report, 2, 3);
    assert!(report["final"]["test_loss"].is_number(), "{:#}", report["final"]);
    let digest = report["final"]["weights_digest"].as_str().expect("weights").to_owned();
    let saved = cluster.folder().join("model.pt");
    let _ = cluster.done(&["artifact", &digest, "--output", &saved.display().to_string()]);
    // TorchScript files are zip archives.
    assert!(fs::read(saved).expect("is there").starts_with(b"PK"));
}

#[test]
fn a_module_s_run_goes_on_from_its_checkpoint_when_its_worker_was_killed() {
    let commands = Commands::of("");
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worker/tests/module/stateful.pt");
    fs::copy(module, commands.folder().join("stateful.pt")).expect("copies");
    let study = "name = \"own\"\n[data]\nblobs = { classes = 3, features = 2, rows = 600, test_rows = 60 }\n\
                 [validation]\nhold_out = { fraction = 0.5, seed = 1 }\n[network]\n\
                 torchscript = { file = \"stateful.pt\" }\n[train]\nepochs = 400\nbatch_size = 10\n\
                 optimizer = { kind = \"adam\", lr = 0.01 }\n[limits]\ncheckpoint_seconds = 1\n\
                 [final]\nrefit = { epochs = 3 }\n";
    let undisturbed = Cluster::start(30.0);
    undisturbed.submit(study);
    let _steady = worker(&undisturbed, &commands);
    let expected = undisturbed.succeeded("own");

    let mut cluster = Cluster::start(1.0);
    cluster.submit(study);
    let first = worker(&cluster, &commands);
    cluster.coordinator().line_with(" checkpoint ");
    first.kill();
    let mut second = worker(&cluster, &commands);
    let line = second.line_with("from_epoch=");
    assert!(!line.contains("from_epoch=0"), "{line}");
    assert_same(&cluster.succeeded("own"), &expected);
}

#[test]
fn outer_folds_test_a_command_on_the_rows_that_they_keep_apart() {
    let commands = Commands::of(
        "if grep -q '\"stage\": \"outer\"' \"$FOLDWISE_JOB\"; then cp \"$FOLDWISE_JOB\" \"$FOLDWISE_COMMANDS/outer.json\"\n\
         grep -q '\"test_rows\": \"' \"$FOLDWISE_JOB\" || exit 9; fi\nepoch 1; done_",
    );
    let cluster = Cluster::start(30.0);
    let study = Commands::study(1, "");
    let nested = "k_fold = { folds = 2, seed = 1 }\nouter = { k_fold = { folds = 2, seed = 2 } }";
    cluster.submit(&study.replace("k_fold = { folds = 3, seed = 1 }", nested));
    let _worker = worker(&cluster, &commands);
    let report = cluster.succeeded("own");
    assert!(commands.folder().join("outer.json").exists(), "{:#}", report["provenance"]);
    assert_eq!(report["final"]["test_accuracy"], 0.5);
}

#[test]
fn a_run_on_this_machine_needs_the_folder_as_well() {
    let cluster = Cluster::start(30.0);
    let spec = cluster.spec(&Commands::study(1, ""));
    let refused = Finished::of(&mut cluster.foldwise(&["run", &spec]));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--allow-commands FOLDER"), "{}", refused.stderr);
    let commands = Commands::of("epoch 1; done_");
    let allowed = ["run", &spec, "--allow-commands", &commands.path(), "--device", "cpu", "--slots", "1"];
    let done = Finished::of(&mut cluster.foldwise(&allowed)).success();
    assert!(done.contains("own-1.weights"), "{done}");
}
