//! A cohort goes on where another worker left it: from a checkpoint, to the same report.

use foldwise_tests::{Cluster, Pictures, Running, Search, StudyJson, Trainer, assert_same, reference, until};
use nix::sys::signal::Signal;

fn spec(pictures: &Pictures) -> String {
    Search::of_one_long_run("checkpoint_seconds = 1").of(pictures.section())
}

/// Waits until a worker trains the first cohort; the epoch that it goes on from.
fn taken_up_from(worker: &mut Running) -> u32 {
    until("the first cohort is taken up", || {
        let log = worker.log();
        let line = log.lines().find(|line| line.contains("training") && line.contains("cohort=0"))?;
        let epoch = line.split("from_epoch=").nth(1)?.split(' ').next()?;
        Some(epoch.parse().expect("a number"))
    })
}

/// A second worker ends what a first one began.
fn finish(cluster: &Cluster) -> StudyJson {
    let mut second = cluster.worker("second", 1);
    let epoch = taken_up_from(&mut second);
    assert!(epoch > 0, "it goes on, and does not begin anew");
    cluster.succeeded("small")
}

#[test]
fn after_a_kill_the_next_worker_goes_on_from_the_last_checkpoint() {
    let pictures = Pictures::draw(600, 100);
    let spec = spec(&pictures);
    let expected = reference(&spec);

    let mut cluster = Cluster::start(1.0);
    cluster.submit(&spec);
    let first = cluster.worker("first", 1);
    cluster.coordinator().line_with(" checkpoint ");
    first.kill();
    assert_same(&finish(&cluster), &expected);
}

#[test]
fn a_worker_that_is_stopped_or_drained_hands_back_with_a_checkpoint() {
    let pictures = Pictures::draw(600, 100);
    let spec = spec(&pictures);
    let expected = reference(&spec);
    let stop: [fn(&Cluster, &Running); 3] = [
        |_, worker| worker.signal(Signal::SIGTERM),
        |cluster, _| {
            let _ = cluster.done(&["drain", "first"]);
        },
        // As Slurm and systemd may stop a job: every process of it.
        |_, worker| {
            assert!(Trainer::wait_for(worker).signal(Signal::SIGTERM), "it trains");
            worker.signal(Signal::SIGTERM);
        },
    ];
    for stop in stop {
        // With so long a lease, the second worker could only wait if the first had not handed back.
        let cluster = Cluster::start(3600.0);
        cluster.submit(&spec);
        let first = cluster.recruit("first").with(&["--grace-seconds", "60"]).registered();
        cluster.wait_for_epoch("small");
        stop(&cluster, &first);
        let (code, log) = first.end();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("handed back"), "{log}");
        assert_same(&finish(&cluster), &expected);
    }
}
