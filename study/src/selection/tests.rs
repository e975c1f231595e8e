//! The choice and its statistics, by small cases worked out by hand.

use super::{
    Direction, EpochRule, Metric, Rule, Selection, SelectionSpec, TrialScores, best_epoch, mean_interval,
    select, test_train_ratio,
};

const ACCURACY: Rule =
    Rule { metric: Metric::ValAccuracy, epoch: EpochRule::Best, allow_failed_folds: false };
const LOSS: Rule = Rule { metric: Metric::ValLoss, ..ACCURACY };

fn trial(trial: usize, parameters: u64, folds: &[f64]) -> TrialScores {
    TrialScores { trial, parameters, folds: folds.iter().copied().map(Some).collect() }
}

fn failing(trial: usize, folds: &[Option<f64>]) -> TrialScores {
    TrialScores { trial, parameters: 1, folds: folds.to_vec() }
}

fn accuracy(scores: &[TrialScores]) -> Selection {
    select(&ACCURACY, scores, 0.25)
}

#[test]
fn a_spec_says_little_by_default() {
    let spec: SelectionSpec = toml::from_str("").unwrap();
    assert_eq!(spec, SelectionSpec::default());
    assert_eq!(spec.rule(true), ACCURACY);
    assert_eq!(spec.rule(false), LOSS);
    let spec: SelectionSpec =
        toml::from_str("metric = \"val_loss\"\nepoch = \"last\"\nallow_failed_folds = true").unwrap();
    let rule = Rule { metric: Metric::ValLoss, epoch: EpochRule::Last, allow_failed_folds: true };
    assert_eq!(spec.rule(true), rule);
    assert!(toml::from_str::<SelectionSpec>("metrics = \"val_loss\"").is_err());
}

#[test]
fn a_word_is_what_a_spec_reads() {
    for metric in [Metric::ValAccuracy, Metric::ValLoss] {
        assert_eq!(serde_json::to_value(metric).unwrap(), metric.word());
    }
}

#[test]
fn the_best_mean_wins_in_the_direction_of_the_metric() {
    let scores = [trial(0, 5, &[0.5, 0.7]), trial(1, 5, &[0.8, 0.6]), trial(2, 5, &[0.1, 0.9])];
    assert_eq!(accuracy(&scores).winner, Some(1));
    assert_eq!(select(&LOSS, &scores, 0.25).winner, Some(2));
}

#[test]
fn ties_go_to_fewer_parameters_then_to_the_lower_number() {
    let scores = [trial(3, 7, &[0.5]), trial(2, 7, &[0.5]), trial(1, 9, &[0.5]), trial(0, 1, &[0.4])];
    let selection = accuracy(&scores);
    assert_eq!(selection.winner, Some(2));
    assert_eq!(selection.ties, [3, 1]);
}

#[test]
fn a_failed_fold_cannot_win_unless_allowed() {
    let scores =
        [failing(0, &[Some(0.9), None]), failing(1, &[Some(0.9), Some(0.5)]), failing(2, &[None, None])];
    assert_eq!(accuracy(&scores).winner, Some(1));
    let allowed = select(&Rule { allow_failed_folds: true, ..ACCURACY }, &scores, 0.25);
    assert_eq!(allowed.winner, Some(0));
    assert_eq!((allowed.summaries[0].finished, allowed.summaries[0].failed), (1, 1));
    assert_eq!(allowed.summaries[2].mean, None);
    assert_eq!(allowed.comparisons.len(), 1);
    assert_eq!((allowed.comparisons[0].df, allowed.comparisons[0].t), (0, None));
}

#[test]
fn scores_that_are_no_numbers_count_as_failed() {
    for score in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let selection = accuracy(&[trial(0, 1, &[score, 0.9]), trial(1, 1, &[0.1, 0.1])]);
        assert_eq!(selection.winner, Some(1));
        assert_eq!(selection.summaries[0].failed, 1);
    }
}

#[test]
fn nothing_wins_where_nothing_can() {
    assert_eq!(accuracy(&[]), Selection::default());
    let selection = accuracy(&[failing(0, &[None, Some(0.5)]), failing(1, &[])]);
    assert_eq!(selection.winner, None);
    assert_eq!(selection.summaries.len(), 2);
    assert!(selection.comparisons.is_empty() && selection.one_standard_error.is_none());
}

#[test]
fn one_standard_error_prefers_the_smallest_network_that_is_close_enough() {
    // The winner's mean is 0.75, its standard error 0.125: 0.625 is just close enough.
    let winner = trial(0, 100, &[0.625, 0.875]);
    let close = trial(1, 20, &[0.625, 0.625]);
    let far = trial(2, 10, &[0.5, 0.625]);
    assert_eq!(accuracy(&[winner.clone(), close.clone(), far.clone()]).one_standard_error, Some(1));
    assert_eq!(accuracy(&[winner.clone(), far]).one_standard_error, Some(0));
    let failed = TrialScores { parameters: 1, folds: vec![Some(0.7), None], trial: 3 };
    assert_eq!(accuracy(&[winner.clone(), close, failed]).one_standard_error, Some(1));
    let same_size = [winner, trial(4, 20, &[0.625, 0.625]), trial(5, 20, &[0.75, 0.625])];
    assert_eq!(accuracy(&same_size).one_standard_error, Some(5));
    let same_mean = [trial(7, 20, &[0.75, 0.625]), trial(6, 20, &[0.625, 0.75]), same_size[0].clone()];
    assert_eq!(accuracy(&same_mean).one_standard_error, Some(6));
    assert_eq!(accuracy(&[trial(0, 1, &[0.5])]).one_standard_error, None);
}

#[test]
fn differences_without_variance_have_no_statistic() {
    let winner = trial(0, 1, &[0.9, 0.8, 0.7]);
    let same = trial(1, 2, &[0.9, 0.8, 0.7]);
    // 0.9 - 0.8, 0.8 - 0.7 and 0.7 - 0.6 differ by rounding.
    let shifted = trial(2, 1, &[0.8, 0.7, 0.6]);
    let comparisons = accuracy(&[winner, same, shifted]).comparisons;
    assert_eq!((comparisons[0].t, comparisons[0].p), (Some(0.0), Some(1.0)));
    assert_eq!((comparisons[1].t, comparisons[1].p), (None, None));
    assert!((comparisons[1].mean_difference + 0.1).abs() < 1e-15);
}

#[test]
fn folds_are_compared_in_pairs_that_both_finished() {
    let rule = Rule { allow_failed_folds: true, ..ACCURACY };
    let gaps = [
        failing(0, &[Some(0.9), None, Some(0.8), Some(0.95)]),
        failing(1, &[Some(0.6), Some(0.1), None, Some(0.7)]),
    ];
    let dense = [trial(0, 1, &[0.9, 0.95]), trial(1, 1, &[0.6, 0.7])];
    assert_eq!(select(&rule, &gaps, 0.25).comparisons, select(&rule, &dense, 0.25).comparisons);
}

#[test]
fn a_ratio_that_is_none_gives_no_statistic() {
    let scores = [trial(0, 1, &[0.9, 0.7]), trial(1, 1, &[0.5, 0.6]), trial(2, 1, &[0.9, 0.7])];
    for ratio in [f64::NAN, f64::INFINITY, -1.0] {
        let comparisons = select(&ACCURACY, &scores, ratio).comparisons;
        assert!(comparisons.iter().all(|comparison| comparison.t.is_none() && comparison.p.is_none()));
    }
    assert!(select(&ACCURACY, &scores, 0.0).comparisons[0].t.is_some());
}

#[test]
fn the_ratio_comes_from_the_sizes_of_the_folds() {
    assert_eq!(test_train_ratio(&[(8, 2), (8, 2)]), 0.25);
    assert_eq!(test_train_ratio(&[(6, 4), (7, 3), (7, 3)]), 0.5);
    assert_eq!(test_train_ratio(&[]), 0.0);
}

#[test]
fn the_interval_of_a_mean_is_that_of_the_paper() {
    // numpy.mean ± scipy.stats.t.ppf(0.975, 4) * sqrt((1/5 + 1/4) * numpy.var(ddof=1)).
    let scores = [0.81, 0.84, 0.79, 0.86, 0.83];
    let (low, high) = mean_interval(&scores, 0.25).unwrap();
    assert!(
        (low - 0.775_678_129_226_100_1).abs() < 1e-12 && (high - 0.876_321_870_773_899_8).abs() < 1e-12,
        "{low} {high}"
    );
    assert_eq!(mean_interval(&[0.5, 0.5], 0.25), None);
    assert_eq!(mean_interval(&[0.5], 0.25), None);
    assert_eq!(mean_interval(&scores, f64::NAN), None);
}

#[test]
fn the_order_of_trials_does_not_matter() {
    let mut scores = vec![
        trial(0, 9, &[0.5, 0.75]),
        trial(1, 9, &[0.75, 0.5]),
        trial(2, 3, &[0.5, 0.625]),
        failing(3, &[Some(1.0), None]),
    ];
    let forward = accuracy(&scores);
    scores.reverse();
    let mut backward = accuracy(&scores);
    backward.summaries.reverse();
    backward.ties.reverse();
    backward.comparisons.reverse();
    assert_eq!(forward, backward);
    assert_eq!(forward.winner, Some(0));
}

#[test]
fn the_best_epoch_is_the_earliest_of_the_best() {
    let curve = [0.3, 0.9, 0.1, 0.9, 0.1];
    assert_eq!(best_epoch(Direction::Maximize, curve), Some(1));
    assert_eq!(best_epoch(Direction::Minimize, curve), Some(2));
    assert_eq!(best_epoch(Direction::Minimize, [0.0; 0]), None);
}

#[test]
fn nan_is_never_the_best_epoch() {
    assert_eq!(best_epoch(Direction::Maximize, [f64::NAN, 0.1, f64::NAN, 0.2, f64::NAN]), Some(3));
    assert_eq!(best_epoch(Direction::Minimize, [f64::NAN, 0.1, f64::NAN, 0.2]), Some(1));
    assert_eq!(best_epoch(Direction::Minimize, [f64::NAN, f64::NAN]), None);
}
