//! The plan: which runs train together in which cohort.
//!
//! Fused and lone training agree to rounding, and rounding grows. So that a report does not depend on who asked
//! for work when, the partition into cohorts is a function of the spec and of a device profile alone.

use std::collections::HashMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::spec::DeviceKind;
use crate::trials::{TrialFacts, Trials};

mod profile;

pub use profile::{DeviceProfile, WidthRule};

/// One trial on one fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId {
    /// The trial.
    pub trial: u32,
    /// The fold.
    pub fold: u32,
}

/// The cohorts of a study, in the order in which they are leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The kind of device it was made for.
    pub device: DeviceKind,
    /// Runs that train together; every run is in exactly one.
    pub cohorts: Vec<Vec<RunId>>,
}

/// Copies of a parameter that training keeps: the value, its gradient, two running means and a best epoch's copy.
const PARAMETER_COPIES: u64 = 5;
/// Copies of an activation: the value and its gradient.
const ACTIVATION_COPIES: u64 = 2;
/// Bytes of a number.
const NUMBER_BYTES: u64 = 4;

impl Plan {
    /// Plans `trials` on folds of these (train, validation) sizes. `width` overrides the profile's widths.
    ///
    /// The folds of a trial stay together where their sizes agree; trials that can fuse join them, in order, up to
    /// the width that pays, spread evenly over as few cohorts as that takes.
    #[must_use]
    pub fn new(
        trials: &Trials,
        sizes: &[(usize, usize)],
        profile: &DeviceProfile,
        width: Option<usize>,
    ) -> Self {
        let (all_trials, all_folds) = (0..trials.len(), 0..sizes.len());
        let cohorts = block(trials, sizes, (all_trials, all_folds), profile, width);
        Self { device: profile.kind, cohorts }
    }

    /// Plans what an extension added to a study that had `known.0` trials and `known.1` folds: the new folds of the
    /// trials it had, then the new trials. The runs it had stay where they are.
    #[must_use]
    pub fn added(
        trials: &Trials,
        sizes: &[(usize, usize)],
        known: (usize, usize),
        profile: &DeviceProfile,
        width: Option<usize>,
    ) -> Self {
        let mut cohorts = block(trials, sizes, (0..known.0, known.1..sizes.len()), profile, width);
        cohorts.extend(block(trials, sizes, (known.0..trials.len(), 0..sizes.len()), profile, width));
        Self { device: profile.kind, cohorts }
    }

    /// How many runs the plan has.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.cohorts.iter().map(Vec::len).sum()
    }
}

/// The cohorts of a range of trials on a range of folds.
fn block(
    trials: &Trials,
    sizes: &[(usize, usize)],
    (trial_range, fold_range): (Range<usize>, Range<usize>),
    profile: &DeviceProfile,
    width: Option<usize>,
) -> Vec<Vec<RunId>> {
    if trial_range.is_empty() || fold_range.is_empty() {
        return Vec::new();
    }
    let mut cohorts = Vec::new();
    for group in groups(trials.facts(), trial_range) {
        let facts = &trials.facts()[group[0]];
        let most = width.unwrap_or_else(|| profile.width(facts)).min(memory_width(facts, profile)).max(1);
        for folds in folds_by_size(sizes, fold_range.clone()) {
            cohorts.extend(pack(&group, &folds, most));
        }
    }
    // First trials first, so that early results are whole trials.
    cohorts.sort_by_key(|cohort| cohort[0]);
    cohorts
}

/// Estimated bytes that one member takes on a device.
#[must_use]
pub fn member_bytes(facts: &TrialFacts) -> u64 {
    let parameters = facts.parameters.total.saturating_mul(PARAMETER_COPIES);
    let activations =
        facts.activations.saturating_mul(facts.batch_size as u64).saturating_mul(ACTIVATION_COPIES);
    parameters.saturating_add(activations).saturating_mul(NUMBER_BYTES)
}

fn memory_width(facts: &TrialFacts, profile: &DeviceProfile) -> usize {
    usize::try_from(profile.memory_bytes / member_bytes(facts).max(1)).unwrap_or(usize::MAX)
}

/// Trials with equal keys, each group in order, the groups in the order of their first trial.
fn groups(facts: &[TrialFacts], range: Range<usize>) -> Vec<Vec<usize>> {
    let mut positions: HashMap<[u8; 32], usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for trial in range {
        let facts = &facts[trial];
        let position = *positions.entry(facts.fuse_key).or_insert(groups.len());
        if position == groups.len() {
            groups.push(Vec::new());
        }
        groups[position].push(trial);
    }
    groups
}

/// Folds whose training parts have the same size, which take the same number of equal steps.
fn folds_by_size(sizes: &[(usize, usize)], range: Range<usize>) -> Vec<Vec<usize>> {
    let mut classes: Vec<(usize, Vec<usize>)> = Vec::new();
    for fold in range {
        let train = sizes[fold].0;
        match classes.iter_mut().find(|(size, _)| *size == train) {
            Some((_, folds)) => folds.push(fold),
            None => classes.push((train, vec![fold])),
        }
    }
    classes.into_iter().map(|(_, folds)| folds).collect()
}

fn pack(trials: &[usize], folds: &[usize], most: usize) -> Vec<Vec<RunId>> {
    let fold_parts = even_parts(folds, folds.len().div_ceil(most));
    let trials_per_cohort = (most / fold_parts[0].len()).max(1);
    let trial_parts = even_parts(trials, trials.len().div_ceil(trials_per_cohort));
    let cohort = |trials: &[usize], folds: &[usize]| {
        let runs = trials.iter().flat_map(|&trial| folds.iter().map(move |&fold| run_id(trial, fold)));
        runs.collect()
    };
    trial_parts
        .iter()
        .flat_map(|trials| fold_parts.iter().map(move |folds| (trials, folds)))
        .map(|(trials, folds)| cohort(trials, folds))
        .collect()
}

fn run_id(trial: usize, fold: usize) -> RunId {
    let narrow = |number| u32::try_from(number).expect("trials and folds are bounded far below 2^32");
    RunId { trial: narrow(trial), fold: narrow(fold) }
}

/// `items` in `count` parts whose lengths differ by one at most, the longer first.
fn even_parts<T>(items: &[T], count: usize) -> Vec<&[T]> {
    let (least, longer) = (items.len() / count, items.len() % count);
    let mut rest = items;
    (0..count)
        .map(|part| {
            let (head, tail) = rest.split_at(least + usize::from(part < longer));
            rest = tail;
            head
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{RunId, even_parts, folds_by_size, pack};

    fn sizes(cohorts: &[Vec<RunId>]) -> Vec<usize> {
        cohorts.iter().map(Vec::len).collect()
    }

    #[test]
    fn folds_of_a_trial_stay_together_and_neighbours_join() {
        let folds = [0, 1, 2, 3, 4];
        assert_eq!(sizes(&pack(&[0, 1, 2, 3], &folds, 16)), [10, 10]);
        assert_eq!(sizes(&pack(&[0, 1, 2], &folds, 16)), [15]);
        assert_eq!(sizes(&pack(&[0, 1], &folds, 5)), [5, 5]);
        assert_eq!(sizes(&pack(&[0, 1], &folds, 3)), [3, 2, 3, 2]);
        assert_eq!(sizes(&pack(&[7], &folds, 1)), [1, 1, 1, 1, 1]);
    }

    #[test]
    fn every_run_is_planned_once() {
        for most in 1..20 {
            let mut runs: Vec<RunId> = pack(&[2, 3, 5], &[0, 1, 2, 3], most).concat();
            runs.sort();
            runs.dedup();
            assert_eq!(runs.len(), 12, "width {most}");
        }
    }

    #[test]
    fn folds_of_different_sizes_do_not_fuse() {
        assert_eq!(folds_by_size(&[(8, 3), (9, 2), (9, 2)], 0..3), [vec![0], vec![1, 2]]);
        assert_eq!(even_parts(&[1, 2, 3, 4, 5], 2), [&[1, 2, 3][..], &[4, 5]]);
    }
}
