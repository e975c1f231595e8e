//! Rows that lie in tables with named columns.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A table of training rows and, where there is one, a table of test rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// The training rows.
    pub train: PathBuf,
    /// The test rows, with the same columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// The column to predict, or a list of columns that hold numbers, all of which are predicted.
    pub target: TargetColumns,
    /// Whether the target names a class or is a number.
    #[serde(default)]
    pub task: Task,
    /// The feature columns, in order. By default every column but the target and the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
    /// The column whose equal values must never be split between training and validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Numbers for the words of a column that holds words, by column and then by word.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, BTreeMap<String, f32>>,
    /// What the feature columns hold, by column: "number" (the default) or "category".
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, ColumnType>,
    /// What is done where a feature has no value; "refuse" by default.
    #[serde(default, skip_serializing_if = "Missing::is_default")]
    pub missing: Missing,
    /// Words that mean that a value is missing, such as "NA". An empty field of a CSV file always does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_words: Vec<String>,
}

/// What a target column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Each distinct value is a class; classes are numbered in sorted order.
    #[default]
    Classification,
    /// The value is a number.
    Regression,
}

/// The column to predict, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TargetColumns {
    /// One column: classes or numbers.
    One(String),
    /// Columns of numbers, in the order of the network's outputs.
    Several(#[schemars(length(min = 1, max = 1000))] Vec<String>),
}

/// What a feature column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Numbers: one feature.
    Number,
    /// Categories: one feature per distinct value of the training file, in sorted order, which is 1 in the rows that have
    /// the value and 0 in all others. A test row with another value is an error.
    Category,
}

/// What is done where a feature has no value. A target or a group without a value is an error but for "drop".
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// It is an error.
    #[default]
    Refuse,
    /// The row is left out, before row limits count.
    Drop,
    /// It is filled with the mean of its feature over the training rows of each run's fold alone, so that nothing of the
    /// validation rows leaks into it. A category is filled with how often each of its values occurs.
    Mean,
    /// It is filled with this number; a category with this number in each of its features.
    Fill(f32),
}

impl TargetColumns {
    /// The columns' names, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

impl From<&str> for TargetColumns {
    fn from(name: &str) -> Self {
        Self::One(name.to_owned())
    }
}

impl Missing {
    fn is_default(&self) -> bool {
        *self == Self::Refuse
    }
}
