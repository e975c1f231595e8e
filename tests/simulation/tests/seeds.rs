//! Some hundreds of seeds. `cargo xtask simulate` plays more.

use foldwise_simulation::{Comparison, Tally, history};

/// Seeds that this many tests share.
const PARTS: u64 = 4;
/// Seeds of each part.
const SEEDS: u64 = 75;

fn play_part(part: u64) {
    let mut comparison = Comparison::default();
    let mut total = Tally::default();
    for seed in part * SEEDS..(part + 1) * SEEDS {
        history::keep();
        let played = comparison.play(seed);
        let lines = history::take().join("\n");
        total.add(&played.unwrap_or_else(|what| panic!("seed {seed}: {what}\n{lines}")));
    }
    // What nothing befalls proves nothing.
    assert!(total.coordinator_crashes > 0 && total.worker_crashes > 0, "{total}");
    assert!(total.network_faults > 0 && total.trainer_faults > 0 && total.operations > 0, "{total}");
    assert!(total.checks > SEEDS, "{total}");
}

#[test]
fn reports_equal_those_of_undisturbed_clusters_first_part() {
    play_part(0);
}

#[test]
fn reports_equal_those_of_undisturbed_clusters_second_part() {
    play_part(1);
}

#[test]
fn reports_equal_those_of_undisturbed_clusters_third_part() {
    play_part(2);
}

#[test]
fn reports_equal_those_of_undisturbed_clusters_fourth_part() {
    play_part(PARTS - 1);
}

#[test]
fn measurements_that_are_refused_fail_their_attempt_and_the_next_brings_them() {
    let mut comparison = Comparison::default();
    let mut total = Tally::default();
    for seed in 0..8 {
        total.add(&comparison.play_spoilt(seed).unwrap_or_else(|what| panic!("seed {seed}: {what}")));
    }
    assert!(total.trainer_faults > 0, "{total}");
}

/// Seeds that found something once, and what.
const FOUND: [(u64, &str); 3] = [
    (746, "a study that ended while it was held stayed so when it was extended"),
    (889, "the same"),
    (1344, "the same"),
];

#[test]
fn what_was_found_once_stays_mended() {
    let mut comparison = Comparison::default();
    for (seed, what) in FOUND {
        assert_eq!(comparison.play(seed).err(), None, "seed {seed}: {what}");
    }
}
