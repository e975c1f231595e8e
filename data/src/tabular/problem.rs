//! What can be wrong with a CSV file. Each message follows its file's name, hence the beginnings.

use crate::tabular::CLASSES_MAX;

/// What is wrong with a CSV file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvProblem {
    /// The text is not CSV with as many fields in each line as in the header.
    #[error(": not readable as CSV: {reason}")]
    Format {
        /// What the parser said, with its line.
        reason: String,
    },
    /// There is no line after the header.
    #[error(": there is no row after the header line")]
    Empty,
    /// Two columns have one name.
    #[error(", line 1: two columns are named `{column}`; rename one")]
    TwoColumns {
        /// The name.
        column: String,
    },
    /// A column that the spec names is not there.
    #[error(", line 1: no column is named `{column}`; the header has {header}")]
    NoColumn {
        /// The name in the spec.
        column: String,
        /// The names in the file.
        header: String,
    },
    /// The target or the group is among the features.
    #[error(": `{column}` is the {role} and cannot be a feature as well; take it out of data.csv.features")]
    NotAFeature {
        /// The column.
        column: String,
        /// `target` or `group`.
        role: &'static str,
    },
    /// A column is twice among the features.
    #[error(": `{column}` is twice in data.csv.features")]
    FeatureTwice {
        /// The column.
        column: String,
    },
    /// Nothing is left to learn from.
    #[error(": no feature column is left; name some in data.csv.features")]
    NoFeatures,
    /// A field is empty.
    #[error(
        ", line {line}, column `{column}`: the value is missing; fill it in, remove the row, or leave the column out \
         of data.csv.features"
    )]
    Missing {
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
    },
    /// A field is no finite number, and no word of its column's words.
    #[error(
        ", line {line}, column `{column}`: `{found}` is not a finite number; correct it, leave the column out of \
         data.csv.features, or say what it means: words.{column} = {{ \"{found}\" = 0.0 }}"
    )]
    NotANumber {
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// The field.
        found: String,
    },
    /// The words of a class target have no use.
    #[error(": data.csv.words names `{column}`, which is not read as numbers; take it out of the words")]
    UselessWords {
        /// The column.
        column: String,
    },
    /// A test row has a class that no training row has.
    #[error(", line {line}, column `{column}`: no training row has the class `{found}`")]
    UnknownClass {
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// The class.
        found: String,
    },
    /// Too many classes.
    #[error(
        ": column `{column}` has {found} classes, more than {CLASSES_MAX}; if it is a number to predict, set \
         data.csv.task = \"regression\""
    )]
    TooManyClasses {
        /// The column.
        column: String,
        /// How many.
        found: usize,
    },
}
