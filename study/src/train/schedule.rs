//! How the learning rate changes, with PyTorch's meanings and defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `train.schedule`: `"constant"` or one of the others as a one-entry table, such as `{ step = { every = 4 } }`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The rate stays.
    #[default]
    Constant,
    /// PyTorch's `StepLR`.
    Step(Step),
    /// PyTorch's `MultiStepLR`.
    MultiStep(MultiStep),
    /// PyTorch's `ExponentialLR`.
    Exponential(Exponential),
    /// PyTorch's `CosineAnnealingLR`, by its closed form.
    Cosine(Cosine),
    /// PyTorch's `CosineAnnealingWarmRestarts`, once per epoch.
    CosineRestarts(CosineRestarts),
    /// PyTorch's `OneCycleLR`, once per step.
    OneCycle(OneCycle),
    /// PyTorch's `ReduceLROnPlateau`.
    ReduceOnPlateau(ReduceOnPlateau),
}

/// The rate is multiplied by `gamma` after each `every` epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Epochs between changes (PyTorch's `step_size`).
    #[schemars(range(min = 1))]
    pub every: u32,
    /// The factor.
    #[serde(default = "tenth")]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub gamma: f64,
}

/// The rate is multiplied by `gamma` after each of the given epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultiStep {
    /// Epochs after which the rate changes; one that is there twice counts twice.
    #[schemars(length(max = 10_000))]
    pub milestones: Vec<u32>,
    /// The factor.
    #[serde(default = "tenth")]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub gamma: f64,
}

/// The rate is multiplied by `gamma` after each epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exponential {
    /// The factor.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub gamma: f64,
}

/// The rate falls along half a cosine, and rises again after that.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cosine {
    /// Epochs to the lowest rate (PyTorch's `T_max`); by default all of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub epochs: Option<u32>,
    /// The lowest rate (PyTorch's `eta_min`).
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub min_lr: f64,
}

/// The rate falls along half a cosine, again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CosineRestarts {
    /// Epochs of the first fall (PyTorch's `T_0`).
    #[schemars(range(min = 1))]
    pub first: u32,
    /// Each fall takes so many times the epochs of the one before (PyTorch's `T_mult`).
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000))]
    pub factor: u32,
    /// The lowest rate (PyTorch's `eta_min`).
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub min_lr: f64,
}

/// The rate rises from `lr / start_divisor` to `lr` and falls to `lr / start_divisor / end_divisor`, step by step over
/// the whole run. `train.optimizer.lr` is the highest rate (PyTorch's `max_lr`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneCycle {
    /// Share of the steps that the rate rises (PyTorch's `pct_start`).
    #[serde(default = "three_tenths")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub rise: f64,
    /// The curve of rise and fall (PyTorch's `anneal_strategy`).
    #[serde(default)]
    pub curve: Curve,
    /// The first rate is the highest over this (PyTorch's `div_factor`).
    #[serde(default = "twenty_five")]
    #[schemars(range(min = 1e-6, max = 1e12))]
    pub start_divisor: f64,
    /// The last rate is the first over this (PyTorch's `final_div_factor`).
    #[serde(default = "ten_thousand")]
    #[schemars(range(min = 1e-6, max = 1e12))]
    pub end_divisor: f64,
    /// Whether the rate falls in two phases: first as it rose, then to the end (PyTorch's `three_phase`).
    #[serde(default)]
    pub three_phases: bool,
    /// Momentum (of Adam and AdamW the first of `betas`) at the lowest and the highest rate, in between it moves
    /// against the rate (PyTorch's `max_momentum` and `base_momentum`, there 0.95 and 0.85). By default it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<[f64; 2]>,
}

/// A curve from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// Half a cosine.
    #[default]
    Cosine,
    /// A straight line.
    Linear,
}

/// The rate is multiplied by `factor` when the monitored value has not improved for more than `patience` epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReduceOnPlateau {
    /// The factor.
    #[serde(default = "tenth")]
    #[schemars(range(min = 0.0, max = 0.999))]
    pub factor: f64,
    /// Epochs without improvement that are borne.
    #[serde(default = "ten")]
    pub patience: u32,
    /// Change that counts as an improvement.
    #[serde(default = "threshold")]
    #[schemars(range(min = 0.0))]
    pub threshold: f64,
    /// Whether that change is a share of the best value or a difference from it.
    #[serde(default, skip_serializing_if = "is_relative")]
    pub threshold_mode: ThresholdMode,
    /// Epochs after a change during which nothing is counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cooldown: u32,
    /// The rate never falls below this.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub min_lr: f64,
    /// A change of the rate smaller than this is not made.
    #[serde(default = "smallest", skip_serializing_if = "is_smallest")]
    #[schemars(range(min = 0.0))]
    pub eps: f64,
    /// What is watched.
    #[serde(default)]
    pub monitor: Monitor,
}

/// How a threshold is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdMode {
    /// As a share of the best value (PyTorch's `rel`).
    #[default]
    Relative,
    /// As a difference (PyTorch's `abs`).
    Absolute,
}

/// What a schedule or early stopping watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// Validation loss: lower is better.
    #[default]
    ValLoss,
    /// Validation accuracy: higher is better.
    ValAccuracy,
}

/// The first steps take a share of the schedule's rate that grows in a straight line, from `start` to all of it
/// (PyTorch's `LinearLR`, chained with the schedule). Exactly one of `epochs` and `steps` is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// Epochs until the whole rate is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub epochs: Option<u32>,
    /// Steps until the whole rate is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_000_000_000_u32))]
    pub steps: Option<u64>,
    /// The share of the first step.
    #[serde(default = "third")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub start: f64,
}

impl Monitor {
    /// The watched one of two validation values.
    #[must_use]
    pub fn of(self, val_loss: Option<f64>, val_accuracy: Option<f64>) -> Option<f64> {
        match self {
            Self::ValLoss => val_loss,
            Self::ValAccuracy => val_accuracy,
        }
    }
}

impl ReduceOnPlateau {
    /// Whether a value counts as better than the best so far.
    #[must_use]
    pub fn improves(&self, value: f64, best: f64) -> bool {
        match (self.monitor, self.threshold_mode) {
            (Monitor::ValLoss, ThresholdMode::Relative) => value < best * (1.0 - self.threshold),
            (Monitor::ValLoss, ThresholdMode::Absolute) => value < best - self.threshold,
            (Monitor::ValAccuracy, ThresholdMode::Relative) => value > best * (1.0 + self.threshold),
            (Monitor::ValAccuracy, ThresholdMode::Absolute) => value > best + self.threshold,
        }
    }
}

fn tenth() -> f64 {
    0.1
}

fn ten() -> u32 {
    10
}

fn threshold() -> f64 {
    1e-4
}

fn one() -> u32 {
    1
}

fn third() -> f64 {
    1.0 / 3.0
}

fn three_tenths() -> f64 {
    0.3
}

fn twenty_five() -> f64 {
    25.0
}

fn ten_thousand() -> f64 {
    1e4
}

fn smallest() -> f64 {
    1e-8
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_smallest(eps: &f64) -> bool {
    eps.total_cmp(&smallest()).is_eq()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_relative(mode: &ThresholdMode) -> bool {
    *mode == ThresholdMode::Relative
}
