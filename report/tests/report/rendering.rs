//! Tables, CSV and JSON.

use foldwise_report::{Report, TableOptions, csv, json, table};
use foldwise_study::selection::Rule;

use crate::fixture::{ACCURACY, LOSS, accuracies, add, known, losses, study};

const HUNDRED: TableOptions = TableOptions { width: Some(100), color: false };

#[test]
fn the_table_of_a_finished_study() {
    insta::assert_snapshot!(table(&Report::build(known()), HUNDRED));
}

#[test]
fn the_table_fits_its_width() {
    let report = Report::build(known());
    for width in [90, 100, 120] {
        let text = table(&report, TableOptions { width: Some(width), color: false });
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
    let wide = table(&report, TableOptions::default());
    assert!(wide.lines().any(|line| line.chars().count() > 120));
}

#[test]
fn color_adds_escapes_alone() {
    let report = Report::build(known());
    let colored = table(&report, TableOptions { width: Some(100), color: true });
    assert!(colored.contains("\u{1b}["));
    let mut bare = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        bare.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    bare.push_str(rest);
    let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(trimmed(&bare), trimmed(&table(&report, HUNDRED)));
}

#[test]
fn the_table_of_a_regression() {
    let mut input = study(LOSS);
    input.sizes = vec![(40, 20); 3];
    input.rule = Rule { allow_failed_folds: true, ..LOSS };
    for (lr, best) in
        [(0.1, [0.5123, 0.6234, 0.4345]), (0.01, [0.5123, 0.6234, 0.4345]), (0.001, [12.0, 13.5, 11.0])]
    {
        add(&mut input, [8, 4], lr, 1_050, best.map(|best| losses(&[2.0 * best, best])).to_vec());
    }
    insta::assert_snapshot!(table(&Report::build(input), HUNDRED));
}

#[test]
fn long_studies_are_cut_and_many_folds_are_a_range() {
    let mut input = study(ACCURACY);
    input.sizes = vec![(99, 1); 12];
    for trial in 0..33_u32 {
        let curve = |fold: u32| accuracies(&[0.5 + f64::from(trial) / 100.0 + f64::from(fold) / 1000.0]);
        add(&mut input, [trial, 1], 0.1, 10, (0..12).map(curve).collect());
    }
    let text = table(&Report::build(input), HUNDRED);
    assert!(text.contains("… and 3 more (use --format csv)"), "{text}");
    assert!(text.contains("82.00 to 83.10"), "{text}");
    assert!(!text.contains("50.00 to"), "{text}");
}

#[test]
fn a_study_that_searches_nothing() {
    let mut input = study(ACCURACY);
    input.sizes = vec![(80, 20)];
    add(&mut input, [1, 1], 0.1, 10, vec![accuracies(&[0.5, 0.75])]);
    input.trials[0].params.clear();
    let text = table(&Report::build(input), HUNDRED);
    assert!(text.contains("trial 0: validation accuracy 75.00 % over 1 fold, 10 parameters."), "{text}");
    assert!(!text.contains("Runner-up") && !text.contains("Simplest"), "{text}");
}

#[test]
fn one_line_of_csv_per_trial_and_fold() {
    let mut input = known();
    input.runs[0].error = Some("left, \"twice\"".to_owned());
    insta::assert_snapshot!(csv(&Report::build(input)));
}

#[test]
fn json_is_read_back_to_the_bit() {
    let report = Report::build(known());
    let text = json(&report);
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    assert!(text.ends_with("}\n") && !text.contains("null"));
    assert!(text.contains("\"final\": {") && text.contains("\"version\": 1"));
}
