//! Rows that are made from a few settings. They are the same on every machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most rows that are generated for one part.
pub const GENERATED_ROWS_MAX: usize = 10_000_000;

/// Rows of one feature x and one target y = f(x) + noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionSpec {
    /// f as an expression of `x`, such as `"sin(5*pi*x)/(5*pi*x)"`: numbers, `pi`, `e`, `+ - * / ^`, parentheses, and
    /// functions such as `sin`, `cos`, `tan`, `exp`, `log` (natural), `log2`, `log10`, `sqrt`, `abs`, `tanh`, `sign`,
    /// `floor`. It must be finite at every x of the rows.
    #[schemars(length(min = 1, max = 1000))]
    pub expression: String,
    /// The least and the greatest x.
    pub range: [f64; 2],
    /// Training rows.
    #[schemars(range(min = 2, max = 10_000_000))]
    pub rows: usize,
    /// Test rows; by default there is no test part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub test_rows: Option<usize>,
    /// Which x the rows have; "even" by default.
    #[serde(default)]
    pub spacing: Spacing,
    /// Standard deviation of the normal noise that is added to the targets of training and test rows; 0 by default.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub noise: f64,
    /// The key of what is drawn; 0 by default. It has nothing to do with the study's seed.
    #[serde(default)]
    pub seed: u64,
}

/// Which x the rows of a function have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// Training rows divide the range evenly, both ends included; test rows are the midpoints of as many equal parts of
    /// it. Rows are in the order of x.
    #[default]
    Even,
    /// Uniformly drawn.
    Random,
}

/// Clouds of normally distributed points. Each class has a centre, drawn uniformly from −10..10 in every feature; row i is
/// of class i modulo the number of classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlobsSpec {
    /// How many classes.
    #[schemars(range(min = 2, max = 65_536))]
    pub classes: usize,
    /// How many features.
    #[schemars(range(min = 1, max = 100_000))]
    pub features: usize,
    /// Training rows, at least one per class.
    #[schemars(range(min = 2, max = 10_000_000))]
    pub rows: usize,
    /// Test rows; by default there is no test part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub test_rows: Option<usize>,
    /// Standard deviation of the points around their centre, in every feature; 1 by default.
    #[serde(default = "one")]
    #[schemars(range(min = 0))]
    pub spread: f64,
    /// The key of what is drawn; 0 by default. It has nothing to do with the study's seed.
    #[serde(default)]
    pub seed: u64,
}

fn one() -> f64 {
    1.0
}
