//! How much each searched dimension matters: its share of the variance of the trials' means.
//!
//! A functional analysis of variance (Sobol', 1993; Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing
//! Hyperparameter Importance", 2014) on the trials themselves, without a model between.

use std::collections::HashMap;

use crate::Report;
use crate::dimension::{Dimension, dimensions};

/// Dimensions whose pairs are looked at.
const PAIRED_MAX: usize = 8;

/// Shares of the variance of the trials' means, 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Importance {
    /// Of each dimension alone, by place in [`dimensions`].
    pub(crate) alone: Vec<f64>,
    /// Of pairs beyond what both do alone: `(first, second, share)`. Empty unless the trials are a full grid, because
    /// elsewhere dimensions cannot be told apart.
    pub(crate) pairs: Vec<(usize, usize, f64)>,
    /// Trials with a mean.
    pub(crate) trials: usize,
    /// Whether every combination of values has as many trials as every other.
    pub(crate) is_full: bool,
}

impl Importance {
    /// `None` where fewer than two dimensions were searched, or all means are equal.
    pub(crate) fn of(report: &Report, dimensions: &[Dimension<'_>]) -> Option<Self> {
        if dimensions.len() < 2 {
            return None;
        }
        let scored = report.trials.iter().enumerate();
        let scored: Vec<(usize, f64)> =
            scored.filter_map(|(place, trial)| Some((place, trial.mean?))).collect();
        let total = variance_between(&scored, Some);
        if scored.len() < 3 || total <= 0.0 {
            return None;
        }
        let share = |between: f64| (between / total).clamp(0.0, 1.0);
        let alone: Vec<f64> = dimensions
            .iter()
            .map(|dimension| share(variance_between(&scored, |trial| dimension.levels[trial])))
            .collect();
        let is_full = is_full(&scored, dimensions);
        let mut pairs = Vec::new();
        if is_full && dimensions.len() > 2 && dimensions.len() <= PAIRED_MAX {
            for (first, one) in dimensions.iter().enumerate() {
                for (second, other) in dimensions.iter().enumerate().skip(first + 1) {
                    let both = variance_between(&scored, |trial| one.levels[trial].zip(other.levels[trial]));
                    pairs.push((first, second, (share(both) - alone[first] - alone[second]).max(0.0)));
                }
            }
        }
        Some(Self { alone, pairs, trials: scored.len(), is_full })
    }

    /// What no dimension alone and no pair explains; of a full grid alone.
    pub(crate) fn rest(&self) -> Option<f64> {
        let told: f64 = self.alone.iter().chain(self.pairs.iter().map(|(_, _, share)| share)).sum();
        self.is_full.then_some((1.0 - told).max(0.0))
    }
}

/// The importance in a report, with the dimensions it is of.
pub(crate) fn importance(report: &Report) -> Option<(Vec<Dimension<'_>>, Importance)> {
    let dimensions = dimensions(report);
    let importance = Importance::of(report, &dimensions)?;
    Some((dimensions, importance))
}

/// Sum over groups of their size times the squared distance of their mean from the mean of all; trials without a group
/// are left out of it.
fn variance_between<K: Eq + std::hash::Hash>(
    scored: &[(usize, f64)],
    group: impl Fn(usize) -> Option<K>,
) -> f64 {
    let middle = scored.iter().map(|(_, mean)| mean).sum::<f64>() / scored.len().max(1) as f64;
    let mut groups: HashMap<K, usize> = HashMap::new();
    // Kept in the order of trials, so that sums are the same in every execution.
    let mut sums: Vec<(f64, f64)> = Vec::new();
    for &(trial, mean) in scored {
        let Some(key) = group(trial) else { continue };
        let place = *groups.entry(key).or_insert_with(|| {
            sums.push((0.0, 0.0));
            sums.len() - 1
        });
        sums[place].0 += mean - middle;
        sums[place].1 += 1.0;
    }
    sums.iter().map(|(sum, size)| sum * sum / size).sum()
}

fn is_full(scored: &[(usize, f64)], dimensions: &[Dimension<'_>]) -> bool {
    let cells =
        dimensions.iter().try_fold(1_usize, |cells, dimension| cells.checked_mul(dimension.values.len()));
    if cells.is_none_or(|cells| cells > scored.len()) {
        return false;
    }
    let mut counts: HashMap<Vec<usize>, usize> = HashMap::new();
    for (trial, _) in scored {
        let Some(levels) = dimensions.iter().map(|dimension| dimension.levels[*trial]).collect() else {
            return false;
        };
        *counts.entry(levels).or_default() += 1;
    }
    let sizes: Vec<usize> = counts.values().copied().collect();
    Some(counts.len()) == cells && sizes.iter().all(|size| *size == sizes[0])
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{Importance, variance_between};

    /// Made by `tests/report/importance/expected.py` with NumPy and scikit-learn.
    const EXPECTED: &str = include_str!("../tests/report/importance/expected.json");

    #[derive(Deserialize)]
    struct Case {
        sizes: [usize; 3],
        means: Vec<f64>,
        alone: [f64; 3],
        pairs: [f64; 3],
    }

    #[test]
    fn shares_are_those_of_a_functional_analysis_of_variance() {
        let cases: Vec<Case> = serde_json::from_str(EXPECTED).unwrap();
        for Case { sizes, means, alone, pairs } in cases {
            let scored: Vec<(usize, f64)> = means.into_iter().enumerate().collect();
            let level = |trial: usize, axis: usize| match axis {
                0 => trial / (sizes[1] * sizes[2]),
                1 => trial / sizes[2] % sizes[1],
                _ => trial % sizes[2],
            };
            let total = variance_between(&scored, Some);
            for (axis, expected) in alone.iter().enumerate() {
                let share = variance_between(&scored, |trial| Some(level(trial, axis))) / total;
                assert!((share - expected).abs() < 1e-12, "{share} is not {expected}");
            }
            for ((one, other), expected) in [(0, 1), (0, 2), (1, 2)].into_iter().zip(pairs) {
                let both =
                    variance_between(&scored, |trial| Some((level(trial, one), level(trial, other)))) / total;
                let share = both - alone[one] - alone[other];
                assert!((share - expected).abs() < 1e-12, "{share} is not {expected}");
            }
        }
    }

    #[test]
    fn what_no_part_tells_is_the_rest() {
        let importance = Importance { alone: vec![0.5, 0.2], pairs: Vec::new(), trials: 4, is_full: true };
        assert!((importance.rest().unwrap() - 0.3).abs() < 1e-12);
        assert_eq!(Importance { is_full: false, ..importance }.rest(), None);
    }
}
