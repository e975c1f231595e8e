//! `[selection]`: which trial wins, and with what certainty.
//!
//! Pure statistics over the scores of runs: nothing here trains, reads or remembers. The report shows what
//! [`select`] returns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod choice;
mod comparison;
mod epoch;
mod summary;

pub use choice::{Selection, TrialScores, choose, select};
pub use comparison::{Comparison, mean_interval, test_train_ratio};
pub use epoch::best_epoch;
pub use summary::{Summary, mean, sample_deviation};

/// How a trial is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectionSpec {
    /// What a run is scored by; by default accuracy where the target is a class, else loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// Which epoch of a run gives its score.
    #[serde(default)]
    pub epoch: EpochRule,
    /// Whether a trial may win with its finished folds alone when others failed.
    #[serde(default)]
    pub allow_failed_folds: bool,
}

/// What a run is scored by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Share of validation rows classified correctly; more is better.
    ValAccuracy,
    /// Mean loss of the validation rows; less is better.
    ValLoss,
}

/// Which way a metric improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    Maximize,
    /// Less is better.
    Minimize,
}

/// Which epoch of a run gives its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EpochRule {
    /// The run's best epoch by the metric. Optimistic, because the epoch is chosen on the rows it is scored on.
    #[default]
    Best,
    /// The last epoch.
    Last,
}

/// A [`SelectionSpec`] with nothing left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// What a run is scored by.
    pub metric: Metric,
    /// Which epoch of a run gives its score.
    pub epoch: EpochRule,
    /// Whether a trial may win with its finished folds alone when others failed.
    pub allow_failed_folds: bool,
}

impl SelectionSpec {
    /// The rule for a study whose target is a class (`classification`) or a number.
    #[must_use]
    pub fn rule(&self, classification: bool) -> Rule {
        let usual = if classification { Metric::ValAccuracy } else { Metric::ValLoss };
        Rule {
            metric: self.metric.unwrap_or(usual),
            epoch: self.epoch,
            allow_failed_folds: self.allow_failed_folds,
        }
    }
}

impl Metric {
    /// Which way it improves.
    #[must_use]
    pub fn direction(self) -> Direction {
        match self {
            Self::ValAccuracy => Direction::Maximize,
            Self::ValLoss => Direction::Minimize,
        }
    }

    /// The word a spec uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ValAccuracy => "val_accuracy",
            Self::ValLoss => "val_loss",
        }
    }
}

impl Direction {
    /// Whether `score` beats `other`; equal scores do not, nor does NaN, in either place.
    #[must_use]
    pub fn is_better(self, score: f64, other: f64) -> bool {
        match self {
            Self::Maximize => score > other,
            Self::Minimize => score < other,
        }
    }
}

#[cfg(test)]
mod tests;
