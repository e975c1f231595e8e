//! `[train]`: how a network learns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod optimizer;
mod schedule;

pub use optimizer::{Optimizer, OptimizerKind};
pub use schedule::{Monitor, Rate, RateState, ReduceOnPlateau, Schedule, Step};

/// Everything about training but the network and the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainSpec {
    /// Passes over the training rows.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub epochs: u32,
    /// Rows per step; the last step of an epoch takes what is left.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub batch_size: usize,
    /// What is made small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// How a step is taken.
    pub optimizer: Optimizer,
    /// How the learning rate changes.
    #[serde(default)]
    pub schedule: Schedule,
    /// Whether rows are put in a new random order each epoch.
    #[serde(default = "yes")]
    pub shuffle: bool,
    /// Another start for every random stream of the trial, to search over seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Whether all trials of a fold start from the same weights and see the rows in the same order, so that
    /// they are compared on common random numbers.
    #[serde(default = "yes")]
    pub common_random_numbers: bool,
}

/// The loss of one row; a step's loss is the mean over its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Negative log-likelihood of the true class under a softmax (PyTorch's `CrossEntropyLoss`).
    CrossEntropy,
    /// Squared difference to a number, or to the one-hot vector of a class, averaged over outputs
    /// (PyTorch's `MSELoss`).
    MeanSquaredError,
}

impl TrainSpec {
    /// Steps of one epoch over `rows` rows.
    #[must_use]
    pub fn steps(&self, rows: usize) -> usize {
        rows.div_ceil(self.batch_size)
    }
}

fn yes() -> bool {
    true
}
