//! A trial against the winner: the corrected resampled t-test.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::TrialScores;
use super::summary::{mean, sample_deviation};

/// Differences that vary by less than this share of the scores themselves are taken for equal: it is what
/// subtracting scores of 53 bits leaves.
const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// The share of intervals that hold the true difference.
const CONFIDENCE: f64 = 0.95;

/// A trial against the winner over the folds that both finished. Differences are trial minus winner in the
/// metric's own unit: below zero, an accuracy is worse and a loss is better.
///
/// The test is the corrected resampled t-test (Nadeau and Bengio, "Inference for the Generalization Error",
/// Machine Learning 52, 2003): with mean difference d and variance s² over k folds,
/// t = d / √((1/k + `n_test`/`n_train`) s²), which has k−1 degrees of freedom. The second summand makes up for training
/// sets that overlap. With a ratio of 0 it is the ordinary paired t-test. p is not corrected for the number of trials,
/// and the winner was chosen on these scores: p describes, it does not prove.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The trial that is compared with the winner.
    pub trial: usize,
    /// Mean of the differences.
    pub mean_difference: f64,
    /// The statistic. Absent below two folds in common, and where all differences are equal but not zero, for
    /// which it would be infinite. 0 where the scores are the same in every fold.
    pub t: Option<f64>,
    /// Two-sided probability, 0 to 1, of a t as far from 0 if the trials were equally good. Absent with t.
    pub p: Option<f64>,
    /// The lower end of the 95 % confidence interval of the difference by the same test. Absent with t, and where all
    /// differences are 0.
    pub low: Option<f64>,
    /// Its upper end.
    pub high: Option<f64>,
    /// Degrees of freedom: folds in common, less one.
    pub df: usize,
}

impl Comparison {
    /// Compares two trials; none where no fold finished in both.
    pub(super) fn new(trial: &TrialScores, winner: &TrialScores, test_train_ratio: f64) -> Option<Self> {
        let pairs: Vec<(f64, f64)> =
            trial.finished().filter_map(|(fold, score)| Some((score, winner.score(fold)?))).collect();
        let differences: Vec<f64> = pairs.iter().map(|(score, other)| score - other).collect();
        let mean_difference = mean(&differences)?;
        let df = differences.len() - 1;
        let rounding = ROUNDING * pairs.iter().fold(0.0_f64, |max, (a, b)| max.max(a.abs()).max(b.abs()));
        let t = statistic(&differences, mean_difference, rounding, test_train_ratio);
        let half = t.and_then(|_| half_width(&differences, rounding, test_train_ratio));
        Some(Self {
            trial: trial.trial,
            mean_difference,
            t,
            p: t.and_then(|t| two_sided(t, df)),
            low: half.map(|half| mean_difference - half),
            high: half.map(|half| mean_difference + half),
            df,
        })
    }
}

/// The corrected t; `rounding` is how far differences may stray by rounding alone.
fn statistic(differences: &[f64], mean: f64, rounding: f64, test_train_ratio: f64) -> Option<f64> {
    let std = sample_deviation(differences)?;
    if !(test_train_ratio.is_finite() && test_train_ratio >= 0.0) {
        return None;
    }
    if differences.iter().all(|difference| difference.abs() <= rounding) {
        return Some(0.0);
    }
    if std <= rounding {
        return None;
    }
    Some(mean / (error(differences.len(), test_train_ratio) * std))
}

/// P(|T| ≥ |t|) for Student's t with `df` degrees of freedom.
fn two_sided(t: f64, df: usize) -> Option<f64> {
    let distribution = StudentsT::new(0.0, 1.0, df as f64).ok()?;
    Some((2.0 * distribution.cdf(-t.abs())).min(1.0))
}

/// Half of the 95 % interval: the standard error that the test divides by, times Student's quantile.
fn half_width(differences: &[f64], rounding: f64, test_train_ratio: f64) -> Option<f64> {
    let std = sample_deviation(differences).filter(|std| *std > rounding)?;
    let distribution = StudentsT::new(0.0, 1.0, (differences.len() - 1) as f64).ok()?;
    let half =
        error(differences.len(), test_train_ratio) * std * distribution.inverse_cdf(0.5 + CONFIDENCE / 2.0);
    half.is_finite().then_some(half)
}

/// The 95 % confidence interval of the mean of scores of different folds, by the same correction; it is approximate, as no
/// unbiased estimate of such a mean's variance exists (Bengio and Grandvalet, JMLR 5, 2004). None below two scores, and
/// where all are equal.
#[must_use]
pub fn mean_interval(scores: &[f64], test_train_ratio: f64) -> Option<(f64, f64)> {
    let usable = test_train_ratio.is_finite() && test_train_ratio >= 0.0;
    let mean = mean(scores).filter(|_| usable)?;
    let rounding = ROUNDING * scores.iter().fold(0.0_f64, |max, score| max.max(score.abs()));
    let half = half_width(scores, rounding, test_train_ratio)?;
    Some((mean - half, mean + half))
}

/// The corrected standard error of a mean of so many differences, in standard deviations.
fn error(folds: usize, test_train_ratio: f64) -> f64 {
    (1.0 / folds as f64 + test_train_ratio).sqrt()
}

/// The ratio of validation to training rows over all folds, from (train, validation) sizes: 1/(K−1) for K folds.
/// 0 without training rows.
#[must_use]
pub fn test_train_ratio(sizes: &[(usize, usize)]) -> f64 {
    let train: usize = sizes.iter().map(|(train, _)| train).sum();
    let validation: usize = sizes.iter().map(|(_, validation)| validation).sum();
    if train == 0 { 0.0 } else { validation as f64 / train as f64 }
}
