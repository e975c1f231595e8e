//! Statistics of the selection against NumPy's and SciPy's; `golden/selection.py` wrote them.

use foldwise_study::selection::{EpochRule, Metric, Rule, Summary, TrialScores, select};
use serde::Deserialize;

/// How far a value may be from SciPy's, as a share of it.
const TOLERANCE: f64 = 1e-10;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    winner: Vec<f64>,
    other: Vec<f64>,
    ratio: f64,
    winner_summary: Expected,
    other_summary: Expected,
    mean_difference: f64,
    t: f64,
    p: f64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Expected {
    mean: f64,
    std: f64,
    std_error: f64,
}

fn assert_close(what: &str, actual: Option<f64>, expected: f64) {
    let actual = actual.unwrap_or_else(|| panic!("no {what}"));
    assert!((actual - expected).abs() <= TOLERANCE * expected.abs(), "{what}: {actual}, SciPy: {expected}");
}

fn assert_summary(actual: &Summary, expected: &Expected, folds: usize) {
    assert_close("mean", actual.mean, expected.mean);
    assert_close("std", actual.std, expected.std);
    assert_close("standard error", actual.std_error, expected.std_error);
    assert_eq!((actual.finished, actual.failed), (folds, 0));
}

fn trial(trial: usize, folds: &[f64]) -> TrialScores {
    TrialScores { trial, parameters: 1, folds: folds.iter().copied().map(Some).collect() }
}

#[test]
fn statistics_are_those_of_scipy() {
    let golden: Golden = serde_json::from_str(include_str!("golden/selection.json")).unwrap();
    let rule = Rule { metric: Metric::ValAccuracy, epoch: EpochRule::Best, allow_failed_folds: false };
    assert!(golden.cases.len() > 30);
    for case in golden.cases {
        let scores = [trial(0, &case.other), trial(1, &case.winner)];
        let selection = select(&rule, &scores, case.ratio);
        assert_eq!(selection.winner, Some(1));
        assert_summary(&selection.summaries[0], &case.other_summary, case.other.len());
        assert_summary(&selection.summaries[1], &case.winner_summary, case.winner.len());
        let [comparison] = selection.comparisons.as_slice() else { panic!("one other trial") };
        assert_eq!((comparison.trial, comparison.df), (0, case.winner.len() - 1));
        assert_close("mean difference", Some(comparison.mean_difference), case.mean_difference);
        assert_close("t", comparison.t, case.t);
        assert_close("p", comparison.p, case.p);
        // An end may lie near zero, where a share of it says nothing: of the interval's width then.
        for (what, actual, expected) in
            [("low", comparison.low, case.low), ("high", comparison.high, case.high)]
        {
            let off = (actual.unwrap_or_else(|| panic!("no {what}")) - expected).abs();
            assert!(off <= 1e-9 * (case.high - case.low), "{what}: {actual:?}, SciPy: {expected}");
        }
    }
}
