//! What lies in `deploy/`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// Every file in a folder of it, by its path from `deploy/`.
pub(crate) fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let own = path.strip_prefix(root()).expect("it lies in it");
                found.push(own.to_str().expect("a plain name").to_owned());
            }
        }
    }
    found.sort();
    found
}

/// A file's text.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("deploy/{path}: {error}"))
}

/// The documents of a YAML file.
pub(crate) fn documents(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(path)).unwrap_or_else(|error| panic!("deploy/{path}: {error}"))
}

/// The folders with a kustomization.
pub(crate) fn kustomizations() -> Vec<String> {
    let all = files("kubernetes").into_iter();
    all.filter_map(|path| path.strip_suffix("/kustomization.yaml").map(str::to_owned)).collect()
}

/// The YAML files in a folder with a kustomization, without it.
pub(crate) fn manifests(folder: &str) -> Vec<String> {
    let all = files(folder).into_iter();
    all.filter(|path| path.ends_with(".yaml") && !path.ends_with("/kustomization.yaml")).collect()
}

/// A list in a document; empty where there is none.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The pods that a file's Deployments and the like make, with their names.
pub(crate) fn pods(path: &str) -> Vec<(String, Value)> {
    let of = |document: Value| {
        assert!(document["apiVersion"].is_string() && document["kind"].is_string(), "{path}: {document}");
        let pod = document["spec"]["template"]["spec"].clone();
        let name = document["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        (pod.is_object()).then_some((name, pod))
    };
    documents(path).into_iter().filter_map(of).collect()
}
