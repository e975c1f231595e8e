//! What can be wrong with an array in a file.

use crate::content::CONTENT_BYTES_MAX;

/// What is wrong with an array.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayProblem {
    /// The file is not an archive of its format.
    #[error("the file cannot be read: {reason}; it is cut, spoiled or of another format")]
    Format {
        /// What its reader said.
        reason: String,
    },
    /// No array has the name.
    #[error("there is no such array; the file has {known}")]
    NoArray {
        /// The names that there are.
        known: String,
    },
    /// The array's header is not one.
    #[error("its header is not that of a NumPy array: {reason}")]
    Header {
        /// Why.
        reason: &'static str,
    },
    /// Its values are no numbers that are read.
    #[error("its type is {found}; only real numbers and booleans are read, so convert it with astype")]
    Type {
        /// The type.
        found: String,
    },
    /// It has fewer or more bytes than its type and shape say.
    #[error("its shape {shape:?} needs {expected} bytes, but it has {found}; the file is cut or spoiled")]
    Length {
        /// The lengths it says it has.
        shape: Vec<usize>,
        /// Bytes that its shape needs.
        expected: usize,
        /// Bytes that there are, or one more than it needs.
        found: usize,
    },
    /// Its values do not fit into memory.
    #[error("its shape {shape:?} has more values than are read (they may take {CONTENT_BYTES_MAX} bytes)")]
    Overflow {
        /// The lengths it says it has.
        shape: Vec<usize>,
    },
    /// Its shape means nothing here.
    #[error("its shape is {shape:?}, but {expected}")]
    Shape {
        /// The shape.
        shape: Vec<usize>,
        /// What is read.
        expected: &'static str,
    },
    /// It has no values.
    #[error("its shape {shape:?} holds no values")]
    Empty {
        /// The shape.
        shape: Vec<usize>,
    },
    /// There are not as many targets as features.
    #[error("it has {targets} rows, but the features have {features}; they must have as many")]
    Rows {
        /// Rows of features.
        features: usize,
        /// Rows of targets.
        targets: usize,
    },
    /// A number is NaN, infinite or too large.
    #[error(
        "row {row} (from 0) holds a number that is not finite as a 32-bit float; correct it, or leave the row out"
    )]
    NotFinite {
        /// The row, from 0.
        row: usize,
    },
    /// Classes are not whole numbers.
    #[error(
        "classes are whole numbers, these are floats; convert them with astype(int), or set task = \"regression\""
    )]
    FloatClasses,
    /// A class is negative, too large, or one that no training row has.
    #[error("row {row} (from 0) is of class {found}, but classes run from 0 to {most}")]
    NotAClass {
        /// The row, from 0.
        row: usize,
        /// The number.
        found: i128,
        /// The largest class.
        most: u32,
    },
    /// Test rows have another shape than training rows.
    #[error("training rows have shape {train:?}, test rows {test:?}; they must have the same")]
    Parts {
        /// Of a training row.
        train: Vec<usize>,
        /// Of a test row.
        test: Vec<usize>,
    },
    /// Of training and test rows, one has bytes and the other has other numbers.
    #[error(
        "of training and test rows, only one has unsigned bytes, which are scaled to 0..1; store both as the same type"
    )]
    Scales,
}
