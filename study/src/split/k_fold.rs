//! Folds of consecutive or shuffled rows. Source: scikit-learn's `KFold` and `RepeatedKFold`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::numpy_random::NumpyRandom;
use super::{Fold, assigned, yes};

/// Each row is validated once. The first `rows % folds` folds have one row more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KFold {
    /// Number of folds.
    #[schemars(range(min = 2, max = 1_000))]
    pub folds: usize,
    /// Whether rows are shuffled first; otherwise folds are runs of consecutive rows. scikit-learn's own default
    /// is not to shuffle.
    #[serde(default = "yes")]
    pub shuffle: bool,
    /// scikit-learn's `random_state`; without a shuffle it has no effect.
    #[serde(default)]
    pub seed: u32,
}

/// A shuffled [`KFold`] several times over, all drawn from one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepeatedKFold {
    /// Number of folds of one repeat.
    #[schemars(range(min = 2, max = 1_000))]
    pub folds: usize,
    /// Number of repeats; folds times repeats is at most 1,000.
    #[schemars(range(min = 1, max = 500))]
    pub repeats: usize,
    /// scikit-learn's `random_state`.
    #[serde(default)]
    pub seed: u32,
}

impl KFold {
    /// The folds of `rows` rows; at least as many as folds.
    pub(super) fn folds(&self, rows: usize) -> Vec<Fold> {
        let mut random = self.shuffle.then(|| NumpyRandom::new(self.seed));
        assigned(&assign(rows, self.folds, random.as_mut()), self.folds)
    }
}

impl RepeatedKFold {
    /// The folds of `rows` rows; at least as many as folds.
    pub(super) fn folds(&self, rows: usize) -> Vec<Fold> {
        let mut random = NumpyRandom::new(self.seed);
        let repeat = |_| assigned(&assign(rows, self.folds, Some(&mut random)), self.folds);
        (0..self.repeats).flat_map(repeat).collect()
    }
}

/// Validation rows of fold `index` of `folds`.
pub(super) fn fold_rows(rows: usize, folds: usize, index: usize) -> usize {
    rows / folds + usize::from(index < rows % folds)
}

/// The fold in which each row is validated.
fn assign(rows: usize, folds: usize, random: Option<&mut NumpyRandom>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    if let Some(random) = random {
        random.shuffle(&mut order);
    }
    let mut assignment = vec![0; rows];
    let mut start = 0;
    for fold in 0..folds {
        let end = start + fold_rows(rows, folds, fold);
        for &row in &order[start..end] {
            assignment[row] = fold;
        }
        start = end;
    }
    assignment
}
