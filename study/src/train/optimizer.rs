//! The optimizer and its settings, with PyTorch's names, meanings and defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[train.optimizer]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Optimizer {
    /// The rule.
    pub kind: OptimizerKind,
    /// Learning rate, before the schedule.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub lr: f64,
    /// L2 penalty, or the decoupled decay of `adamw`. By default 0, with `adamw` 0.01.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub weight_decay: Option<f64>,
    /// Momentum of `sgd` and `rmsprop`; 0 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: Option<f64>,
    /// How much of each gradient after the first does not enter `sgd`'s momentum; 0 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub dampening: Option<f64>,
    /// Whether `sgd` looks ahead (Nesterov); needs momentum and no dampening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nesterov: Option<bool>,
    /// Decay rates of `adam` and `adamw`'s running means; `[0.9, 0.999]` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub betas: Option<[f64; 2]>,
    /// Whether `adam` and `adamw` divide by the largest second mean so far (`AMSGrad`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amsgrad: Option<bool>,
    /// Decay rate of `rmsprop`'s running mean of squares; 0.99 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub alpha: Option<f64>,
    /// Whether `rmsprop` divides by the deviation of gradients, not by their size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centered: Option<bool>,
    /// By how much `adagrad`'s rate falls with each step: `lr / (1 + step · lr_decay)`; 0 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub lr_decay: Option<f64>,
    /// Where `adagrad`'s sums of squares start; 0 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub initial_accumulator: Option<f64>,
    /// Added to the denominator of all but `sgd`; 1e-8 by default, with `adagrad` 1e-10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub eps: Option<f64>,
}

/// The rule of an optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Stochastic gradient descent (`torch.optim.SGD`).
    Sgd,
    /// `torch.optim.Adam`.
    Adam,
    /// `torch.optim.AdamW`.
    Adamw,
    /// `torch.optim.RMSprop`.
    Rmsprop,
    /// `torch.optim.Adagrad`.
    Adagrad,
}

impl Optimizer {
    /// A rule with all its defaults.
    #[must_use]
    pub fn new(kind: OptimizerKind, lr: f64) -> Self {
        Self {
            kind,
            lr,
            weight_decay: None,
            momentum: None,
            dampening: None,
            nesterov: None,
            betas: None,
            amsgrad: None,
            alpha: None,
            centered: None,
            lr_decay: None,
            initial_accumulator: None,
            eps: None,
        }
    }

    /// Weight decay with the kind's default.
    #[must_use]
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(if self.kind == OptimizerKind::Adamw { 0.01 } else { 0.0 })
    }

    /// Momentum of `sgd` and `rmsprop`.
    #[must_use]
    pub fn momentum(&self) -> f64 {
        self.momentum.unwrap_or(0.0)
    }

    /// What of a gradient does not enter the momentum.
    #[must_use]
    pub fn dampening(&self) -> f64 {
        self.dampening.unwrap_or(0.0)
    }

    /// Whether `sgd` looks ahead.
    #[must_use]
    pub fn nesterov(&self) -> bool {
        self.nesterov.unwrap_or(false)
    }

    /// Decay rates of the running means.
    #[must_use]
    pub fn betas(&self) -> [f64; 2] {
        self.betas.unwrap_or([0.9, 0.999])
    }

    /// Numbers per parameter that the rule keeps from step to step: the momentum (SGD); both means and with `amsgrad` the
    /// largest second one (Adam); the mean of squares, with momentum the momentum and where centered the mean
    /// (`RMSprop`); the sum of squares (Adagrad).
    #[must_use]
    pub fn kept(&self) -> u64 {
        let momentum = u64::from(self.momentum() > 0.0);
        match self.kind {
            OptimizerKind::Sgd => momentum,
            OptimizerKind::Adam | OptimizerKind::Adamw => 2 + u64::from(self.amsgrad()),
            OptimizerKind::Rmsprop => 1 + momentum + u64::from(self.centered()),
            OptimizerKind::Adagrad => 1,
        }
    }

    /// Whether the largest second mean counts.
    #[must_use]
    pub fn amsgrad(&self) -> bool {
        self.amsgrad.unwrap_or(false)
    }

    /// Decay rate of `rmsprop`'s mean of squares.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha.unwrap_or(0.99)
    }

    /// Whether `rmsprop` is centered.
    #[must_use]
    pub fn centered(&self) -> bool {
        self.centered.unwrap_or(false)
    }

    /// By how much `adagrad`'s rate falls.
    #[must_use]
    pub fn lr_decay(&self) -> f64 {
        self.lr_decay.unwrap_or(0.0)
    }

    /// Where `adagrad`'s sums start.
    #[must_use]
    pub fn initial_accumulator(&self) -> f64 {
        self.initial_accumulator.unwrap_or(0.0)
    }

    /// What keeps the denominator from zero.
    #[must_use]
    pub fn eps(&self) -> f64 {
        self.eps.unwrap_or(if self.kind == OptimizerKind::Adagrad { 1e-10 } else { 1e-8 })
    }

    /// What members of a cohort must share: the rule and the running numbers that it keeps.
    #[must_use]
    pub fn fuse_key(&self) -> String {
        let momentum = self.momentum() > 0.0;
        match self.kind {
            OptimizerKind::Sgd => format!("sgd {momentum} {}", self.nesterov()),
            OptimizerKind::Adam => format!("adam {}", self.amsgrad()),
            OptimizerKind::Adamw => format!("adamw {}", self.amsgrad()),
            OptimizerKind::Rmsprop => format!("rmsprop {momentum} {}", self.centered()),
            OptimizerKind::Adagrad => "adagrad".to_owned(),
        }
    }
}
