//! Runs that may fuse with each other: equal shapes, and folds of one size.

use std::collections::HashMap;
use std::ops::Range;

use super::{COHORT_EPOCHS_MAX, DeviceProfile, RunId, memory};
use crate::trials::{TrialFacts, Trials};

/// Runs of which any may train in one cohort, and how many of them do at most.
#[derive(Debug, Clone)]
pub(super) struct Block<'a> {
    /// What the trials have in common.
    facts: &'a TrialFacts,
    /// (train, validation) rows of the first of the folds.
    size: (usize, usize),
    trials: Vec<usize>,
    folds: Vec<usize>,
    most: usize,
}

impl Block<'_> {
    /// Its cohorts. The folds of a trial stay together where they may, and trials join in order, spread evenly over as
    /// few cohorts as that takes.
    pub(super) fn cohorts(&self) -> Vec<Vec<RunId>> {
        pack(&self.trials, &self.folds, self.most)
    }

    /// Members of each of its cohorts, in their order.
    pub(super) fn widths(&self) -> Vec<usize> {
        let (trials, folds) = parts(self.trials.len(), self.folds.len(), self.most);
        let lengths =
            |items: usize, count: usize| (0..count).map(move |part| part_length(items, count, part));
        lengths(self.trials.len(), trials)
            .flat_map(|trials| lengths(self.folds.len(), folds).map(move |folds| trials * folds))
            .collect()
    }

    /// Seconds that a cohort of it takes, about.
    pub(super) fn seconds(&self, width: usize, profile: &DeviceProfile) -> f64 {
        profile.seconds(self.facts, self.size, width)
    }

    /// The same runs in the next larger number of cohorts; `None` where each trains alone.
    pub(super) fn narrower(&self) -> Option<Self> {
        let count = |most| {
            let (trials, folds) = parts(self.trials.len(), self.folds.len(), most);
            trials * folds
        };
        let most = (1..self.most).rev().find(|&most| count(most) > count(self.most))?;
        Some(Self { most, ..self.clone() })
    }
}

/// The blocks of a range of trials on a range of folds, each with the width that pays and that memory has room for, or
/// with the `width` that is asked for.
pub(super) fn blocks<'a>(
    trials: &'a Trials,
    sizes: &[(usize, usize)],
    (trial_range, fold_range): (Range<usize>, Range<usize>),
    profile: &DeviceProfile,
    width: Option<usize>,
) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    if trial_range.is_empty() {
        return blocks;
    }
    let classes = folds_by_size(sizes, fold_range);
    for group in groups(trials.facts(), trial_range) {
        let facts = &trials.facts()[group[0]];
        let room = memory::members(facts, profile.memory_bytes());
        for folds in &classes {
            let (size, trials) = (sizes[folds[0]], group.clone());
            let wanted =
                if facts.alone { 1 } else { width.unwrap_or_else(|| profile.width(facts, folds.len())) };
            let most = wanted.min(room).min(COHORT_EPOCHS_MAX / facts.epochs.max(1) as usize).max(1);
            // No wider than there are runs, so that the next narrower one is found at once.
            let most = most.min(trials.len() * folds.len());
            blocks.push(Block { facts, size, trials, folds: folds.clone(), most });
        }
    }
    blocks
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

/// Into how many parts trials and folds are divided, so that no cohort has more than `most` members.
fn parts(trials: usize, folds: usize, most: usize) -> (usize, usize) {
    let fold_parts = folds.div_ceil(most);
    let trials_per_cohort = (most / folds.div_ceil(fold_parts)).max(1);
    (trials.div_ceil(trials_per_cohort), fold_parts)
}

fn pack(trials: &[usize], folds: &[usize], most: usize) -> Vec<Vec<RunId>> {
    let (trial_parts, fold_parts) = parts(trials.len(), folds.len(), most);
    let fold_parts = even_parts(folds, fold_parts);
    let cohort = |trials: &[usize], folds: &[usize]| {
        let runs = trials.iter().flat_map(|&trial| folds.iter().map(move |&fold| run_id(trial, fold)));
        runs.collect()
    };
    even_parts(trials, trial_parts)
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
    let mut rest = items;
    (0..count)
        .map(|part| {
            let (head, tail) = rest.split_at(part_length(items.len(), count, part));
            rest = tail;
            head
        })
        .collect()
}

fn part_length(items: usize, count: usize, part: usize) -> usize {
    items / count + usize::from(part < items % count)
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
