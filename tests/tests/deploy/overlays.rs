//! What the overlays in `deploy/kubernetes` change, read together with what they change.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::tree::{documents, kustomizations, list, manifests, pods, text};

/// Documents of a kind in an overlay and in what it builds on, by their names; the overlay's own come first.
fn all_of(kind: &str, folder: &str) -> Vec<(String, Value)> {
    let built_on = if folder == "kubernetes/base" { Vec::new() } else { manifests("kubernetes/base") };
    let paths = manifests(folder).into_iter().chain(built_on);
    let own = paths.flat_map(|path| documents(&path)).filter(|document| document["kind"] == kind);
    own.map(|document| (document["metadata"]["name"].as_str().expect("a name").to_owned(), document))
        .collect()
}

/// Who may send to whom on which port within the namespace, as one side has it.
fn ways(
    policies: &[(String, Value)],
    kind: &str,
    rules: &str,
    others: &str,
) -> BTreeSet<(String, String, u64)> {
    let of = |labels: &Value| labels["matchLabels"]["app.kubernetes.io/name"].as_str().map(str::to_owned);
    let mut found = BTreeSet::new();
    for (name, policy) in policies {
        let Some(own) = of(&policy["spec"]["podSelector"]) else { continue };
        for rule in list(&policy["spec"][rules]) {
            assert!(list(&policy["spec"]["policyTypes"]).any(|own| own == kind), "{name} is not for {kind}");
            for other in list(&rule[others]).filter_map(|other| of(&other["podSelector"])) {
                for port in list(&rule["ports"]).filter_map(|port| port["port"].as_u64()) {
                    let (from, to) = if kind == "Egress" { (&own, &other) } else { (&other, &own) };
                    found.insert((from.clone(), to.clone(), port));
                }
            }
        }
    }
    found
}

#[test]
fn who_may_send_is_let_in() {
    for folder in kustomizations() {
        let policies = all_of("NetworkPolicy", &folder);
        let out = ways(&policies, "Egress", "egress", "to");
        let into = ways(&policies, "Ingress", "ingress", "from");
        assert_eq!(out, into, "{folder}: everything else is denied, on both sides");
        let to_database = out.contains(&("coordinator".to_owned(), "database".to_owned(), 5432));
        assert_eq!(to_database, folder == "kubernetes/postgres", "{folder}");
        assert!(out.contains(&("worker".to_owned(), "coordinator".to_owned(), 7070)), "{folder}");
    }
}

#[test]
fn coordinators_of_which_one_is_ready_can_be_updated_and_moved() {
    let folder = "kubernetes/postgres";
    let sets = all_of("StatefulSet", folder);
    let (name, set) = &sets[0];
    let replicas = set["spec"]["replicas"].as_u64().unwrap();
    assert_eq!((name.as_str(), replicas), ("coordinator", 2));
    // One by one, as Kubernetes updates by itself, it waits for a standby to be ready.
    assert_eq!(set["spec"]["updateStrategy"]["type"], "OnDelete");
    let page = text("kubernetes/README.md");
    for pod in 0..replicas {
        let command = format!("delete pod {name}-{pod} ");
        assert!(page.contains(&command), "the page does not say how {name}-{pod} is updated");
    }
    // With fewer that may be missing, the one that is ready has to stay where it is.
    let budgets = all_of("PodDisruptionBudget", folder);
    let (_, budget) = budgets.iter().find(|(of, _)| of == name).unwrap();
    assert_eq!(budget["spec"]["maxUnavailable"].as_u64(), Some(replicas));
}

#[test]
fn each_image_has_its_place_beside_what_runs_it() {
    let dockerfile = text("container/Dockerfile");
    let page = text("kubernetes/README.md");
    for folder in kustomizations() {
        let own = manifests(&folder);
        let written: BTreeSet<String> = own
            .iter()
            .flat_map(|path| pods(path))
            .flat_map(|(_, pod)| list(&pod["containers"]).cloned().collect::<Vec<_>>())
            .filter_map(|container| container["image"].as_str().map(str::to_owned))
            .collect();
        let told = &documents(&format!("{folder}/kustomization.yaml"))[0];
        let word = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let named: BTreeSet<String> = list(&told["images"]).map(|entry| word(entry, "name")).collect();
        // One by a name that another kustomization made would be lost as soon as that makes another.
        assert_eq!(named, written, "{folder} names other images than the files beside it");
        for entry in list(&told["images"]) {
            let (name, place) = (word(entry, "name"), word(entry, "newName"));
            assert!(place.ends_with(&format!("/{name}")), "{folder}: {name} is {place}");
            assert!(!word(entry, "newTag").is_empty(), "{folder}: any {name} will do");
            let stage =
                name.strip_prefix("foldwise/").unwrap_or_else(|| panic!("{folder}: {name} is not ours"));
            assert!(dockerfile.contains(&format!(" AS {stage}\n")), "{folder}: the images have no {stage}");
        }
        let file = format!("{}/kustomization.yaml", folder.trim_start_matches("kubernetes/"));
        assert!(
            named.is_empty() || page.contains(&file),
            "the page does not say that {file} names a registry"
        );
    }
}

#[test]
fn workers_on_gpus_run_the_image_with_cuda() {
    let deployments = all_of("Deployment", "kubernetes/gpu");
    let container = &deployments[0].1["spec"]["template"]["spec"]["containers"][0];
    let variable = |name: &str| {
        let found = list(&container["env"]).find(|variable| variable["name"] == name);
        found.and_then(|variable| variable["value"].as_str())
    };
    assert_eq!(variable("FOLDWISE_DEVICE"), Some("cuda"));
    assert_eq!(container["image"], "foldwise/worker-cuda");
    let of_base = all_of("Deployment", "kubernetes/base");
    assert_ne!(of_base[0].1["spec"]["template"]["spec"]["containers"][0]["image"], container["image"]);
}
