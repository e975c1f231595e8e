//! `[measure]`: what a study asks to be measured beside losses and accuracies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most steps of a run whose losses and gradients are kept one by one.
pub const STEPS_MAX: u64 = 200_000;
/// The most classes of which a confusion matrix is kept.
pub const CLASSES_MAX: usize = 256;

/// What is measured. Nothing of this changes how a run trains.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasureSpec {
    /// Rows whose predictions by the selected epoch's weights are looked at: of classes the confusion matrix, the
    /// accuracy and F1 of each class and the first row of each class that is taken for another; of numbers R², mean
    /// absolute and mean squared error, and predictions beside their targets. Test rows count in the final stage alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3))]
    pub predictions: Vec<Part>,
    /// Whether pictures of the wrong rows are kept, where rows are pictures: small ones, as they are before they are
    /// normalized. They are unless this says `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<bool>,
    /// Whether the loss and accuracy of all training rows are measured after each epoch, as those of validation are:
    /// without dropout and augmentation, by the weights that the epoch ends with.
    #[serde(default, skip_serializing_if = "is_false")]
    pub training: bool,
    /// Norms of the loss's gradient (L2): of the whole network and of each layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradients: Option<Detail>,
    /// Whether the norm (L2) of the weights is measured after each epoch: of the whole network and of each layer.
    #[serde(default, skip_serializing_if = "is_false")]
    pub weights: bool,
    /// Copies of the weights, kept with the study and projected on their principal components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<Snapshots>,
    /// Whether steps and rows per second and, on a CPU, the peak memory of training and of prediction are measured.
    #[serde(default, skip_serializing_if = "is_false")]
    pub resources: bool,
}

/// A part of a study's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The rows that a run trains on.
    Train,
    /// The rows that it is validated on.
    Validation,
    /// The test set, in the final stage alone.
    Test,
}

/// How closely something is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// Means over the steps of each epoch.
    Epoch,
    /// The same, and the loss and the network's norm at every step.
    Step,
}

/// Copies of the weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshots {
    /// Epochs between copies; the last epoch is kept too.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub every: u32,
}

impl MeasureSpec {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        Self { pictures: None, ..self.clone() } == Self::default()
    }

    /// Whether pictures of wrong rows are kept.
    #[must_use]
    pub fn keeps_pictures(&self) -> bool {
        self.pictures.unwrap_or(true)
    }
}

impl Snapshots {
    /// Whether a copy is taken after epoch `epoch` (from 1) of `epochs`.
    #[must_use]
    pub fn is_due(&self, epoch: u32, epochs: u32) -> bool {
        epoch.is_multiple_of(self.every) || epoch == epochs
    }
}

impl Part {
    /// The word a spec uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}
