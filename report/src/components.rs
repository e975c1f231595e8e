//! Copies of weights on their principal components.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The copies of weights of all runs with networks of one size, projected together on the two directions in which
/// they vary most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentsReport {
    /// Learned numbers of each copy.
    pub weights: u64,
    /// The first two components' shares of the variance, 0 to 1.
    pub explained: Vec<f64>,
    /// One per copy, by trial, fold and epoch.
    pub points: Vec<ComponentPoint>,
    /// Copies that are not shown: those with a number that is not finite, and of very many a part.
    pub left_out: usize,
}

/// One run's weights after one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentPoint {
    /// The trial.
    pub trial: usize,
    /// The fold.
    pub fold: usize,
    /// After which epoch, from 1; 0 is the start.
    pub epoch: u32,
    /// Along the first component, from the mean of all copies.
    pub first: f64,
    /// Along the second.
    pub second: f64,
    /// L2 norm of the weights.
    pub norm: f64,
    /// Mean loss of the training rows in that epoch, as they were trained on. Absent at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_loss: Option<f64>,
    /// Mean loss of the validation rows after it. Absent at the start and where it is not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_loss: Option<f64>,
    /// Accuracy on them. Absent at the start, and where the target is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val_accuracy: Option<f64>,
}
