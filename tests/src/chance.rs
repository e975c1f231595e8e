//! Chance from a seed, and what the environment says of it.
#![allow(clippy::disallowed_methods, reason = "this file reads the tests' settings")]

use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;

/// Rounds of disturbance, unless `FOLDWISE_FAULT_ROUNDS` says otherwise.
const ROUNDS: u64 = 6;

/// Random numbers from a seed, by `SplitMix64`.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// From `FOLDWISE_FAULT_SEED`, else from a new seed; it is printed, so that a failure can be tried again.
    #[must_use]
    pub fn announced() -> Self {
        let seed = number("FOLDWISE_FAULT_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
        eprintln!("FOLDWISE_FAULT_SEED={seed}");
        Self(seed)
    }

    /// A number in a range.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        range.start() + (mixed ^ (mixed >> 31)) % (range.end() - range.start() + 1)
    }

    /// A place in a list of so many.
    pub fn place(&mut self, count: usize) -> usize {
        usize::try_from(self.within(0..=(count as u64 - 1))).unwrap()
    }
}

/// Rounds of disturbance that a test makes.
#[must_use]
pub fn rounds() -> u64 {
    number("FOLDWISE_FAULT_ROUNDS").unwrap_or(ROUNDS)
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}
