//! Lines that are cut, slow or reset: the worker at the other end goes on by itself, to the same report.

use std::time::Duration;

use foldwise_tests::{
    Chance, Cluster, Namespace, Pictures, Proxy, Search, assert_same, each_run_once, let_pass, reference,
    rounds, skipped,
};

/// Silence after which a lease is lost, s.
const LEASE_SECONDS: f64 = 1.0;

fn spec(pictures: &Pictures) -> String {
    Search { epochs: 250, limits: "attempts = 100", ..Search::default() }.of(pictures.section())
}

fn a_while(chance: &mut Chance) -> Duration {
    Duration::from_millis(chance.within(100..=1_500))
}

#[test]
fn a_worker_behind_a_bad_line_goes_on_after_every_cut() {
    let pictures = Pictures::draw(600, 100);
    let spec = spec(&pictures);
    let expected = reference(&spec);

    let cluster = Cluster::start(LEASE_SECONDS);
    let proxy = Proxy::to(cluster.address());
    let mut chance = Chance::announced();
    // All of the work is at the other end of the line.
    let _far = cluster.recruit("far").slots(2).through(&proxy.url()).registered();
    let (mut studies, mut rounds_left) = (0, rounds());
    let mut cuts = [0; 3];
    while rounds_left > 0 {
        studies += 1;
        let study = format!("studies/{studies}");
        cluster.submit(&spec);
        cluster.wait_for_epoch(&study);
        // At least once for longer than the lease.
        proxy.hold();
        cluster.wait_until_unleased(&study);
        proxy.pass();
        while rounds_left > 0 && !cluster.status(&study)["end_time"].is_string() {
            rounds_left -= 1;
            let kind = chance.place(cuts.len());
            cuts[kind] += 1;
            match kind {
                0 => proxy.hold(),
                1 => proxy.delay(Duration::from_millis(chance.within(10..=200))),
                _ => proxy.reset(),
            }
            let_pass(a_while(&mut chance), "a cut lasts for any time");
            proxy.pass();
            let_pass(a_while(&mut chance), "the next one comes at any moment");
        }
        let mut report = cluster.succeeded(&study);
        report["study"]["name"] = expected["study"]["name"].clone();
        each_run_once(&report, 4, 3);
        assert_same(&report, &expected);
    }
    let [held, delayed, reset] = cuts;
    eprintln!(
        "{studies} studies; cut for longer than a lease: {studies}, held: {held}, delayed: {delayed}, reset: {reset}"
    );
}

#[test]
fn a_worker_on_a_machine_whose_cable_is_pulled_goes_on_when_it_is_back() {
    let Some(namespace) = Namespace::new() else {
        skipped("ip", "a network of its own needs root and `ip`");
        return;
    };
    let pictures = Pictures::draw(600, 100);
    let spec = spec(&pictures);
    let expected = reference(&spec);

    let cluster = Cluster::start_at(namespace.address(), LEASE_SECONDS, &["--insecure"], |_| {});
    cluster.submit(&spec);
    let _far = cluster.recruit("far").inside(&namespace.inside()).slots(2).registered();
    let mut cuts = 0;
    // So few that the search does not end meanwhile.
    while cuts < rounds().min(3) {
        cluster.wait_for_epoch("small");
        namespace.cut();
        cluster.wait_until_unleased("small");
        namespace.mend();
        cuts += 1;
    }
    let report = cluster.succeeded("small");
    each_run_once(&report, 4, 3);
    assert_same(&report, &expected);
    eprintln!("{cuts} cuts for longer than a lease");
}
