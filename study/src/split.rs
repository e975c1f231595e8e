//! How rows are split into folds.
//!
//! The folds are those of scikit-learn for the same seed (its `random_state`), row for row, so that a study can
//! be compared with one made there. Pure: row counts, classes and groups in, row numbers out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod digest;
mod error;
mod grouped;
mod hold_out;
mod k_fold;
mod numpy_random;
mod stratified;
mod validation;

pub use digest::digest;
pub use error::SplitError;
pub use grouped::GroupKFold;
pub use hold_out::HoldOut;
pub use k_fold::{KFold, RepeatedKFold};
pub use stratified::{RepeatedStratifiedKFold, StratifiedKFold};
pub use validation::{Validation, within};

/// The most folds a study may have, repeats and those of every outer fold counted; each fold lists every row once, 4 bytes a row.
pub const FOLDS_MAX: usize = 1_000;

/// A way to split rows into folds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Split {
    /// One fold: a part of the rows is held out (scikit-learn's `train_test_split`).
    HoldOut(HoldOut),
    /// Each row is validated once (scikit-learn's `KFold`).
    KFold(KFold),
    /// Each row is validated once, and every fold has about the same share of each class (scikit-learn's
    /// `StratifiedKFold`).
    StratifiedKFold(StratifiedKFold),
    /// `k_fold` several times, shuffled anew each time (scikit-learn's `RepeatedKFold`).
    RepeatedKFold(RepeatedKFold),
    /// `stratified_k_fold` several times, shuffled anew each time (scikit-learn's `RepeatedStratifiedKFold`).
    RepeatedStratifiedKFold(RepeatedStratifiedKFold),
    /// Each row is validated once, and rows of one group stay together (scikit-learn's `GroupKFold`).
    GroupKFold(GroupKFold),
    /// One fold: all training rows are trained on and the test set validates. For following an experiment that did
    /// so; the scores are then not those of rows that nothing was chosen on, and there can be no final model.
    TestSet,
}

/// One split. Row numbers count from 0. Both lists ascend, except those of a shuffled hold-out, which are in
/// the shuffled order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// Rows to train on.
    pub train: Vec<u32>,
    /// Rows to validate on.
    pub validation: Vec<u32>,
}

/// What a split may look at.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Number of rows, at most `u32::MAX`.
    pub count: usize,
    /// The class of each row; any numbers.
    pub classes: Option<&'a [u32]>,
    /// The group of each row; any numbers.
    pub groups: Option<&'a [u32]>,
    /// Number of rows of the test set, which are numbered after the others; 0 without one.
    pub test: usize,
}

impl Rows<'_> {
    /// Rows of which nothing but their number is known.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { count, classes: None, groups: None, test: 0 }
    }
}

impl Split {
    /// Number of folds, repeats counted; 1 for a hold-out.
    #[must_use]
    pub fn fold_count(&self) -> usize {
        self.folds_per_repeat().saturating_mul(self.repeats())
    }

    /// Whether [`Rows::classes`] must be given.
    #[must_use]
    pub fn needs_classes(&self) -> bool {
        match self {
            Self::HoldOut(hold_out) => hold_out.stratified,
            Self::StratifiedKFold(_) | Self::RepeatedStratifiedKFold(_) => true,
            Self::KFold(_) | Self::RepeatedKFold(_) | Self::GroupKFold(_) | Self::TestSet => false,
        }
    }

    /// Whether [`Rows::groups`] must be given.
    #[must_use]
    pub fn needs_groups(&self) -> bool {
        matches!(self, Self::GroupKFold(_))
    }

    /// Checks what can be checked without data.
    ///
    /// # Errors
    /// The first field that no data could satisfy.
    pub fn check(&self) -> Result<(), SplitError> {
        if let Self::HoldOut(hold_out) = self {
            return hold_out.check();
        }
        if *self == Self::TestSet {
            return Ok(());
        }
        if self.folds_per_repeat() < 2 {
            return Err(SplitError::TooFewFolds { folds: self.folds_per_repeat() });
        }
        if self.repeats() == 0 {
            return Err(SplitError::NoRepeats);
        }
        if self.fold_count() > FOLDS_MAX {
            return Err(SplitError::TooManyFolds { folds: self.fold_count() });
        }
        Ok(())
    }

    /// (train, validation) sizes of each fold where they follow from the number of rows. Classes do not change
    /// them; groups do, so a grouped split has none. Nor has one that `rows` rows cannot make.
    #[must_use]
    pub fn sizes(&self, rows: usize) -> Option<Vec<(usize, usize)>> {
        self.check().ok()?;
        let folds = match self {
            Self::GroupKFold(_) | Self::TestSet => return None,
            Self::HoldOut(hold_out) => return hold_out.sizes(rows).ok().map(|sizes| vec![sizes]),
            Self::KFold(_)
            | Self::StratifiedKFold(_)
            | Self::RepeatedKFold(_)
            | Self::RepeatedStratifiedKFold(_) => self.folds_per_repeat(),
        };
        if folds > rows {
            return None;
        }
        let validation = (0..self.fold_count()).map(|fold| k_fold::fold_rows(rows, folds, fold % folds));
        Some(validation.map(|size| (rows - size, size)).collect())
    }

    /// The folds, repeat after repeat.
    ///
    /// # Errors
    /// What [`Split::check`] finds; classes or groups that are missing or not one per row; and rows, classes
    /// or groups too few for the split, exactly where scikit-learn refuses them.
    pub fn folds(&self, rows: &Rows<'_>) -> Result<Vec<Fold>, SplitError> {
        self.check()?;
        let all = rows.count.saturating_add(rows.test);
        let last = u32::try_from(all).map_err(|_| SplitError::TooManyRows { rows: all })?;
        let classes = of_each_row("classes", rows.classes, rows.count)?;
        let groups = of_each_row("groups", rows.groups, rows.count)?;
        let folds = self.folds_per_repeat();
        if folds > rows.count {
            return Err(SplitError::MoreFoldsThanRows { folds, rows: rows.count });
        }
        match self {
            Self::HoldOut(hold_out) if hold_out.stratified => {
                hold_out.stratified_fold(classes.ok_or(SplitError::NoClasses)?).map(|fold| vec![fold])
            }
            Self::HoldOut(hold_out) => hold_out.fold(rows.count).map(|fold| vec![fold]),
            Self::KFold(split) => Ok(split.folds(rows.count)),
            Self::RepeatedKFold(split) => Ok(split.folds(rows.count)),
            Self::StratifiedKFold(split) => split.folds(classes.ok_or(SplitError::NoClasses)?),
            Self::RepeatedStratifiedKFold(split) => split.folds(classes.ok_or(SplitError::NoClasses)?),
            Self::GroupKFold(split) => split.folds(groups.ok_or(SplitError::NoGroups)?),
            Self::TestSet if rows.test == 0 => Err(SplitError::NoTestSet),
            Self::TestSet => {
                let (train, validation) = (0..last).partition(|&row| (row as usize) < rows.count);
                Ok(vec![Fold { train, validation }])
            }
        }
    }

    fn folds_per_repeat(&self) -> usize {
        match self {
            Self::HoldOut(_) | Self::TestSet => 1,
            Self::KFold(split) => split.folds,
            Self::StratifiedKFold(split) => split.folds,
            Self::RepeatedKFold(split) => split.folds,
            Self::RepeatedStratifiedKFold(split) => split.folds,
            Self::GroupKFold(split) => split.folds,
        }
    }

    fn repeats(&self) -> usize {
        match self {
            Self::RepeatedKFold(split) => split.repeats,
            Self::RepeatedStratifiedKFold(split) => split.repeats,
            Self::HoldOut(_)
            | Self::KFold(_)
            | Self::StratifiedKFold(_)
            | Self::GroupKFold(_)
            | Self::TestSet => 1,
        }
    }
}

/// Refuses a list that is there but has not one value per row.
fn of_each_row<'a>(
    what: &'static str,
    values: Option<&'a [u32]>,
    rows: usize,
) -> Result<Option<&'a [u32]>, SplitError> {
    match values {
        Some(values) if values.len() != rows => Err(SplitError::Length { what, found: values.len(), rows }),
        values => Ok(values),
    }
}

/// The folds in which row `i` is validated in fold `assignment[i]`, all below `folds`; both lists ascend.
fn assigned(assignment: &[usize], folds: usize) -> Vec<Fold> {
    let mut made = vec![Fold { train: Vec::with_capacity(assignment.len()), validation: Vec::new() }; folds];
    for (row, &validated_in) in (0..=u32::MAX).zip(assignment) {
        for (index, fold) in made.iter_mut().enumerate() {
            if index == validated_in { fold.validation.push(row) } else { fold.train.push(row) }
        }
    }
    made
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests;
