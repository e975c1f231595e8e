//! Studies that are under way, were cancelled, or have no winner.

use foldwise_report::{Report, RunState, StudyState, TableOptions, csv, table};

use crate::fixture::known;

/// The known study with its last trial half done.
fn under_way() -> foldwise_report::ReportInput {
    let mut input = known();
    input.study.state = StudyState::Searching;
    input.study.ended_unix_ms = None;
    input.final_stage = None;
    input.runs.pop();
    let leased = input.runs.last_mut().unwrap();
    (leased.state, leased.outcome) = (RunState::Leased, None);
    input
}

#[test]
fn there_is_no_winner_until_all_runs_have_ended() {
    let report = Report::build(under_way());
    let selection = &report.selection;
    assert_eq!((selection.winner, selection.one_standard_error), (None, None));
    assert!(selection.comparisons.is_empty() && selection.alternatives.is_none());
    assert!(report.trials[0].mean.is_some() && report.trials[2].mean.is_some());
    let open = &report.trials[3];
    assert_eq!((open.mean, open.std, open.last_epoch_mean, open.best_common_epoch), (None, None, None, None));
    let states: Vec<RunState> = open.folds.iter().map(|fold| fold.state).collect();
    assert_eq!(states[2..], [RunState::Finished, RunState::Leased, RunState::Queued]);
    assert!(open.folds[2].score.is_some());
    assert_eq!((report.study.ended, report.study.seconds), (None, None));
}

#[test]
fn it_is_legible_all_the_same() {
    let text = table(&Report::build(under_way()), TableOptions { width: Some(100), color: false });
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_has_run_yet() {
    let mut input = under_way();
    input.runs.clear();
    input.provenance.device = None;
    let report = Report::build(input);
    assert_eq!(report.provenance.reproducible, None);
    let text = table(&report, TableOptions::default());
    assert!(text.contains("5 queued"), "{text}");
    assert!(text.contains("0 of 20 runs have ended"), "{text}");
    assert_eq!(csv(&report).lines().count(), 21);
}

#[test]
fn a_cancelled_search_has_no_winner() {
    let mut input = under_way();
    input.study.state = StudyState::Cancelled;
    for run in &mut input.runs {
        if run.state != RunState::Finished {
            run.state = RunState::Cancelled;
        }
    }
    let report = Report::build(input);
    assert_eq!(report.selection.winner, None);
    assert!(table(&report, TableOptions::default()).contains("no winner was chosen"));
}

#[test]
fn nothing_can_win() {
    let mut input = known();
    input.study.state = StudyState::Failed;
    input.study.message = Some("no trial can win: every trial has a failed fold".to_owned());
    input.final_stage = None;
    for run in input.runs.iter_mut().filter(|run| run.run.fold == 0) {
        (run.state, run.outcome, run.error) = (RunState::Failed, None, Some("crash\u{1b}[31m".to_owned()));
    }
    let report = Report::build(input);
    assert_eq!(report.selection.winner, None);
    let alternatives = report.selection.alternatives.as_ref().unwrap();
    assert_eq!((alternatives.best_epoch, alternatives.last_epoch), (None, None));
    let text = table(&report, TableOptions { width: Some(100), color: false });
    assert!(text.contains("No winner") && !text.contains('\u{1b}'), "{text}");
}
