//! The choice of a trial.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Comparison, Direction, Rule, Summary};

/// What a trial is chosen by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialScores {
    /// The trial.
    pub trial: usize,
    /// Trainable numbers of its network.
    pub parameters: u64,
    /// The score of each fold, in the order of folds; `None` where the run failed. NaN and infinities count as
    /// failed too.
    pub folds: Vec<Option<f64>>,
}

/// Which trial was chosen, and with what certainty. Lists are in the order of the scores they were made from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Selection {
    /// The trial with the best mean; of equal means, the one with the fewest parameters, then the lowest number. A
    /// trial with a failed fold cannot win unless the rule allows it. `None` where no trial can win.
    pub winner: Option<usize>,
    /// One summary per trial.
    pub summaries: Vec<Summary>,
    /// The other trials that could win and have exactly the winner's mean.
    pub ties: Vec<usize>,
    /// The one-standard-error choice (Breiman, Friedman, Olshen and Stone, "Classification and Regression Trees",
    /// 1984): of the trials that could win and whose mean is no more than the winner's standard error from the
    /// winner's, the one with the fewest parameters, then the best mean, then the lowest number. May be the
    /// winner. `None` where the winner has no standard error.
    pub one_standard_error: Option<usize>,
    /// Every other trial against the winner, without those that finished no fold that the winner did.
    pub comparisons: Vec<Comparison>,
}

/// A trial that can win.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    scores: &'a TrialScores,
    mean: f64,
    std_error: Option<f64>,
}

impl TrialScores {
    /// The folds that have a score, with it.
    pub(super) fn finished(&self) -> impl Iterator<Item = (usize, f64)> {
        (0..self.folds.len()).filter_map(|fold| Some((fold, self.score(fold)?)))
    }

    /// The score of a fold, if it has one.
    pub(super) fn score(&self, fold: usize) -> Option<f64> {
        self.folds.get(fold).copied().flatten().filter(|score| score.is_finite())
    }
}

impl<'a> Candidate<'a> {
    fn new(rule: &Rule, scores: &'a TrialScores, summary: &Summary) -> Option<Self> {
        let complete = summary.failed == 0 || rule.allow_failed_folds;
        let mean = summary.mean.filter(|_| complete)?;
        Some(Self { scores, mean, std_error: summary.std_error })
    }

    fn by_mean(&self, other: &Self, direction: Direction) -> Ordering {
        match direction {
            Direction::Maximize => other.mean.total_cmp(&self.mean),
            Direction::Minimize => self.mean.total_cmp(&other.mean),
        }
    }

    fn by_size(&self, other: &Self) -> Ordering {
        self.scores.parameters.cmp(&other.scores.parameters)
    }

    fn by_number(&self, other: &Self) -> Ordering {
        self.scores.trial.cmp(&other.scores.trial)
    }
}

/// Chooses a trial. `scores` has one entry per trial, all with the same folds; `test_train_ratio` is the number of
/// validation rows over the number of training rows ([`super::test_train_ratio`]). If that is negative, NaN or
/// infinite, no comparison has a t. The result does not depend on the order of `scores`, but for that of its lists.
#[must_use]
pub fn select(rule: &Rule, scores: &[TrialScores], test_train_ratio: f64) -> Selection {
    let mut selection = choose(rule, scores);
    let winner = selection.winner.and_then(|winner| scores.iter().find(|scores| scores.trial == winner));
    if let Some(winner) = winner {
        let others = scores.iter().filter(|other| other.trial != winner.trial);
        let comparisons = others.filter_map(|other| Comparison::new(other, winner, test_train_ratio));
        selection.comparisons = comparisons.collect();
    }
    selection
}

/// As [`select`], without the comparisons, which take most of the time.
#[must_use]
pub fn choose(rule: &Rule, scores: &[TrialScores]) -> Selection {
    let direction = rule.metric.direction();
    let summaries: Vec<Summary> = scores.iter().map(Summary::new).collect();
    let candidates: Vec<Candidate<'_>> = scores
        .iter()
        .zip(&summaries)
        .filter_map(|(scores, summary)| Candidate::new(rule, scores, summary))
        .collect();
    let best = candidates
        .iter()
        .copied()
        .min_by(|a, b| a.by_mean(b, direction).then_with(|| a.by_size(b)).then_with(|| a.by_number(b)));
    let Some(best) = best else {
        return Selection { summaries, ..Selection::default() };
    };
    let winner = best.scores.trial;
    let ties = candidates.iter().filter(|other| other.mean == best.mean && other.scores.trial != winner);
    Selection {
        winner: Some(winner),
        ties: ties.map(|other| other.scores.trial).collect(),
        one_standard_error: one_standard_error(&best, &candidates, direction),
        comparisons: Vec::new(),
        summaries,
    }
}

fn one_standard_error(
    best: &Candidate<'_>,
    candidates: &[Candidate<'_>],
    direction: Direction,
) -> Option<usize> {
    let std_error = best.std_error?;
    candidates
        .iter()
        .filter(|other| (best.mean - other.mean).abs() <= std_error)
        .min_by(|a, b| a.by_size(b).then_with(|| a.by_mean(b, direction)).then_with(|| a.by_number(b)))
        .map(|chosen| chosen.scores.trial)
}
