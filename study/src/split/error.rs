//! Why rows cannot be split.

use super::FOLDS_MAX;

/// Why rows cannot be split. scikit-learn refuses the same splits, except for the limits on folds and rows, which
/// are ours.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SplitError {
    /// Fewer than two folds leave nothing to train on or nothing to validate on.
    #[error("a split needs at least 2 folds, not {folds}; use hold_out for a single one")]
    TooFewFolds {
        /// Folds asked for.
        folds: usize,
    },
    /// More than [`FOLDS_MAX`] folds.
    #[error("{folds} folds (repeats and those of outer folds counted) pass the limit of {FOLDS_MAX}")]
    TooManyFolds {
        /// Folds asked for, repeats counted.
        folds: usize,
    },
    /// A repeated split without a repeat.
    #[error("a repeated split needs at least 1 repeat")]
    NoRepeats,
    /// A hold-out share that is not between 0 and 1.
    #[error("the fraction to hold out must lie strictly between 0 and 1, not be {fraction}")]
    Fraction {
        /// The share asked for.
        fraction: f64,
    },
    /// A hold-out that is stratified and keeps the order.
    #[error("a stratified hold-out must shuffle")]
    StratifiedInOrder,
    /// More rows than a row number can tell apart.
    #[error("{rows} rows are more than the {} that a split can number", u32::MAX)]
    TooManyRows {
        /// Number of rows.
        rows: usize,
    },
    /// A split that validates on the test set, of data that has none.
    #[error("validating on the test set needs one, and the data has none")]
    NoTestSet,
    /// Nested cross-validation with the test set among its splits.
    #[error("the test set cannot be part of nested cross-validation: it is measured once, at the end")]
    NestedTestSet,
    /// An outer fold that cannot be split again.
    #[error("the training rows of outer fold {number} cannot be split as all rows are: {error}")]
    WithinOuter {
        /// Which, from 1.
        number: usize,
        /// Why.
        error: Box<Self>,
    },
    /// More folds than rows.
    #[error("cannot split {rows} rows into {folds} folds")]
    MoreFoldsThanRows {
        /// Folds asked for, in one repeat.
        folds: usize,
        /// Number of rows.
        rows: usize,
    },
    /// A hold-out that takes every row.
    #[error("holding out {fraction} of {rows} rows leaves none to train on")]
    NothingToTrain {
        /// The share asked for.
        fraction: f64,
        /// Number of rows.
        rows: usize,
    },
    /// Every class has fewer members than there are folds.
    #[error(
        "a stratified split into {folds} folds needs a class with as many rows; the largest has {largest}"
    )]
    SmallClasses {
        /// Folds asked for, in one repeat.
        folds: usize,
        /// Rows of the largest class.
        largest: usize,
    },
    /// A stratified hold-out met a class with one row.
    #[error("a stratified hold-out needs 2 rows of each class; class {class} has 1")]
    LoneRow {
        /// The class; the smallest number where there are several.
        class: u32,
    },
    /// One side of a stratified hold-out cannot have a row of each class.
    #[error("a stratified hold-out of {classes} classes needs as many rows on each side; {side} has {rows}")]
    MoreClassesThanRows {
        /// "train" or "validation".
        side: &'static str,
        /// Rows of that side.
        rows: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A stratified split of rows without classes.
    #[error("a stratified split needs the class of each row")]
    NoClasses,
    /// A grouped split of rows without groups.
    #[error("a grouped split needs the group of each row")]
    NoGroups,
    /// A list that has not one value per row.
    #[error("{found} {what} were given for {rows} rows")]
    Length {
        /// "classes" or "groups".
        what: &'static str,
        /// Values given.
        found: usize,
        /// Number of rows.
        rows: usize,
    },
    /// Fewer groups than folds.
    #[error("cannot split {groups} groups into {folds} folds")]
    FewerGroupsThanFolds {
        /// Number of different groups.
        groups: usize,
        /// Folds asked for.
        folds: usize,
    },
}
