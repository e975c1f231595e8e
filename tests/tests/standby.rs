//! Two coordinators on one PostgreSQL server: what befalls the leader costs seconds, and no result.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "the tests are about time")]

use std::time::{Duration, Instant};

use foldwise_tests::{
    Cluster, Finished, Pictures, PostgresServer, Proxy, Running, Search, StudyJson, assert_same,
    each_run_once, reference, until,
};
use nix::sys::signal::Signal;

/// A standby is to lead within this time.
const TAKEOVER_MAX: Duration = Duration::from_secs(10);

/// A leader and a standby with two workers, and a search under way.
struct Pair {
    // The clusters end before what they use.
    first: Cluster,
    second: Cluster,
    workers: [Running; 2],
    server: PostgresServer,
    _artifacts: tempfile::TempDir,
}

impl Pair {
    fn start(server: PostgresServer, spec: &str) -> Self {
        let artifacts = tempfile::tempdir().expect("folder");
        let (store, files) = (server.database("search"), artifacts.path().display().to_string());
        let options = ["--store", &store, "--artifacts", &files];
        let start = || Cluster::start_at("127.0.0.1", 5.0, &options, |_| {});
        let mut first = start();
        first.coordinator().line_with("leading, for term 1");
        let mut second = start();
        let told = second.coordinator().line_with("standing by");
        assert!(told.contains(first.address()), "{told}");
        first.stands_beside(&second);
        second.stands_beside(&first);
        first.submit(spec);
        let workers = ["one", "two"].map(|name| first.worker(name, 1));
        first.wait_for_epoch("small");
        Self { first, second, workers, server, _artifacts: artifacts }
    }

    /// Waits until the standby leads.
    fn second_leads(&mut self, term: i64) {
        let started = Instant::now();
        self.second.coordinator().line_with(&format!("leading, for term {term}"));
        let took = started.elapsed();
        eprintln!("led after {took:?}");
        assert!(took < TAKEOVER_MAX, "{took:?}");
    }

    /// Waits for the end of the search, asking through the second; its report is that of an undisturbed run.
    fn ends_as(&mut self, expected: &StudyJson) {
        let report = self.second.succeeded("small");
        each_run_once(&report, 4, 3);
        assert_same(&report, expected);
        let rows = self.server.sql("search", "SELECT count(*) FROM run");
        assert_eq!(rows, "13", "each run once, and the final stage");
    }
}

fn search() -> (Pictures, String, StudyJson) {
    let pictures = Pictures::draw(600, 100);
    let limits = "attempts = 100\ncheckpoint_seconds = 1";
    let spec = Search { epochs: 400, limits, ..Search::default() }.of(pictures.section());
    let expected = reference(&spec);
    (pictures, spec, expected)
}

#[test]
fn the_standby_takes_over_from_a_leader_that_was_killed_and_nothing_is_lost() {
    let Some(server) = PostgresServer::start() else { return };
    let (_pictures, spec, expected) = search();
    let mut pair = Pair::start(server, &spec);
    pair.first.kill_coordinator();
    pair.second_leads(2);
    pair.second.wait_for_epoch("small");
    // It comes back, and stands by in its turn.
    pair.first.start_coordinator();
    let told = pair.first.coordinator().line_with("standing by");
    assert!(told.contains(pair.second.address()), "{told}");
    pair.ends_as(&expected);
    for worker in &mut pair.workers {
        assert!(!worker.log().contains("ERROR"), "{}", worker.log());
    }
}

#[test]
fn a_leader_that_stood_still_past_its_lease_writes_nothing_and_steps_down() {
    let Some(server) = PostgresServer::start() else { return };
    let (_pictures, spec, expected) = search();
    let mut pair = Pair::start(server, &spec);
    pair.first.coordinator().signal(Signal::SIGSTOP);
    pair.second_leads(2);
    pair.second.wait_for_epoch("small");
    pair.first.coordinator().signal(Signal::SIGCONT);
    pair.first.coordinator().line_with("another coordinator took over: term 1 is over");
    pair.first.coordinator().line_with("standing by");
    pair.ends_as(&expected);
    assert_eq!(pair.server.sql("search", "SELECT term FROM leader"), "2");
    // Both ways round: what it does not know of the term in between, it reads when it leads again.
    pair.second.stop_coordinator();
    pair.first.coordinator().line_with("leading, for term 3");
    assert_same(&pair.first.report("small"), &expected);
}

#[test]
fn a_leader_that_is_cut_off_from_its_database_says_nothing_that_may_be_old() {
    let Some(server) = PostgresServer::start() else { return };
    let line = Proxy::to(&format!("127.0.0.1:{}", server.port()));
    let artifacts = tempfile::tempdir().expect("folder");
    let (store, files) = (server.database("search"), artifacts.path().display().to_string());
    let near = line.url().rsplit(':').next().expect("a port").to_owned();
    let through = store.replace(&format!(":{}/", server.port()), &format!(":{near}/"));
    let start =
        |store: &str| Cluster::start_at("127.0.0.1", 5.0, &["--store", store, "--artifacts", &files], |_| {});
    let mut first = start(&through);
    first.coordinator().line_with("leading, for term 1");
    let mut second = start(&store);
    second.coordinator().line_with("standing by");
    let pictures = Pictures::draw(600, 100);
    first.submit(&Search::default().of(pictures.section()));
    line.hold();
    second.coordinator().line_with("leading, for term 2");
    let _ = second.done(&["cancel", "small"]);
    let asked = Finished::of(&mut first.foldwise(&["list"]));
    assert_ne!(asked.code, Some(0), "{asked:?}");
    assert!(asked.stderr.contains("whether this coordinator still leads cannot be told"), "{asked:?}");
    line.pass();
    first.coordinator().line_with("another coordinator took over: term 1 is over");
}

#[test]
fn a_server_that_was_away_costs_time_alone() {
    let Some(server) = PostgresServer::start() else { return };
    let (_pictures, spec, expected) = search();
    let mut pair = Pair::start(server, &spec);
    pair.server.stop();
    until("word of the lost database", || {
        pair.first.coordinator().log().contains("lease could not be renewed").then_some(())
    });
    pair.server.resume();
    until("an answer", || (Finished::of(&mut pair.second.foldwise(&["list"])).code == Some(0)).then_some(()));
    pair.ends_as(&expected);
}
