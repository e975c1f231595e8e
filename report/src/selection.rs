//! The selection in the report.

use foldwise_study::selection::{self, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which trial was chosen, and with what certainty. Apart from the rule it is known when all runs have ended; of
/// an unfinished or cancelled search the lists are empty and the rest is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SelectionReport {
    /// How trials are compared.
    pub rule: Rule,
    /// The trial with the best mean; of equal means, the one with the fewest parameters, then the lowest number. A
    /// trial with a failed fold cannot win unless the rule allows it. Absent where no trial can win.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner: Option<usize>,
    /// The other trials that could win and have exactly the winner's mean.
    pub ties: Vec<usize>,
    /// Of the trials that could win and whose mean is within one standard error of the winner's, the one with the
    /// fewest parameters (Breiman, Friedman, Olshen and Stone, 1984); may be the winner. Absent where the winner
    /// has no standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_standard_error: Option<usize>,
    /// Every other trial against the winner, by trial, without those that finished no fold that the winner did.
    pub comparisons: Vec<Comparison>,
    /// What to keep in mind when reading scores. Absent where the rule takes the last epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What other epoch rules would have chosen. Absent until all runs have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternatives: Option<Alternatives>,
}

/// The trial that each epoch rule would choose, with everything else as the rule has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alternatives {
    /// By each run's best epoch. Absent where no trial can win.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_epoch: Option<Choice>,
    /// By each run's last epoch. Absent where no trial can win.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_epoch: Option<Choice>,
    /// By the one epoch of each trial whose mean over its folds is best. Absent where no trial can win.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_common_epoch: Option<Choice>,
}

/// A trial that a rule would choose.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// The trial.
    pub trial: usize,
    /// Its mean by that rule, in the metric's unit.
    pub mean: f64,
}

/// A trial against the winner over the folds that both finished. Differences are trial minus winner in the
/// metric's own unit: below zero, an accuracy is worse and a loss is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The trial that is compared with the winner.
    pub trial: usize,
    /// Mean of the differences.
    pub mean_difference: f64,
    /// The statistic of the corrected resampled t-test (Nadeau and Bengio, 2003). Absent below two folds in common,
    /// and where all differences are equal but not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t: Option<f64>,
    /// Two-sided probability, 0 to 1, of a t as far from 0 if the trials were equally good. Absent with t.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The lower end of the 95 % confidence interval of the difference by the same test. Absent with t, and where the
    /// scores are the same in every fold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Its upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
    /// Degrees of freedom: folds in common, less one.
    pub df: usize,
}

impl From<selection::Comparison> for Comparison {
    fn from(comparison: selection::Comparison) -> Self {
        let selection::Comparison { trial, mean_difference, t, p, low, high, df } = comparison;
        Self { trial, mean_difference, t, p, low, high, df }
    }
}
