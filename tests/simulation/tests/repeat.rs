//! A seed plays out the same each time, to the message: what it found once can be looked at again.

use foldwise_simulation::{Comparison, history};

fn trace(seed: u64) -> Vec<String> {
    history::keep();
    Comparison::default().play(seed).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
    history::take()
}

#[test]
fn a_seed_plays_out_the_same_each_time() {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG);
    log.without_time().with_ansi(false).with_writer(|| history::Log).init();
    for seed in [3, 97, 1_000, 1_001, 1_002] {
        let (once, again) = (trace(seed), trace(seed));
        assert!(once.len() > 50, "a history of {} lines", once.len());
        let parted = once.iter().zip(&again).position(|(one, other)| one != other);
        assert_eq!(parted.map(|line| (&once[line], &again[line])), None, "seed {seed} plays out differently");
        assert_eq!(once.len(), again.len());
    }
}
