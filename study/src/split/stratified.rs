//! Folds with about the same share of each class. Source: scikit-learn's `StratifiedKFold` and
//! `RepeatedStratifiedKFold`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::numpy_random::NumpyRandom;
use super::{Fold, SplitError, assigned, k_fold, yes};

/// Each row is validated once, and every fold has about the same share of each class. A class with fewer rows
/// than folds is missing from some folds; only when every class is that small is the split refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StratifiedKFold {
    /// Number of folds.
    #[schemars(range(min = 2, max = 1_000))]
    pub folds: usize,
    /// Whether the rows of each class are shuffled first. scikit-learn's own default is not to shuffle.
    #[serde(default = "yes")]
    pub shuffle: bool,
    /// scikit-learn's `random_state`; without a shuffle it has no effect.
    #[serde(default)]
    pub seed: u32,
}

/// A shuffled [`StratifiedKFold`] several times over, all drawn from one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepeatedStratifiedKFold {
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

impl StratifiedKFold {
    /// The folds of rows of these classes; at least as many rows as folds.
    pub(super) fn folds(&self, classes: &[u32]) -> Result<Vec<Fold>, SplitError> {
        let members = members(classes, self.folds)?;
        let mut random = self.shuffle.then(|| NumpyRandom::new(self.seed));
        Ok(assigned(&assign(&members, classes.len(), self.folds, random.as_mut()), self.folds))
    }
}

impl RepeatedStratifiedKFold {
    /// The folds of rows of these classes; at least as many rows as folds.
    pub(super) fn folds(&self, classes: &[u32]) -> Result<Vec<Fold>, SplitError> {
        let members = members(classes, self.folds)?;
        let mut random = NumpyRandom::new(self.seed);
        let mut repeat =
            || assigned(&assign(&members, classes.len(), self.folds, Some(&mut random)), self.folds);
        Ok((0..self.repeats).flat_map(|_| repeat()).collect())
    }
}

/// The rows of each class, ascending; classes by ascending number.
pub(super) fn rows_by_class(classes: &[u32]) -> Vec<(u32, Vec<usize>)> {
    let mut rows: Vec<usize> = (0..classes.len()).collect();
    rows.sort_by_key(|&row| classes[row]);
    rows.chunk_by(|&a, &b| classes[a] == classes[b]).map(|rows| (classes[rows[0]], rows.to_vec())).collect()
}

/// The rows of each class, ascending; classes in the order of their first rows.
fn members(classes: &[u32], folds: usize) -> Result<Vec<Vec<usize>>, SplitError> {
    let mut members: Vec<Vec<usize>> = rows_by_class(classes).into_iter().map(|(_, rows)| rows).collect();
    members.sort_by_key(|rows| rows[0]);
    let largest = members.iter().map(Vec::len).max().unwrap_or(0);
    if largest < folds { Err(SplitError::SmallClasses { folds, largest }) } else { Ok(members) }
}

/// The fold in which each row is validated. Dealing all rows out in the order of their classes, one to each fold in
/// turn, says how many of a class each fold gets; which ones is a matter of order or of chance.
fn assign(
    members: &[Vec<usize>],
    rows: usize,
    folds: usize,
    mut random: Option<&mut NumpyRandom>,
) -> Vec<usize> {
    let mut assignment = vec![0; rows];
    let mut dealt = 0;
    for class in members {
        let end = dealt + class.len();
        let share = |fold| k_fold::fold_rows(end, folds, fold) - k_fold::fold_rows(dealt, folds, fold);
        let mut fold_of: Vec<usize> =
            (0..folds).flat_map(|fold| std::iter::repeat_n(fold, share(fold))).collect();
        if let Some(random) = random.as_deref_mut() {
            random.shuffle(&mut fold_of);
        }
        for (&row, fold) in class.iter().zip(fold_of) {
            assignment[row] = fold;
        }
        dealt = end;
    }
    assignment
}
