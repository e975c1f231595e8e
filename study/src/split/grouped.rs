//! Folds that keep groups together. Source: scikit-learn's `GroupKFold` without a shuffle.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stratified::rows_by_class;
use super::{Fold, SplitError, assigned};

/// Each row is validated once, and rows of one group stay together. Folds get about the same number of rows: the
/// largest group left goes to the fold that has the fewest. Nothing is drawn, so there is no seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupKFold {
    /// Number of folds; at most the number of groups.
    #[schemars(range(min = 2, max = 1_000))]
    pub folds: usize,
}

impl GroupKFold {
    /// The folds of rows of these groups. Equal groups go by descending number, equal folds by ascending.
    pub(super) fn folds(&self, groups: &[u32]) -> Result<Vec<Fold>, SplitError> {
        let mut members = rows_by_class(groups);
        if self.folds > members.len() {
            return Err(SplitError::FewerGroupsThanFolds { groups: members.len(), folds: self.folds });
        }
        members.sort_by_key(|(_, rows)| rows.len());
        let mut assignment = vec![0; groups.len()];
        let mut sizes = vec![0; self.folds];
        for (_, rows) in members.iter().rev() {
            let mut lightest = 0;
            for fold in 1..self.folds {
                if sizes[fold] < sizes[lightest] {
                    lightest = fold;
                }
            }
            sizes[lightest] += rows.len();
            for &row in rows {
                assignment[row] = lightest;
            }
        }
        Ok(assigned(&assignment, self.folds))
    }
}
