//! `deploy/` against the programs: nothing there may name an option or a variable that the programs do not have, have more
//! rights than it needs, or stop a worker before what it trains is handed back.

mod hardening;
mod lines;
mod overlays;
mod room;
mod secrets;
mod tree;

use std::collections::BTreeSet;

use hardening::{check_container, check_pod, check_service, check_unit};
use lines::{Programs, said, variables};
use tree::{documents, files, pods, root, text};

/// Seconds that a worker is left, after those that what it trains is given, to upload what it kept.
const UPLOAD_SECONDS: u64 = 30;

/// What is for watching, and has its page with the metrics.
const WATCHING: [&str; 2] = ["grafana", "prometheus"];

/// What waits for a worker to end, and what the worker was told, in seconds.
fn assert_patient(what: &str, patience: u64, grace: Option<u64>) {
    let grace = grace.unwrap_or_else(|| panic!("{what}: the worker is not told --grace-seconds"));
    assert!(patience >= grace + UPLOAD_SECONDS, "{what}: {patience} s are too few for {grace} s of grace");
}

#[test]
fn each_way_has_its_page() {
    let index = text("README.md");
    for entry in std::fs::read_dir(root()).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().into_string().unwrap();
        let own = format!("{name}/README.md");
        let page = if WATCHING.contains(&name.as_str()) { "../docs/metrics.md".to_owned() } else { own };
        assert!(root().join(&page).is_file(), "deploy/{page} is not there");
        assert!(index.contains(&format!("({page})")), "deploy/README.md does not lead to {page}");
    }
}

#[test]
fn every_option_and_variable_is_one_that_the_programs_have() {
    let programs = Programs::ask();
    let mut seen = 0;
    for path in files("") {
        let text = text(&path);
        for line in said(&path, &text) {
            seen += 1;
            let problem = programs.check(&line);
            assert_eq!(problem, None, "deploy/{path}: {line:?}");
        }
        for variable in variables(&text) {
            assert!(programs.knows_variable(&variable), "deploy/{path}: nothing reads {variable}");
        }
    }
    assert!(seen > 20, "lines are found: {seen}");
}

#[test]
fn kustomizations_name_every_file_beside_them() {
    for path in files("kubernetes").into_iter().filter(|path| path.ends_with("kustomization.yaml")) {
        let folder = path.trim_end_matches("/kustomization.yaml");
        let told = &documents(&path)[0];
        let list = |key: &str| told[key].as_array().cloned().unwrap_or_default();
        let resources: Vec<String> =
            list("resources").iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        let patches =
            list("patches").into_iter().filter_map(|patch| Some(patch["path"].as_str()?.to_owned()));
        let named: BTreeSet<String> = resources.into_iter().chain(patches).collect();
        for name in &named {
            assert!(root().join(folder).join(name).exists(), "{path}: there is no {name}");
        }
        for beside in files(folder).iter().filter_map(|file| file.strip_prefix(&format!("{folder}/"))) {
            let is_own = beside.ends_with(".yaml") && !beside.contains('/') && beside != "kustomization.yaml";
            assert!(!is_own || named.contains(beside), "{path} does not name {beside}");
        }
    }
}

#[test]
fn pods_have_no_more_rights_than_they_need() {
    let mut seen = BTreeSet::new();
    for path in files("kubernetes/base").into_iter().filter(|path| path.ends_with(".yaml")) {
        for (name, pod) in pods(&path) {
            check_pod(&name, &pod);
            for container in pod["containers"].as_array().unwrap() {
                check_container(&name, container);
            }
            if name == "worker" {
                assert_eq!(pod["containers"][0]["livenessProbe"]["httpGet"]["path"], "/metrics");
                let grace = lines::grace(&container_words(&pod));
                assert_patient(&path, pod["terminationGracePeriodSeconds"].as_u64().unwrap(), grace);
            } else {
                let container = &pod["containers"][0];
                let probes =
                    [("startupProbe", "/livez"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")];
                for (probe, path) in probes {
                    assert_eq!(container[probe]["httpGet"]["path"], path, "{name}: {probe}");
                }
            }
            seen.insert(name);
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["coordinator", "worker"]);
}

fn container_words(pod: &serde_json::Value) -> Vec<String> {
    let words = pod["containers"][0]["args"].as_array().into_iter().flatten();
    words.filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

#[test]
fn services_have_no_more_rights_than_they_need() {
    let compose = &documents("compose/compose.yaml")[0];
    let services = compose["services"].as_object().unwrap();
    let dockerfile = text("container/Dockerfile");
    for (name, service) in services {
        check_service(name, service);
        let target = service["build"]["target"].as_str().unwrap();
        assert!(dockerfile.contains(&format!(" AS {target}\n")), "{name}: the images have no {target}");
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(
                port.as_str().unwrap().starts_with("127.0.0.1:"),
                "{name} is reached from outside: {port}"
            );
        }
    }
    let worker = &services["worker"];
    let seconds = |text: &str| text.trim_end_matches('s').parse::<u64>().unwrap();
    let words: Vec<String> =
        worker["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect();
    let patience = seconds(worker["stop_grace_period"].as_str().unwrap());
    assert_patient("compose.yaml", patience, lines::grace(&words));
}

#[test]
fn images_run_as_nobody_in_particular() {
    let text = text("container/Dockerfile");
    for stage in ["coordinator", "worker", "worker-cuda"] {
        let from = text.find(&format!(" AS {stage}\n")).unwrap_or_else(|| panic!("there is no {stage}"));
        let own = text[from + 1..].split("\nFROM ").next().unwrap();
        assert!(own.contains("\nUSER 65532:65532\n"), "{stage} has no user");
        assert!(
            own.contains("\nENTRYPOINT ["),
            "{stage} is started through a shell, which takes its signals"
        );
    }
    let libtorch = include_str!("../../../xtask/src/setup.rs");
    let version = libtorch.split("const VERSION: &str = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(
        text.contains(&format!("torch=={version} ")),
        "the GPU image has another libtorch than {version}"
    );
}

#[test]
fn units_are_confined_and_patient() {
    for path in files("systemd").into_iter().filter(|path| path.ends_with(".service")) {
        let text = text(&path);
        check_unit(&path, &text);
        if path.contains("worker") {
            let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(&format!("{key}=")));
            let words: Vec<String> = value("ExecStart").unwrap().split(' ').map(str::to_owned).collect();
            assert_patient(&path, value("TimeoutStopSec").unwrap().parse().unwrap(), lines::grace(&words));
            assert_eq!(value("KillMode"), Some("mixed"), "{path}: trainers would be told, too");
        }
    }
}

#[test]
fn a_batch_job_is_told_in_time() {
    let text = text("slurm/foldwise-workers.sbatch");
    let number = |after: &str| -> u64 {
        let rest = text.split(after).nth(1).unwrap_or_else(|| panic!("there is no {after}"));
        rest.split(|char: char| !char.is_ascii_digit()).next().unwrap().parse().unwrap()
    };
    assert_patient("the batch script", number("--signal=B:TERM@"), Some(number("\ngrace_seconds=")));
}

#[test]
fn a_batch_job_is_told_once() {
    // The script passes on what it is told, once: told again later, a worker stops at once.
    let page = text("slurm/README.md");
    let commands: Vec<&str> = page
        .split(['`', '\n', ';'])
        .map(str::trim)
        .filter(|part| part.starts_with("scancel --signal"))
        .collect();
    assert!(!commands.is_empty(), "nothing tells a job early");
    for command in commands {
        let words: Vec<&str> = command.split(' ').collect();
        assert!(
            words.contains(&"--batch") && !words.contains(&"--full"),
            "the worker is told, too: {command}"
        );
    }
    let script = text("slurm/foldwise-workers.sbatch");
    for line in script.lines().filter(|line| line.starts_with("#SBATCH --signal=")) {
        assert!(line.starts_with("#SBATCH --signal=B:"), "the worker is told, too: {line}");
    }
    let [passed, told] = ["passed=yes", "kill -TERM"].map(|part| script.find(part));
    assert!(passed.is_some() && passed < told, "it is passed on once");
}

#[test]
fn examples_go_on_from_checkpoints_of_another_device() {
    let studies = root().join("../studies/own-code");
    let mut seen = 0;
    for folder in std::fs::read_dir(&studies).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.path()) {
            if file.extension().is_some_and(|extension| extension == "py") {
                let text = std::fs::read_to_string(&file).unwrap();
                for call in text.lines().filter(|line| line.contains("torch.load(")) {
                    seen += 1;
                    assert!(call.contains("map_location=\"cpu\""), "{}: {call}", file.display());
                }
            }
        }
    }
    assert!(seen > 0, "no example reads a checkpoint");
}
