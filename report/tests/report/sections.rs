//! The parts of a report, one by one.

use foldwise_report::{Report, ReportInput, Section, Shown, TableOptions, section_csv, sections};
use foldwise_study::outcome::EpochRecord;
use serde_json::json;

use crate::fixture::{ACCURACY, accuracies, add, judged, known, study};
use crate::measured::{measured, regression};

const HUNDRED: Shown = Shown { trial: None, options: TableOptions { width: Some(100), color: false } };

fn text(input: ReportInput, asked: &[Section]) -> String {
    sections(&Report::build(input), asked, HUNDRED)
}

fn csv(input: ReportInput, section: Section) -> String {
    section_csv(&Report::build(input), section, Shown::default())
}

/// The measured study with two folds, which keeps pages short.
fn short() -> ReportInput {
    let mut input = measured();
    input.sizes.truncate(2);
    input.snapshots.retain(|copy| copy.run.fold < 2);
    // The fold that failed is gone: trial 2 wins.
    input.final_stage.as_mut().unwrap().trial = 2;
    input
}

#[test]
fn what_the_search_found() {
    let asked = [Section::Trials, Section::Chart, Section::Folds, Section::Best];
    insta::assert_snapshot!(text(known(), &asked));
}

#[test]
fn what_outer_folds_say_of_the_search() {
    insta::assert_snapshot!(text(judged(), &[Section::Outer]));
    insta::assert_snapshot!(csv(judged(), Section::Outer));
    let mut waiting = judged();
    (waiting.outer[1].state, waiting.outer[1].outcome) = (foldwise_report::RunState::Leased, None);
    let text = text(waiting, &[Section::Outer]);
    assert!(text.contains("3 of 4 outer folds have ended."), "{text}");
}

#[test]
fn what_every_epoch_gave() {
    let mut input = short();
    input.trials.truncate(2);
    input.final_stage.as_mut().unwrap().trial = 1;
    insta::assert_snapshot!(text(input, &[Section::Curves, Section::Gradients, Section::Weights]));
}

#[test]
fn what_was_predicted() {
    let asked = [Section::Confusion, Section::Classes, Section::Wrong, Section::Points];
    insta::assert_snapshot!(text(short(), &asked));
}

#[test]
fn what_numbers_were_predicted() {
    insta::assert_snapshot!(text(regression(), &[Section::Best, Section::Classes, Section::Points]));
}

#[test]
fn weights_and_machines() {
    insta::assert_snapshot!(text(short(), &[Section::Components, Section::Resources]));
}

#[test]
fn what_was_not_measured_says_what_would_measure_it() {
    let first = Section::ALL.iter().position(|section| *section == Section::Confusion).unwrap();
    let asked = &Section::ALL[first..];
    let text = text(known(), asked);
    insta::assert_snapshot!(text);
    for section in asked {
        assert_eq!(csv(known(), *section).lines().count(), 1, "{section:?}");
    }
}

#[test]
fn one_trial_alone() {
    let report = Report::build(short());
    let shown = Shown { trial: Some(3), ..HUNDRED };
    let text = sections(&report, &Section::ALL, shown);
    assert!(text.contains("Trial 3 fold 1") && text.contains("Trial 3, 2 folds together"), "{text}");
    assert!(!text.contains("Trial 0") && !text.contains("Final model"), "{text}");
    for section in Section::ALL {
        let csv = section_csv(&report, section, shown);
        let others = csv.lines().skip(1).filter(|line| line.starts_with("0,"));
        assert!(matches!(section, Section::Best) || others.count() == 0, "{section:?}: {csv}");
    }
}

#[test]
fn pages_of_numbers_for_programs() {
    let mut input = short();
    input.trials.truncate(1);
    input.runs.retain(|run| run.run.trial == 0 && run.run.fold < 2);
    let pages = Section::ALL.map(|section| format!("{}\n{}", section.word(), csv(input.clone(), section)));
    insta::assert_snapshot!(pages.join("\n"));
}

#[test]
fn lines_are_as_long_as_their_header_and_fit_the_width() {
    let mut empty = known();
    empty.runs.clear();
    empty.final_stage = None;
    for input in [known(), measured(), regression(), empty, study(ACCURACY)] {
        let report = Report::build(input);
        for section in Section::ALL {
            let text = sections(&report, &[section], HUNDRED);
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{section:?}: {line}");
            }
            let table = section_csv(&report, section, Shown::default());
            let mut reader = ::csv::Reader::from_reader(table.as_bytes());
            assert!(reader.records().all(|record| record.is_ok()), "{section:?}");
        }
    }
}

#[test]
fn many_epochs_are_thinned_for_people_alone() {
    let mut input = known();
    let outcome = input.runs[0].outcome.as_mut().unwrap();
    let first = outcome.epochs[0];
    outcome.epochs = (1..=3_000).map(|epoch| EpochRecord { epoch, ..first }).collect();
    let text = text(input.clone(), &[Section::Curves]);
    assert!(text.contains("20 of 3,000 epochs; --format csv has all."), "{text}");
    // 3,000 means and 3,000 of the fold itself, and those of the others.
    assert!(csv(input, Section::Curves).lines().count() > 6_000);
}

#[test]
fn parameters_that_move_together_are_one_dimension() {
    let mut input = study(ACCURACY);
    input.sizes.truncate(1);
    for (hidden, dropout) in [([224, 112], 0.3), ([96, 48], 0.2), ([64, 32], 0.3)] {
        for (lr, best) in [(0.001, 0.9), (0.0005, 0.89)] {
            let run = accuracies(&[0.5, best - f64::from(hidden[0]) / 1e5]);
            add(&mut input, hidden, lr, u64::from(hidden[0]) * 900, vec![run]);
            let trial = input.trials.last_mut().unwrap();
            trial.params.insert("network.mlp.dropout".to_owned(), json!(dropout));
            trial.params.insert("train.epochs".to_owned(), json!(20));
        }
    }
    insta::assert_snapshot!(text(input, &[Section::Trials]));
}

#[test]
fn whole_networks_are_told_apart_by_what_differs() {
    let mut input = study(ACCURACY);
    input.sizes.truncate(1);
    let mlp = |hidden: [u32; 2]| json!({ "mlp": { "hidden": hidden, "activation": "relu" }, "init": "xavier_normal" });
    let deep = json!({ "layers": [{ "conv2d": { "channels": 16, "kernel": 3 } }, "output"], "init": "xavier_normal" });
    for (network, parameters) in [(mlp([224, 112]), 202_170), (mlp([96, 48]), 80_506), (deep, 19_390)] {
        for lr in [0.001, 0.0005] {
            add(&mut input, [1, 1], lr, parameters, vec![accuracies(&[0.9])]);
            let trial = input.trials.last_mut().unwrap();
            trial.params.insert("network.mlp.hidden".to_owned(), json!(1));
            trial.params.shift_insert(0, "network".to_owned(), network.clone());
        }
    }
    insta::assert_snapshot!(text(input, &[Section::Trials]));
}

#[test]
fn what_is_tried_twice_or_searched_alone_is_a_list() {
    let mut input = study(ACCURACY);
    input.sizes.truncate(1);
    for (hidden, lr) in [(1, 0.1), (2, 0.1), (1, 0.2), (2, 0.2), (2, 0.2)] {
        add(&mut input, [hidden, 1], lr, 10, vec![accuracies(&[0.5, 0.75])]);
    }
    insta::assert_snapshot!(text(input, &[Section::Trials]));
}

#[test]
fn bars_that_differ_much_begin_at_zero() {
    let mut input = study(ACCURACY);
    input.sizes.truncate(2);
    for (lr, best) in [(0.1, 0.2), (0.2, 0.8), (0.3, 0.4)] {
        add(&mut input, [1, 1], lr, 10, vec![accuracies(&[best]), accuracies(&[best + 0.1])]);
    }
    let text = text(input, &[Section::Chart]);
    assert!(text.contains("The axis goes from zero to"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_study_under_way_has_no_best_yet() {
    let mut input = measured();
    input.runs.truncate(7);
    input.final_stage = None;
    let text = text(input, &[Section::Best, Section::Confusion, Section::Folds]);
    assert_eq!(text.matches("No trial has won yet; --trial N shows one.").count(), 2, "{text}");
    assert!(text.contains("queued"), "{text}");
}
