//! `[train]`: how a network learns.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::outcome::EpochRecord;

mod augment;
mod optimizer;
mod rate;
mod schedule;
#[cfg(test)]
mod tests;

pub use augment::{Augmentation, Crop, Erase, Flip, Interpolation, Noise, Rotate, Shift};
pub use optimizer::{Optimizer, OptimizerKind};
pub use rate::{Pace, Rate, RateState};
pub use schedule::{
    Cosine, CosineRestarts, Curve, Exponential, Monitor, MultiStep, OneCycle, ReduceOnPlateau, Schedule,
    Step, ThresholdMode, WarmUp,
};

/// Everything about training but the network and the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainSpec {
    /// Passes over the training rows, at most.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub epochs: u32,
    /// Rows per step; the last step of an epoch takes what is left.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub batch_size: usize,
    /// Whether the last step of an epoch is left out where too few rows are left to fill it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub drop_last: bool,
    /// What is made small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// Share of `cross_entropy`'s target that is spread over all classes; 0 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub label_smoothing: Option<f64>,
    /// What each class counts in `cross_entropy`, by its number; means are over these weights. Equal by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    pub class_weights: Option<Vec<f64>>,
    /// Error up to which `huber` is quadratic; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e12))]
    pub huber_delta: Option<f64>,
    /// How a step is taken.
    pub optimizer: Optimizer,
    /// How the learning rate changes.
    #[serde(default)]
    pub schedule: Schedule,
    /// How the learning rate grows at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<WarmUp>,
    /// What keeps gradients from being too large. Nothing by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<Clip>,
    /// When a run ends before its last epoch. Never by default, and never where nothing is validated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
    /// The order of training rows. (Specs of before had `shuffle = true` and `false`, which are still read.)
    #[serde(default, alias = "shuffle", deserialize_with = "order")]
    pub order: Order,
    /// What is done to training rows, in this order, anew each time a row is trained on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub augment: Vec<Augmentation>,
    /// The numbers that matrix products and convolutions compute with.
    #[serde(default, skip_serializing_if = "is_fp32")]
    pub precision: Precision,
    /// Another start for every random stream of the trial, to search over seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Whether all trials of a fold start from the same weights and see the rows in the same order, so that
    /// they are compared on common random numbers.
    #[serde(default = "yes")]
    pub common_random_numbers: bool,
}

/// The loss of one row; a step's loss is the mean over its rows. Where the target is a class, the losses of numbers
/// are against its one-hot vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Negative log-likelihood of the true class under a softmax (PyTorch's `CrossEntropyLoss`).
    CrossEntropy,
    /// Negative log-likelihood under a sigmoid of each output, averaged over outputs (PyTorch's `BCEWithLogitsLoss`).
    /// With two classes the network has one output, for the second; with more, one for each.
    BinaryCrossEntropy,
    /// Squared difference, averaged over outputs (PyTorch's `MSELoss`).
    MeanSquaredError,
    /// Absolute difference, averaged over outputs (PyTorch's `L1Loss`).
    MeanAbsoluteError,
    /// Squared difference where it is small, absolute where it is large, averaged over outputs (PyTorch's
    /// `HuberLoss`).
    Huber,
}

/// What keeps gradients from being too large; each member of a cohort has its own norm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Clip {
    /// The L2 norm of all gradients together is at most this (PyTorch's `clip_grad_norm_`).
    Norm(#[schemars(range(min = 0.0, max = 1e12))] f64),
    /// Each number is within ± this (PyTorch's `clip_grad_value_`).
    Value(#[schemars(range(min = 0.0, max = 1e12))] f64),
}

/// When a run ends before its last epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// The run ends after so many epochs in a row without an improvement.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub patience: u32,
    /// Difference from the best value that counts as an improvement; any by default.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1e12))]
    pub min_delta: f64,
    /// What is watched.
    #[serde(default)]
    pub monitor: Monitor,
}

/// The order of training rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// A new random order each epoch.
    #[default]
    Shuffled,
    /// As the split gives them.
    Given,
}

/// The numbers that matrix products and convolutions compute with. Weights, sums and everything else are 32-bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit.
    #[default]
    Fp32,
    /// On an NVIDIA GPU 32-bit numbers rounded to 19 bits, elsewhere as `fp32`.
    Tf32,
    /// Inputs and weights rounded to 16 bits (bfloat16).
    Bf16,
}

impl TrainSpec {
    /// Training with all defaults but these.
    #[must_use]
    pub fn new(epochs: u32, batch_size: usize, optimizer: Optimizer) -> Self {
        Self {
            epochs,
            batch_size,
            drop_last: false,
            loss: None,
            label_smoothing: None,
            class_weights: None,
            huber_delta: None,
            optimizer,
            schedule: Schedule::default(),
            warm_up: None,
            clip: None,
            early_stopping: None,
            order: Order::default(),
            augment: Vec::new(),
            precision: Precision::default(),
            seed: None,
            common_random_numbers: true,
        }
    }

    /// What members of a cohort must share, with the loss they are trained with: steps, loss, precision, the kind of
    /// clipping and the optimizer's rule. Rates, decays, schedules, limits and seeds may differ.
    #[must_use]
    pub fn fuse_key(&self, loss: Loss) -> String {
        let clip = self.clip.map(|clip| match clip {
            Clip::Norm(_) => "norm",
            Clip::Value(_) => "value",
        });
        format!(
            "{} {} {} {loss:?} {:?} {:?} {:?} {clip:?} {:?} {:?} {:?} {}",
            self.epochs,
            self.batch_size,
            self.drop_last,
            self.label_smoothing,
            self.class_weights,
            self.huber_delta,
            self.order,
            self.augment,
            self.precision,
            self.optimizer.fuse_key(),
        )
    }

    /// Steps of one epoch over `rows` rows.
    #[must_use]
    pub fn steps(&self, rows: usize) -> usize {
        if self.drop_last { rows / self.batch_size } else { rows.div_ceil(self.batch_size) }
    }

    /// Rows of `rows` that an epoch trains on.
    #[must_use]
    pub fn rows(&self, rows: usize) -> usize {
        rows.min(self.steps(rows).saturating_mul(self.batch_size))
    }
}

impl EarlyStopping {
    /// Whether a run ends after these epochs.
    #[must_use]
    pub fn ends(&self, epochs: &[EpochRecord]) -> bool {
        let mut best: Option<f64> = None;
        let mut since = 0;
        for record in epochs {
            let Some(value) = self.monitor.of(record.val_loss, record.val_accuracy) else { return false };
            let improved = best.is_none_or(|best| match self.monitor {
                Monitor::ValLoss => value < best - self.min_delta,
                Monitor::ValAccuracy => value > best + self.min_delta,
            });
            if improved {
                best = Some(value);
                since = 0;
            } else {
                since += 1;
            }
        }
        since >= self.patience
    }
}

impl Loss {
    /// Whether it compares numbers, or classes with each other.
    #[must_use]
    pub fn needs_classes(self) -> bool {
        self == Self::CrossEntropy
    }

    /// Numbers per row that a network must give for targets of so many classes, or so many numbers.
    #[must_use]
    pub fn outputs(self, classes: Option<usize>, numbers: usize) -> usize {
        match classes {
            Some(2) if self == Self::BinaryCrossEntropy => 1,
            Some(classes) => classes,
            None => numbers,
        }
    }
}

/// A word, or the truth value that specs had before.
fn order<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Order, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Word(Order),
        Shuffle(bool),
    }
    Ok(match Said::deserialize(deserializer)? {
        Said::Word(order) => order,
        Said::Shuffle(true) => Order::Shuffled,
        Said::Shuffle(false) => Order::Given,
    })
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_fp32(precision: &Precision) -> bool {
    *precision == Precision::Fp32
}
