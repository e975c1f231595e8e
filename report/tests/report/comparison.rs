//! Several studies side by side.

use foldwise_report::{Report, TableOptions, comparison, comparison_csv};

use crate::fixture::known;
use crate::measured::regression;

fn reports() -> Vec<Report> {
    let mut under_way = known();
    under_way.study.state = foldwise_report::StudyState::Searching;
    under_way.study.display_name = "under-way".to_owned();
    under_way.runs.pop();
    under_way.final_stage = None;
    let mut numbers = regression();
    numbers.study.display_name = "numbers".to_owned();
    numbers.trials[0].batch_norm_parameters = 12;
    [known(), numbers, under_way].map(Report::build).to_vec()
}

#[test]
fn one_line_per_study() {
    insta::assert_snapshot!(comparison(&reports(), TableOptions { width: Some(120), color: false }));
}

#[test]
fn one_line_of_csv_per_study() {
    insta::assert_snapshot!(comparison_csv(&reports()));
}
