//! The paragraph that a reader can send to somebody.

use foldwise_report::{Report, RunState, StudyState, summary};
use foldwise_study::selection::{EpochRule, Rule};
use serde_json::json;

use crate::fixture::{ACCURACY, LOSS, accuracies, add, judged, known, losses, study};

#[test]
fn of_a_whole_study() {
    let mut input = known();
    input.spec["validation"] = json!({ "k_fold": { "folds": 5 } });
    insta::assert_snapshot!(summary(&Report::build(input)));
}

#[test]
fn of_one_trial_on_one_part() {
    let mut input = study(ACCURACY);
    input.spec["validation"] = json!({ "hold_out": { "fraction": 0.2 } });
    input.sizes.truncate(1);
    add(&mut input, [8, 4], 0.1, 1, vec![accuracies(&[0.5, 0.75])]);
    insta::assert_snapshot!(summary(&Report::build(input)));
}

#[test]
fn of_two_numbers_on_the_test_set() {
    let mut input = study(Rule { epoch: EpochRule::Last, ..LOSS });
    input.spec["validation"] = json!("test_set");
    input.sizes.truncate(1);
    add(&mut input, [8, 4], 0.1, 50, vec![losses(&[0.5])]);
    add(&mut input, [8, 4], 0.2, 50, vec![losses(&[0.25])]);
    insta::assert_snapshot!(summary(&Report::build(input)));
}

#[test]
fn of_ties() {
    let mut input = study(ACCURACY);
    input.spec["validation"] = json!({ "stratified_k_fold": { "folds": 5 } });
    for lr in [0.1, 0.2, 0.3] {
        add(&mut input, [8, 4], lr, 50, (0..5).map(|_| accuracies(&[0.5])).collect());
    }
    insta::assert_snapshot!(summary(&Report::build(input)));
}

#[test]
fn of_what_did_not_come_to_an_end() {
    let mut cancelled = known();
    cancelled.study.state = StudyState::Cancelled;
    for run in cancelled.runs.iter_mut().skip(3) {
        (run.state, run.outcome) = (RunState::Cancelled, None);
    }
    let mut failed = known();
    for run in &mut failed.runs {
        (run.state, run.outcome) = (RunState::Failed, None);
    }
    failed.study.state = StudyState::Failed;
    failed.final_stage = None;
    cancelled.final_stage = None;
    let texts = [cancelled, failed].map(|input| summary(&Report::build(input)));
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn a_search_that_was_judged_says_what_it_comes_to_on_unseen_rows() {
    let text = summary(&Report::build(judged()));
    let judged = "Nested cross-validation over 3 outer folds estimates what this search comes to on unseen rows: 85.00 ± 1.00 % \
                  (mean ± standard deviation; 95 % confidence interval 81.49 % to 88.51 %).";
    assert!(text.contains(judged), "{text}");
}
