//! Secrets in `deploy/`: files everywhere, and each made by a command that a page shows.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::hardening::{check_secrets, check_variable};
use crate::tree::{documents, files, list, pods, text};

/// Containers of pods, and of what is patched onto them, with the files that they are in.
fn containers() -> Vec<(String, Value, Value)> {
    let mut found = Vec::new();
    for path in files("kubernetes").into_iter().filter(|path| path.ends_with(".yaml")) {
        for (name, pod) in pods(&path) {
            for kind in ["containers", "initContainers"] {
                let own = list(&pod[kind]).map(|container| (format!("{path}: {name}"), container.clone()));
                found.extend(own.map(|(place, container)| (place, pod.clone(), container)));
            }
        }
    }
    found
}

#[test]
fn secrets_are_files_in_every_overlay() {
    let mut overlays = BTreeSet::new();
    for (place, _, container) in containers() {
        check_secrets(&place, &container);
        overlays.extend(place.split('/').nth(1).map(str::to_owned));
    }
    for overlay in ["base", "gpu", "postgres"] {
        assert!(overlays.contains(overlay), "{overlay} was not read");
    }
    for path in files("compose").into_iter().filter(|path| path.ends_with(".yaml")) {
        for (name, service) in documents(&path)[0]["services"].as_object().unwrap() {
            for (variable, value) in service["environment"].as_object().into_iter().flatten() {
                check_variable(&format!("{path}: {name}"), variable, value.as_str().unwrap_or_default());
            }
        }
    }
    for path in files("systemd").into_iter().filter(|path| !path.ends_with(".md")) {
        for line in text(&path).lines().filter_map(|line| line.strip_prefix("Environment=")) {
            for (variable, value) in line.split(' ').filter_map(|word| word.split_once('=')) {
                check_variable(&path, variable, value);
            }
        }
    }
}

#[test]
fn each_secret_is_made_by_a_command_of_the_page() {
    let page = text("kubernetes/README.md");
    let mut seen = BTreeSet::new();
    for (place, pod, container) in containers() {
        for volume in list(&pod["volumes"]) {
            let Some(secret) = volume["secret"]["secretName"].as_str() else { continue };
            let start = format!("create secret generic {secret} ");
            let Some(command) = page.lines().find(|line| line.contains(&start)) else {
                panic!("{place}: the page does not make {secret}");
            };
            let mount = list(&container["volumeMounts"]).find(|mount| mount["name"] == volume["name"]);
            let Some(folder) = mount.and_then(|mount| mount["mountPath"].as_str()) else {
                panic!("{place}: {secret} is not mounted");
            };
            for value in list(&container["env"]).filter_map(|variable| variable["value"].as_str()) {
                let Some(file) = value.strip_prefix(&format!("{folder}/")) else { continue };
                let made = command.split(' ').any(|word| {
                    let source = word.strip_prefix("--from-file=");
                    source.and_then(|source| source.split('=').next()) == Some(file)
                });
                assert!(made, "{place}: the page does not make {file} of {secret}");
                seen.insert(file.to_owned());
            }
        }
    }
    for file in ["tls.key", "token", "pgpass"] {
        assert!(seen.contains(file), "nothing reads {file}");
    }
}

#[test]
fn each_file_that_a_unit_is_given_is_installed_by_a_command_of_the_page() {
    let page = text("systemd/README.md");
    let commands: Vec<&str> = page.lines().filter(|line| line.starts_with("    ")).collect();
    let mut given = Vec::new();
    for path in files("systemd").into_iter().filter(|path| !path.ends_with(".md")) {
        let text = text(&path);
        let lines = text.lines().filter_map(|line| line.strip_prefix("LoadCredential="));
        given.extend(lines.map(|line| line.split(':').nth(1).expect("a file").to_owned()));
    }
    assert!(!given.is_empty(), "units are given no files");
    for file in &given {
        // One that several units are given is installed on the machines of each.
        let wanted = given.iter().filter(|other| *other == file).count();
        let words = commands.iter().flat_map(|line| line.split([' ', ';']));
        let installed = words.filter(|word| *word == file).count();
        assert!(installed >= wanted, "{file} is installed {installed} times, for {wanted} units");
    }
    // What a unit sees are copies that were made at its start.
    for unit in ["foldwise-coordinator", "foldwise-worker"] {
        let command = format!("systemctl restart {unit}`");
        assert!(page.contains(&command), "nothing says how {unit} reads what was replaced");
    }
}
