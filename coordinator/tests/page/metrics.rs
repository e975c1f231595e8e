//! What monitoring systems read, and that what is shipped for them names nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::browser::{ask, get};
use crate::server::start;
use crate::work::{Worker, submit};

/// The value of every sample, by its name with its labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (name.to_owned(), value.parse().expect("a number"))
    };
    lines.map(sample).collect()
}

/// The names of the metrics, as samples bear them.
fn names(text: &str) -> Vec<String> {
    let mut names: Vec<String> =
        samples(text).into_keys().map(|name| name.split('{').next().expect("a name").to_owned()).collect();
    names.dedup();
    names
}

#[tokio::test]
async fn what_happens_is_counted_and_how_things_stand_is_told() {
    let server = start().await;
    let address = server.address;
    submit(&server, 4).await;
    let before = samples(&get(address, "/metrics").await.body);
    assert_eq!(before[r#"foldwise_runs{state="waiting"}"#], 12.0);
    assert_eq!(before[r#"foldwise_cohorts{device="any",state="waiting"}"#], 1.0, "not planned yet");
    let mut worker = Worker::register(&server).await;
    let first = worker.lease().await;
    worker.report(&first, 1).await;
    worker.complete(&first).await;
    let second = worker.lease().await;
    worker.report(&second, 1).await;
    let answer = get(address, "/metrics").await;
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = answer.body;
    assert!(text.ends_with("# EOF\n"), "{text}");
    let now = samples(&text);
    let value = |name: &str| *now.get(name).unwrap_or_else(|| panic!("{name} in\n{text}"));
    assert_eq!(value(r#"foldwise_runs{state="finished"}"#), 3.0);
    assert_eq!(value(r#"foldwise_runs{state="training"}"#), 3.0);
    assert_eq!(value(r#"foldwise_runs{state="waiting"}"#), 6.0);
    assert_eq!(value(r#"foldwise_cohorts{device="cpu",state="waiting"}"#), 2.0);
    assert_eq!(value(r#"foldwise_slots{device="cpu",state="busy"}"#), 1.0);
    assert_eq!(value(r#"foldwise_workers{state="working"}"#), 1.0);
    assert_eq!(value(r#"foldwise_studies{state="searching"}"#), 1.0);
    assert_eq!(value(r#"foldwise_attempts_total{end="done"}"#), 1.0);
    assert_eq!(value("foldwise_cohort_runs_sum"), 6.0);
    assert_eq!(value(r#"foldwise_commands_total{command="complete",outcome="done"}"#), 1.0);
    assert!(value(r#"foldwise_command_seconds_count{command="lease"}"#) >= 2.0);
    assert!(value("foldwise_commit_seconds_sum") > 0.0);
    assert_eq!(value(r#"foldwise_epochs_total{device="cpu"}"#), 6.0);
    assert!(value(r#"foldwise_rows_total{device="cpu"}"#) > 4.0);
}

#[tokio::test]
async fn probes_are_answered_by_any_name_and_metrics_by_known_ones() {
    let server = start().await;
    let elsewhere = [("host", "coordinator.cluster.local:7070")];
    for probe in ["/livez", "/readyz"] {
        assert_eq!(ask(server.address, &format!("GET {probe}"), &elsewhere).await.status, 200, "{probe}");
    }
    assert_eq!(ask(server.address, "GET /metrics", &elsewhere).await.status, 421);
}

/// Every word of the texts that begins like a metric's name.
fn named_in(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("foldwise_")).map(str::to_owned).collect()
}

#[tokio::test]
async fn dashboards_alerts_and_documentation_name_metrics_that_there_are() {
    let server = start().await;
    submit(&server, 2).await;
    let mut worker = Worker::register(&server).await;
    let lease = worker.lease().await;
    worker.report(&lease, 1).await;
    worker.complete(&lease).await;
    let known = names(&get(server.address, "/metrics").await.body);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/metrics.md")).expect("is there");
    let documented = named_in(&page);
    let files = ["deploy/grafana/foldwise.json", "deploy/prometheus/alerts.yml"];
    for file in files {
        let text = fs::read_to_string(root.join(file)).expect("is shipped");
        let named = named_in(&text);
        assert!(!named.is_empty(), "{file} names no metric");
        let of_worker = |name: &String| name.starts_with("foldwise_worker_") && documented.contains(name);
        let unknown: Vec<&String> =
            named.iter().filter(|name| !(known.contains(name) || of_worker(name))).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}, known are {known:?}");
    }
    let bare = |name: &str| {
        ["_bucket", "_count", "_sum"]
            .iter()
            .fold(name.to_owned(), |name, end| name.strip_suffix(end).map_or(name.clone(), str::to_owned))
    };
    let missing: Vec<&String> = known.iter().filter(|name| !documented.contains(&bare(name))).collect();
    assert!(missing.is_empty(), "docs/metrics.md does not name {missing:?}");
}
