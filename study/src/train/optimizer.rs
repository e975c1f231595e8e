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
    /// L2 penalty (`sgd`, `adam`) or decoupled decay (`adamw`). By default 0, with `adamw` 0.01.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub weight_decay: Option<f64>,
    /// Momentum of `sgd`; 0 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: Option<f64>,
    /// Whether `sgd` looks ahead (Nesterov); needs momentum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nesterov: Option<bool>,
    /// Decay rates of `adam` and `adamw`'s running means; `[0.9, 0.999]` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub betas: Option<[f64; 2]>,
    /// Added to the denominator of `adam` and `adamw`; 1e-8 by default.
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
}

impl Optimizer {
    /// Weight decay with the kind's default.
    #[must_use]
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(match self.kind {
            OptimizerKind::Adamw => 0.01,
            OptimizerKind::Sgd | OptimizerKind::Adam => 0.0,
        })
    }

    /// Momentum of `sgd`.
    #[must_use]
    pub fn momentum(&self) -> f64 {
        self.momentum.unwrap_or(0.0)
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

    /// What keeps the denominator from zero.
    #[must_use]
    pub fn eps(&self) -> f64 {
        self.eps.unwrap_or(1e-8)
    }
}
