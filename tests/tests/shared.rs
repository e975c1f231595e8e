//! Everything at once: two coordinators on PostgreSQL, with TLS and tokens, and workers on machines of their own.
#![cfg(target_os = "linux")]

use foldwise_tests::{
    Cluster, Namespace, Pictures, PostgresServer, Running, Search, assert_same, each_run_once, reference,
    skipped,
};

/// A worker on a machine of its own that reaches both coordinators, with a token of its own.
fn worker(cluster: &Cluster, namespace: &Namespace, ports: [&str; 2], name: &str) -> Running {
    let token = cluster.folder().join(format!("{name}.token")).display().to_string();
    let _ = cluster.done(&["token", "create", name, "--role", "worker", "--output", &token]);
    let ca = cluster.certificates().join("ca.crt").display().to_string();
    let urls = ports.map(|port| format!("https://{}:{port}", namespace.address())).join(",");
    let recruit = cluster.recruit(name).through(&urls).inside(&namespace.inside());
    recruit.with(&["--token-file", &token, "--ca", &ca]).registered()
}

#[test]
fn protected_coordinators_on_postgresql_and_workers_apart_outlast_the_leader() {
    let namespaces: Option<Vec<Namespace>> = (0..3).map(|_| Namespace::new()).collect();
    let Some(namespaces) = namespaces else {
        skipped("ip", "networks of their own need root and `ip`");
        return;
    };
    let Some(server) = PostgresServer::start() else { return };
    let pictures = Pictures::draw(600, 100);
    let limits = "attempts = 100\ncheckpoint_seconds = 1";
    let spec = Search { epochs: 300, limits, ..Search::default() }.of(pictures.section());
    let expected = reference(&spec);

    let artifacts = tempfile::tempdir().expect("folder");
    let (store, files) = (server.database("search"), artifacts.path().display().to_string());
    let options = ["--store", &store, "--artifacts", &files];
    let mut hosts: Vec<&str> = namespaces.iter().map(Namespace::address).collect();
    hosts.push("127.0.0.1");
    let mut first = Cluster::protected_at("0.0.0.0", 5.0, &hosts, &options, None);
    first.coordinator().line_with("leading, for term 1");
    let mut second = Cluster::protected_at("0.0.0.0", 5.0, &hosts, &options, Some(&first));
    second.coordinator().line_with("standing by");
    let port = |cluster: &Cluster| cluster.address().rsplit(':').next().expect("a port").to_owned();
    let ports = [port(&first), port(&second)];
    let ports = [ports[0].as_str(), ports[1].as_str()];
    first.submit(&spec);
    let names = ["den-1", "den-2", "den-3"];
    let mut workers: Vec<Running> = namespaces
        .iter()
        .zip(names)
        .map(|(namespace, name)| worker(&first, namespace, ports, name))
        .collect();
    first.wait_for_epoch("small");

    first.kill_coordinator();
    second.coordinator().line_with("leading, for term 2");
    let report = second.succeeded("small");
    each_run_once(&report, 4, 3);
    assert_same(&report, &expected);
    assert_eq!(server.sql("search", "SELECT count(*) FROM run"), "13", "each run once, and the final stage");
    for worker in &mut workers {
        assert!(worker.log().contains("handed in"), "each had its part: {}", worker.log());
    }
}
