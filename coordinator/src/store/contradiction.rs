//! What rows that can each be read must not say together: the ledger counts on it.

use std::collections::HashSet;

use foldwise_study::plan::RunId;
use foldwise_study::split::FOLDS_MAX;

use crate::artifacts::is_digest;
use crate::ledger::{CohortRow, CohortState, SnapshotsRow, Stage, StudyRow};

/// More attempts than this were never made; the next one's number must be a number still.
const ATTEMPTS_MAX: u32 = u32::MAX / 2;

/// The first contradiction among the rows of a study.
pub(super) fn of(study: &StudyRow) -> Option<String> {
    let folds = study.record.sizes.len();
    if study.number == 0 || i64::try_from(study.number).is_err() {
        return Some(format!("{} is no study's number", study.number.cast_signed()));
    }
    if folds == 0 || folds > FOLDS_MAX {
        return Some(format!("it has sizes of {folds} folds; a study has 1 to {FOLDS_MAX}"));
    }
    if let Some(problem) = of_snapshots(study) {
        return Some(problem);
    }
    let problem = |cohort: &CohortRow| {
        let known = |trial: u32| (trial as usize) < study.record.trials.len();
        let fits = match (cohort.stage, &cohort.runs[..]) {
            (Stage::Search, runs) => {
                !runs.is_empty() && runs.iter().all(|run| known(run.trial) && (run.fold as usize) < folds)
            }
            (Stage::Final { .. }, runs) => matches!(runs, [run] if known(run.trial)),
            (Stage::Outer { fold, .. }, runs) => {
                fold < study.record.outer() && matches!(runs, [run] if known(run.trial))
            }
        };
        if !fits {
            return Some("has runs that the study has not");
        }
        (cohort.attempt > ATTEMPTS_MAX || cohort.failures > ATTEMPTS_MAX)
            .then_some("has impossibly many attempts")
    };
    let mut cohorts = study.cohorts.iter().enumerate();
    cohorts.find_map(|(number, cohort)| problem(cohort).map(|problem| format!("cohort {number} {problem}")))
}

/// Copies of weights are of runs that have a result: of the search, or of the final stage that counts.
fn of_snapshots(study: &StudyRow) -> Option<String> {
    if study.snapshots.is_empty() {
        return None;
    }
    let known = |run: &RunId| {
        (run.trial as usize) < study.record.trials.len() && (run.fold as usize) < study.record.sizes.len()
    };
    let mut results: HashSet<RunId> = study.runs.iter().map(|row| row.run).filter(known).collect();
    let superseded = |cohort: &&CohortRow| matches!(cohort.state, CohortState::Superseded { .. });
    let mut finals = study.cohorts.iter().filter(|cohort| matches!(cohort.stage, Stage::Final { .. }));
    let last = finals.rfind(|cohort| !superseded(cohort));
    let done = last.filter(|cohort| matches!(cohort.state, CohortState::Done { .. }));
    results.extend(done.into_iter().flat_map(|cohort| &cohort.runs));
    study.snapshots.iter().find_map(|SnapshotsRow { run, digest }| {
        if !results.contains(run) {
            Some(format!("it has copies of the weights of a run without a result: {run:?}"))
        } else if !is_digest(digest) {
            Some(format!("`{digest}` is no digest of a file"))
        } else {
            None
        }
    })
}
