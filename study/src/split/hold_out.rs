//! One fold that holds a part of the rows out. Source: scikit-learn's `train_test_split`, which is the first split
//! of `ShuffleSplit` or `StratifiedShuffleSplit`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::numpy_random::NumpyRandom;
use super::stratified::rows_by_class;
use super::{Fold, SplitError, yes};

/// A part of the rows is held out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldOut {
    /// Share of the rows that is held out, strictly between 0 and 1; the number of rows is rounded up
    /// (scikit-learn's `test_size`).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub fraction: f64,
    /// Whether both sides have about the same share of each class. Every class needs two rows, and each side as
    /// many rows as there are classes.
    #[serde(default)]
    pub stratified: bool,
    /// Whether rows are shuffled first, which also puts both sides in a random order; otherwise the last rows are
    /// held out.
    #[serde(default = "yes")]
    pub shuffle: bool,
    /// scikit-learn's `random_state`; without a shuffle it has no effect.
    #[serde(default)]
    pub seed: u32,
}

impl HoldOut {
    /// Checks what can be checked without data.
    pub(super) fn check(&self) -> Result<(), SplitError> {
        if !(self.fraction > 0.0 && self.fraction < 1.0) {
            return Err(SplitError::Fraction { fraction: self.fraction });
        }
        if self.stratified && !self.shuffle {
            return Err(SplitError::StratifiedInOrder);
        }
        Ok(())
    }

    /// (train, validation) sizes for `rows` rows.
    pub(super) fn sizes(&self, rows: usize) -> Result<(usize, usize), SplitError> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the fraction is between 0 and 1, so this is a whole number from 0 to `rows`"
        )]
        let validation = (self.fraction * rows as f64).ceil() as usize;
        if validation >= rows {
            return Err(SplitError::NothingToTrain { fraction: self.fraction, rows });
        }
        Ok((rows - validation, validation))
    }

    /// The fold of `rows` rows, at most `u32::MAX`.
    /// (training, validation) rows of `rows`.
    ///
    /// # Errors
    /// A share that is none, or that leaves nothing to train on.
    pub fn sizes_of(&self, rows: usize) -> Result<(usize, usize), SplitError> {
        self.check()?;
        self.sizes(rows)
    }

    pub(super) fn fold(&self, rows: usize) -> Result<Fold, SplitError> {
        let (train, validation) = self.sizes(rows)?;
        let count = u32::try_from(rows).map_err(|_| SplitError::TooManyRows { rows })?;
        if self.shuffle {
            let order = NumpyRandom::new(self.seed).permutation(count);
            Ok(Fold { train: order[validation..].to_vec(), validation: order[..validation].to_vec() })
        } else {
            let mut order: Vec<u32> = (0..count).collect();
            let held_out = order.split_off(train);
            Ok(Fold { train: order, validation: held_out })
        }
    }

    /// The fold of rows of these classes.
    pub(super) fn stratified_fold(&self, classes: &[u32]) -> Result<Fold, SplitError> {
        let (train, validation) = self.sizes(classes.len())?;
        let members = rows_by_class(classes);
        if let Some(&(class, _)) = members.iter().find(|(_, rows)| rows.len() < 2) {
            return Err(SplitError::LoneRow { class });
        }
        for (side, rows) in [("train", train), ("validation", validation)] {
            if rows < members.len() {
                return Err(SplitError::MoreClassesThanRows { side, rows, classes: members.len() });
            }
        }
        let mut random = NumpyRandom::new(self.seed);
        let counts: Vec<usize> = members.iter().map(|(_, rows)| rows.len()).collect();
        let train_counts = approximate_mode(&counts, train, &mut random);
        let left: Vec<usize> = counts.iter().zip(&train_counts).map(|(count, taken)| count - taken).collect();
        let validation_counts = approximate_mode(&left, validation, &mut random);

        let mut fold = Fold { train: Vec::with_capacity(train), validation: Vec::with_capacity(validation) };
        for (((_, rows), taken), held_out) in members.into_iter().zip(train_counts).zip(validation_counts) {
            let mut rows: Vec<u32> = rows.into_iter().filter_map(|row| u32::try_from(row).ok()).collect();
            random.shuffle(&mut rows);
            fold.train.extend(&rows[..taken]);
            fold.validation.extend(&rows[taken..taken + held_out]);
        }
        random.shuffle(&mut fold.train);
        random.shuffle(&mut fold.validation);
        Ok(fold)
    }
}

/// How many of each class are in a sample of `draws` rows in proportion: rounded down, and what is missing is added
/// where rounding took the most, ties by chance. Source: scikit-learn's `_approximate_mode`, in the same order of
/// floating-point operations.
fn approximate_mode(counts: &[usize], draws: usize, random: &mut NumpyRandom) -> Vec<usize> {
    let total = counts.iter().sum::<usize>() as f64;
    let exact: Vec<f64> = counts.iter().map(|&count| count as f64 / total * draws as f64).collect();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 0 to the class's number of rows"
    )]
    let mut taken: Vec<usize> = exact.iter().map(|exact| exact.floor() as usize).collect();
    let mut missing = draws.saturating_sub(taken.iter().sum());

    let remainders: Vec<f64> = exact.iter().map(|exact| exact - exact.floor()).collect();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by(|&a, &b| remainders[b].total_cmp(&remainders[a]));
    for tied in order.chunk_by(|&a, &b| remainders[a] == remainders[b]) {
        if missing == 0 {
            break;
        }
        let add = tied.len().min(missing);
        for class in random.choose(tied, add) {
            taken[class] += 1;
        }
        missing -= add;
    }
    taken
}
