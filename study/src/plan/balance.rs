//! Cohorts of about equal length for the slots that a profile expects: no slot idles while one trains the last, wide
//! cohort of a study.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::block::Block;
use super::{DeviceProfile, RunId};

/// A plan whose last slot ends this share after the mean of all is even enough.
const UNEVEN_MAX: f64 = 0.05;
/// What narrower cohorts must save of the whole time, for they cost the others some of what fusing gains.
const SAVING_MIN: f64 = 0.02;
/// Tries without a better plan after which the best so far is kept.
const TRIES_MAX: usize = 64;

/// The cohorts of the blocks in the order in which they are to be leased: the longest first, and of those that take
/// about as long the first trials first, so that early results are whole trials.
pub(super) fn cohorts(blocks: &[Block<'_>], profile: &DeviceProfile) -> Vec<Vec<RunId>> {
    let mut all: Vec<(u32, Vec<RunId>)> = Vec::new();
    let longest: Vec<f64> = blocks.iter().map(|block| longest(block, profile)).collect();
    let most = longest.iter().copied().fold(0.0, f64::max);
    for (block, longest) in blocks.iter().zip(&longest) {
        let rank = rank(*longest, most);
        all.extend(block.cohorts().into_iter().map(|cohort| (rank, cohort)));
    }
    all.sort_by_key(|(rank, cohort)| (*rank, cohort[0]));
    all.into_iter().map(|(_, cohort)| cohort).collect()
}

/// 0 for what takes more than half as long as the longest, 1 for more than a quarter, and so on.
fn rank(seconds: f64, longest: f64) -> u32 {
    let (mut rank, mut bound) = (0, longest / 2.0);
    while seconds <= bound && rank < 64 {
        rank += 1;
        bound /= 2.0;
    }
    rank
}

/// Divides the longest cohorts until the profile's slots end together, about, or until that gains nothing more.
pub(super) fn balance(blocks: &mut Vec<Block<'_>>, profile: &DeviceProfile) {
    let mut outline = Outline::of(blocks, profile);
    let mut best = (outline.makespan(profile.slots), blocks.clone());
    let mut tries = 0;
    while tries < TRIES_MAX && !outline.is_even(profile.slots) {
        let Some(longest) = outline.longest() else { break };
        let Some(narrower) = blocks[longest].narrower() else { break };
        blocks[longest] = narrower;
        outline.replace(longest, &blocks[longest], profile);
        let makespan = outline.makespan(profile.slots);
        if makespan < best.0 * (1.0 - SAVING_MIN) {
            best = (makespan, blocks.clone());
            tries = 0;
        } else {
            tries += 1;
        }
    }
    *blocks = best.1;
}

fn longest(block: &Block<'_>, profile: &DeviceProfile) -> f64 {
    block.widths().iter().map(|&width| block.seconds(width, profile)).fold(0.0, f64::max)
}

/// Seconds of the cohorts of each block.
struct Outline(Vec<Vec<f64>>);

impl Outline {
    fn of(blocks: &[Block<'_>], profile: &DeviceProfile) -> Self {
        Self(blocks.iter().map(|block| seconds(block, profile)).collect())
    }

    fn replace(&mut self, position: usize, block: &Block<'_>, profile: &DeviceProfile) {
        self.0[position] = seconds(block, profile);
    }

    fn total(&self) -> f64 {
        self.0.iter().flatten().sum()
    }

    /// Whether no order of the cohorts could leave a slot idle for long.
    fn is_even(&self, slots: u32) -> bool {
        let longest = self.0.iter().flatten().copied().fold(0.0, f64::max);
        let mean = self.total() / f64::from(slots);
        slots < 2 || longest <= mean * UNEVEN_MAX || self.makespan(slots) <= mean * (1.0 + UNEVEN_MAX)
    }

    /// The block with the longest cohort, the first of several.
    fn longest(&self) -> Option<usize> {
        let longest = |block: &[f64]| block.iter().copied().fold(0.0, f64::max);
        let by_length = |a: &usize, b: &usize| longest(&self.0[*a]).total_cmp(&longest(&self.0[*b]));
        (0..self.0.len()).rev().max_by(by_length)
    }

    /// When the last slot ends, if each takes the longest cohort that is left whenever it is free, s.
    fn makespan(&self, slots: u32) -> f64 {
        let mut cohorts: Vec<f64> = self.0.iter().flatten().copied().collect();
        cohorts.sort_by(|a, b| b.total_cmp(a));
        // Seconds are not negative, so their bits are in their order.
        let mut free: BinaryHeap<Reverse<u64>> = (0..slots).map(|_| Reverse(0.0_f64.to_bits())).collect();
        let mut last = 0.0_f64;
        for seconds in cohorts {
            let Some(Reverse(at)) = free.pop() else { break };
            let end = f64::from_bits(at) + seconds;
            last = last.max(end);
            free.push(Reverse(end.to_bits()));
        }
        last
    }
}

fn seconds(block: &Block<'_>, profile: &DeviceProfile) -> Vec<f64> {
    block.widths().into_iter().map(|width| block.seconds(width, profile)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Outline, rank};

    #[test]
    fn the_longest_cohorts_come_first_and_equal_ones_share_a_rank() {
        let ranks = [100.0, 51.0, 50.0, 26.0, 25.0, 0.0].map(|seconds| rank(seconds, 100.0));
        assert_eq!(ranks, [0, 0, 1, 1, 2, 64]);
    }

    #[test]
    fn the_makespan_is_that_of_slots_that_take_the_longest_first() {
        let outline = Outline(vec![vec![3.0, 3.0], vec![2.0, 2.0, 2.0]]);
        assert_eq!(outline.makespan(1), 12.0);
        assert_eq!(outline.makespan(2), 7.0);
        assert_eq!(outline.longest(), Some(0));
        assert!(outline.is_even(1) && !outline.is_even(2));
    }
}
