//! Room for what is fetched and kept: folders that may be written, and volumes that hold what the programs keep in them.

use serde_json::Value;

use crate::tree::{documents, files, list, manifests, pods, text};

/// What comes beside what a worker keeps: datasets, and files of 3 GiB, which lie there twice until they are unpacked.
const COMING_GIB: u64 = 8;

/// A size in Kubernetes' words.
fn gib(size: &Value) -> u64 {
    let size = size.as_str().unwrap_or_else(|| panic!("{size} is no size"));
    let number = size.strip_suffix("Gi").unwrap_or_else(|| panic!("{size} is not in Gi"));
    number.parse().expect("a number")
}

fn variable<'a>(container: &'a Value, name: &str) -> Option<&'a str> {
    list(&container["env"]).find(|variable| variable["name"] == name)?["value"].as_str()
}

/// The mount that a path lies in.
fn mount_of<'a>(container: &'a Value, path: &str) -> Option<&'a Value> {
    list(&container["volumeMounts"]).find(|mount| {
        let folder = mount["mountPath"].as_str().unwrap_or_default();
        path == folder || path.starts_with(&format!("{folder}/"))
    })
}

/// How much a coordinator keeps unpacked, in GiB; nothing sets it.
fn shelf_gib() -> u64 {
    let source = include_str!("../../../data/src/cache.rs");
    let after = source.split("const SHELF_BYTES: u64 = ").nth(1).expect("the shelf has a size");
    after.split(" << 30;").next().and_then(|number| number.parse().ok()).expect("it is in GiB")
}

#[test]
fn nothing_names_a_folder_for_data_that_is_only_read() {
    for path in files("").into_iter().filter(|path| !path.ends_with(".md")) {
        let named = text(&path).lines().any(|line| {
            let comment = line.trim_start().starts_with('#');
            !comment && line.contains("FOLDWISE_DATA")
        });
        assert!(!named, "deploy/{path}: nothing is fetched into the folder of FOLDWISE_DATA");
    }
}

/// The size of a volume that a `StatefulSet` in a file claims.
fn claimed_gib(path: &str, volume: &Value) -> u64 {
    let documents = documents(path);
    let mut claims = documents.iter().flat_map(|document| list(&document["spec"]["volumeClaimTemplates"]));
    let claim = claims.find(|claim| claim["metadata"]["name"] == *volume);
    let claim = claim.unwrap_or_else(|| panic!("{path}: there is no volume {volume}"));
    gib(&claim["spec"]["resources"]["requests"]["storage"])
}

#[test]
fn pods_have_room_for_what_they_fetch() {
    let mut seen = Vec::new();
    for path in manifests("kubernetes/base") {
        for (name, pod) in pods(&path) {
            let container = &pod["containers"][0];
            let caches = variable(container, "XDG_CACHE_HOME");
            let folder = format!("{}/foldwise", caches.unwrap_or_else(|| panic!("{name} has no cache")));
            let mount = mount_of(container, &folder);
            let mount = mount.unwrap_or_else(|| panic!("{name} cannot write in {folder}"));
            assert!(mount["readOnly"].is_null(), "{name} cannot write in {folder}");
            let own = list(&pod["volumes"]).find(|volume| volume["name"] == mount["name"]);
            let (wanted, room) = match own {
                Some(volume) => {
                    let kept = variable(container, "FOLDWISE_PARCEL_GIB");
                    let kept = kept.unwrap_or_else(|| panic!("{name} is not told how much to keep"));
                    (kept.parse::<u64>().unwrap() + COMING_GIB, gib(&volume["emptyDir"]["sizeLimit"]))
                }
                // As much again for the same files as they came.
                None => (2 * shelf_gib(), claimed_gib(&path, &mount["name"])),
            };
            assert!(wanted <= room, "{name} needs {wanted} GiB in {folder} and has {room} GiB");
            let volumes = list(&pod["volumes"]).filter(|volume| volume["emptyDir"].is_object());
            let all: u64 = volumes.map(|volume| gib(&volume["emptyDir"]["sizeLimit"])).sum();
            let limit = gib(&container["resources"]["limits"]["ephemeral-storage"]);
            assert!(all <= limit, "{name} may fill {all} GiB, and is stopped at {limit} GiB");
            seen.push(name);
        }
    }
    assert_eq!(seen, ["coordinator", "worker"]);
}

#[test]
fn images_fetch_into_their_volumes() {
    let dockerfile = text("container/Dockerfile");
    for stage in ["coordinator", "worker", "worker-cuda"] {
        let own =
            dockerfile.split(&format!(" AS {stage}\n")).nth(1).unwrap().split("\nFROM ").next().unwrap();
        let mut words = own.split_whitespace();
        let caches = words
            .find_map(|word| word.strip_prefix("XDG_CACHE_HOME="))
            .unwrap_or_else(|| panic!("{stage} has no cache"));
        let volume = own.lines().find_map(|line| line.strip_prefix("VOLUME ")).unwrap();
        assert!(
            format!("{caches}/foldwise/").starts_with(&format!("{volume}/")),
            "{stage} cannot write in {caches}"
        );
        // Compose leaves it there.
        let services = &documents("compose/compose.yaml")[0]["services"];
        let service = if stage == "coordinator" { &services["coordinator"] } else { &services["worker"] };
        assert!(service["environment"]["XDG_CACHE_HOME"].is_null());
        let mounted = list(&service["volumes"])
            .any(|mount| mount.as_str().and_then(|mount| mount.split(':').nth(1)) == Some(volume));
        assert!(mounted, "{stage}: Compose keeps nothing of {volume}");
        // In memory are small files alone.
        for kept in list(&service["tmpfs"]).filter_map(Value::as_str) {
            assert!(kept.starts_with("/tmp:size="), "{stage}: {kept}");
        }
    }
}

#[test]
fn units_fetch_into_their_caches() {
    for path in files("systemd").into_iter().filter(|path| path.ends_with(".service")) {
        let text = text(&path);
        let cache = text.lines().find_map(|line| line.strip_prefix("CacheDirectory=")).unwrap();
        let caches = text
            .split_whitespace()
            .find_map(|word| word.trim_start_matches("Environment=").strip_prefix("XDG_CACHE_HOME="));
        assert_eq!(caches, Some(format!("/var/cache/{cache}").as_str()), "{path}");
    }
}
