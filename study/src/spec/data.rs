//! `[data]`: which rows a study learns from, and what is done to them before they are seen.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the rows come from. Exactly one of `dataset`, `idx` and `csv` is given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// A dataset of the catalogue by name (see `foldwise data list`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Files in the IDX format of MNIST, plain or gzipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idx: Option<IdxSpec>,
    /// Comma-separated files with a header line, plain or gzipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csv: Option<CsvSpec>,
    /// Use only the first so many training rows. All by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2))]
    pub train_rows: Option<usize>,
    /// Use only the first so many test rows. All by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub test_rows: Option<usize>,
    /// Subtract a mean and divide by a deviation, after bytes were scaled to 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,
}

/// A training pair of IDX files and, where there is one, a test pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdxSpec {
    /// Training images or features: bytes, shape `[rows, …]`.
    pub train_features: PathBuf,
    /// Training labels: bytes, shape `[rows]`.
    pub train_labels: PathBuf,
    /// Test images or features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_features: Option<PathBuf>,
    /// Test labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_labels: Option<PathBuf>,
}

/// A CSV file of training rows and, where there is one, a file of test rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvSpec {
    /// The training rows.
    pub train: PathBuf,
    /// The test rows, with the same columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// The column to predict.
    pub target: String,
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

/// `(x − mean) / std`, per channel (images) or per feature (tables). One value serves all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// Means, one or one per channel.
    #[schemars(length(min = 1))]
    pub mean: Vec<f32>,
    /// Standard deviations, one or one per channel; none is zero.
    #[schemars(length(min = 1))]
    pub std: Vec<f32>,
}
