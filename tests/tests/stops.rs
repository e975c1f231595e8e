//! Processes that stop without an end: agents past their leases, trainers that hang or crash.
#![cfg(target_os = "linux")]

use foldwise_tests::{
    Cluster, Pictures, Running, Search, Trainer, assert_same, each_run_once, reference, until,
};
use nix::sys::signal::Signal;

/// One run, long enough to be looked at.
fn search(limits: &'static str) -> Search {
    Search { epochs: 2_000, ..Search::of_one_long_run(limits) }
}

/// Waits until a worker has logged a line with all of these words.
fn wait_for_line(worker: &mut Running, words: &[&str]) {
    until(&format!("a line with {words:?}"), || {
        worker.log().lines().any(|line| words.iter().all(|word| line.contains(word))).then_some(())
    });
}

#[test]
fn a_worker_that_wakes_after_its_lease_changes_nothing() {
    let pictures = Pictures::draw(600, 100);
    let spec = search("").of(pictures.section());
    let expected = reference(&spec);

    let cluster = Cluster::start(1.0);
    cluster.submit(&spec);
    let mut sleeper = cluster.worker("sleeper", 1);
    cluster.wait_for_epoch("small");
    sleeper.signal(Signal::SIGSTOP);
    let trouble = cluster.trouble("small", "silence");
    assert_eq!(trouble["worker"], "sleeper", "{trouble}");
    let mut second = cluster.worker("second", 1);
    wait_for_line(&mut second, &["handed in", "cohort=0", "accepted=true"]);
    sleeper.signal(Signal::SIGCONT);
    until("what the sleeper brings is not wanted", || {
        let log = sleeper.log();
        (log.contains("accepted=false") || log.contains("no longer wanted")).then_some(())
    });
    let report = cluster.succeeded("small");
    each_run_once(&report, 1, 1);
    assert_eq!(report["trials"][0]["folds"][0]["worker"], "second");
    assert_same(&report, &expected);
}

#[test]
fn a_hung_trainer_is_killed_and_named_as_the_cause() {
    let pictures = Pictures::draw(600, 100);
    let spec = search("hang_seconds = 2\nattempts = 20").of(pictures.section());
    let expected = reference(&spec);

    let cluster = Cluster::start(10.0);
    cluster.submit(&spec);
    let worker = cluster.worker("w", 1);
    cluster.wait_for_epoch("small");
    let trainer = Trainer::wait_for(&worker);
    assert!(trainer.signal(Signal::SIGSTOP), "it trains");
    let trouble = cluster.trouble("small", "hang");
    assert!(trouble["error"].as_str().expect("a cause").contains("limits.hang_seconds"), "{trouble}");
    assert!(!trainer.is_alive(), "it was killed");
    assert_same(&cluster.succeeded("small"), &expected);
}

#[test]
fn a_trainer_that_never_comes_up_is_killed_and_named_as_the_cause() {
    let pictures = Pictures::draw(600, 100);
    // Long enough for a trainer that nothing disturbs to come up on a busy machine.
    let spec = search("hang_seconds = 5\nattempts = 20").of(pictures.section());
    let expected = reference(&spec);

    let cluster = Cluster::start(10.0);
    let worker = cluster.worker("w", 1);
    cluster.submit(&spec);
    let trainer = Trainer::wait_for(&worker);
    assert!(trainer.signal(Signal::SIGSTOP), "it comes up");
    let trouble = cluster.trouble("small", "hang");
    assert!(trouble["error"].as_str().expect("a cause").contains("limits.hang_seconds"), "{trouble}");
    assert!(!trainer.is_alive(), "it was killed");
    assert_same(&cluster.succeeded("small"), &expected);
}

#[test]
fn a_killed_trainer_is_named_as_the_cause() {
    let pictures = Pictures::draw(600, 100);
    let spec = search("").of(pictures.section());
    let expected = reference(&spec);

    let cluster = Cluster::start(10.0);
    cluster.submit(&spec);
    let worker = cluster.worker("w", 1);
    cluster.wait_for_epoch("small");
    assert!(Trainer::wait_for(&worker).signal(Signal::SIGKILL), "it trains");
    let trouble = cluster.trouble("small", "crash");
    assert!(trouble["error"].as_str().expect("a cause").contains("signal 9"), "{trouble}");
    assert_eq!(trouble["worker"], "w");
    let report = cluster.succeeded("small");
    assert_eq!(report["trials"][0]["folds"][0]["attempts"], 2);
    assert_same(&report, &expected);
}
