//! What can be wrong with a table. Each message follows its file's name, hence the beginnings.

use std::fmt;

use crate::tabular::{CATEGORIES_MAX, CLASSES_MAX, ENCODED_NUMBERS_MAX};

/// Where in a file a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// A line of a text, from 1.
    Line(u64),
    /// A row of a file without lines, from 1.
    Row(u64),
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableProblem {
    /// The text is not CSV with as many fields in each line as in the header.
    #[error(": not readable as CSV: {reason}")]
    Format {
        /// What the parser said, with its line.
        reason: String,
    },
    /// The bytes are no Parquet file, or a damaged one.
    #[error(": not readable as Parquet: {reason}; the file is cut, spoiled or of another format")]
    Parquet {
        /// What the reader said.
        reason: String,
    },
    /// Parquet is left out of this build.
    #[error(
        ": this program was built without Parquet; build it with the feature `parquet`, or convert the file to CSV"
    )]
    NoParquet,
    /// There is no row.
    #[error(": there is no row after the header line")]
    Empty,
    /// Every row lacks a value.
    #[error(
        ": no row is left, since every row lacks a value and missing = \"drop\"; leave columns without values out of \
         `features`, or fill them"
    )]
    AllDropped,
    /// Two columns have one name.
    #[error(", line 1: two columns are named `{column}`; rename one")]
    TwoColumns {
        /// The name.
        column: String,
    },
    /// A column that the spec names is not there.
    #[error(": no column is named `{column}`; the columns are {header}")]
    NoColumn {
        /// The name in the spec.
        column: String,
        /// The names in the file.
        header: String,
    },
    /// A column holds values that are neither numbers nor texts.
    #[error(
        ": column `{column}` holds {kind}, which cannot be read as numbers or texts; convert it, or leave it out of \
         `features`"
    )]
    Unreadable {
        /// The column.
        column: String,
        /// What it holds.
        kind: String,
    },
    /// A text is not UTF-8.
    #[error(
        ", {spot}, column `{column}`: the text is not UTF-8; convert it, or leave the column out of `features`"
    )]
    NotText {
        /// Where.
        spot: Spot,
        /// The column.
        column: String,
    },
    /// The target or the group is among the features.
    #[error(": `{column}` is the {role} and cannot be a feature as well; take it out of `features`")]
    NotAFeature {
        /// The column.
        column: String,
        /// `target` or `group`.
        role: &'static str,
    },
    /// A column is twice among the features or targets.
    #[error(": `{column}` is twice in `{list}`; take one out")]
    Twice {
        /// The column.
        column: String,
        /// `features` or `target`.
        list: &'static str,
    },
    /// Several columns cannot be one class.
    #[error(
        ": several columns can only be predicted as numbers; set task = \"regression\", or name one target"
    )]
    SeveralClasses,
    /// Nothing is left to learn from.
    #[error(": no feature column is left; name some in `features`")]
    NoFeatures,
    /// A field is empty.
    #[error(
        ", {spot}, column `{column}`: the value is missing; fill it in, remove the row, leave the column out of \
         `features`, or say what is done without it by `missing`"
    )]
    Missing {
        /// Where.
        spot: Spot,
        /// The column.
        column: String,
    },
    /// A target or a group is empty.
    #[error(
        ", {spot}, column `{column}`: the value is missing, which only a feature's may; fill it in, remove the row, or \
         set missing = \"drop\""
    )]
    MissingTarget {
        /// Where.
        spot: Spot,
        /// The column.
        column: String,
    },
    /// A column of features has no value at all.
    #[error(": column `{column}` has no value in any training row; leave it out of `features`")]
    NoValues {
        /// The column.
        column: String,
    },
    /// A field is no finite number, and no word of its column's words.
    #[error(
        ", {spot}, column `{column}`: `{found}` is not a finite number; correct it, leave the column out of \
         `features`, or say what it means: words.{column} = {{ \"{found}\" = 0.0 }} or types.{column} = \"category\""
    )]
    NotANumber {
        /// Where.
        spot: Spot,
        /// The column.
        column: String,
        /// The field.
        found: String,
    },
    /// The words of a class target have no use.
    #[error(": `words` names `{column}`, which is not read as numbers; take it out of `words`")]
    UselessWords {
        /// The column.
        column: String,
    },
    /// A type for what is no feature.
    #[error(": `types` names `{column}`, which is no feature; take it out of `types`")]
    UselessType {
        /// The column.
        column: String,
    },
    /// A test row has a class that no training row has.
    #[error(", {spot}, column `{column}`: no training row has the class `{found}`")]
    UnknownClass {
        /// Where.
        spot: Spot,
        /// The column.
        column: String,
        /// The class.
        found: String,
    },
    /// A test row has a category that no training row has.
    #[error(
        ", {spot}, column `{column}`: no training row has the category `{found}`; remove the row, or add its category \
         to `missing_words`"
    )]
    UnknownCategory {
        /// Where.
        spot: Spot,
        /// The column.
        column: String,
        /// The category.
        found: String,
    },
    /// Too many classes.
    #[error(
        ": column `{column}` has {found} classes, more than {CLASSES_MAX}; if it is a number to predict, set \
         task = \"regression\""
    )]
    TooManyClasses {
        /// The column.
        column: String,
        /// How many.
        found: usize,
    },
    /// Too many categories.
    #[error(
        ": column `{column}` has {found} categories, more than {CATEGORIES_MAX}; if it holds numbers, take it out of \
         `types`, and if it names rows, out of `features`"
    )]
    TooManyCategories {
        /// The column.
        column: String,
        /// How many.
        found: usize,
    },
    /// The rows would not fit into memory.
    #[error(
        ": {rows} rows of {width} features are more than {ENCODED_NUMBERS_MAX} numbers; name fewer columns in `features`, \
         or fewer categories in `types`"
    )]
    TooWide {
        /// Rows.
        rows: usize,
        /// Features of a row.
        width: usize,
    },
}
