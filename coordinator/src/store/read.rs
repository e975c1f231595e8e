//! Rows become a snapshot.

use std::path::Path;
use std::sync::Arc;

use foldwise_study::outcome::{RunEnd as Ended, RunOutcome};
use foldwise_study::plan::RunId;
use foldwise_study::selection::Rule;
use foldwise_study::spec::{DeviceKind, Spec};
use foldwise_study::trials::{RowFacts, Trials};
use rusqlite::{Connection, Row};
use serde::de::DeserializeOwned;

use super::{StoreError, StoredRun, contradiction, explain, measured, token};
use crate::ledger::{
    Checkpoint, CohortRow, CohortState, EndedAs, FailedAttempt, FailureKind, RunEnd, RunRow, Snapshot, Stage,
    StudyId, StudyRecord, StudyRow,
};

/// Reads every study.
pub(super) fn snapshot(connection: &Connection, folder: &Path) -> Result<Snapshot, StoreError> {
    let failed = |source| explain(folder, source);
    let mut statement = connection.prepare("SELECT * FROM study ORDER BY number").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut snapshot = Snapshot::default();
    while let Some(row) = rows.next().map_err(failed)? {
        snapshot.studies.push(study(connection, folder, row)?);
    }
    snapshot.tokens = token::all(connection, folder)?;
    let last: i64 =
        connection.query_row("SELECT number FROM last_study", [], |row| row.get(0)).map_err(failed)?;
    let fits = u64::try_from(last).ok().filter(|&last| last < i64::MAX.unsigned_abs());
    snapshot.last_study = fits
        .ok_or_else(|| unreadable(folder, "last_study".to_owned(), format!("{last} is no study's number")))?;
    Ok(snapshot)
}

/// Reads the results of one study, without what they measured.
pub(super) fn runs(
    connection: &Connection,
    folder: &Path,
    study: StudyId,
) -> Result<Vec<StoredRun>, StoreError> {
    runs_between(connection, folder, study, (0, u32::MAX))
}

/// The same of one trial.
pub(super) fn runs_of_trial(
    connection: &Connection,
    folder: &Path,
    study: StudyId,
    trial: u32,
) -> Result<Vec<StoredRun>, StoreError> {
    runs_between(connection, folder, study, (trial, trial))
}

fn runs_between(
    connection: &Connection,
    folder: &Path,
    study: StudyId,
    (first, last): (u32, u32),
) -> Result<Vec<StoredRun>, StoreError> {
    let failed = |source| explain(folder, source);
    let sql = "SELECT trial, fold, attempt, outcome, weights_digest, device_model, software
               FROM run WHERE study = ?1 AND trial BETWEEN ?2 AND ?3 ORDER BY trial, fold";
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let key = (study.cast_signed(), first, last);
    let mut rows = statement.query(key).map_err(failed)?;
    let mut stored = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let run = RunId { trial: get(folder, row, 0)?, fold: get(folder, row, 1)? };
        stored.push(StoredRun {
            run,
            attempt: get(folder, row, 2)?,
            outcome: parse(folder, text(folder, row, 3)?, || {
                format!("result of study {study}, trial {}, fold {}", run.trial, run.fold)
            })?,
            weights_digest: get(folder, row, 4)?,
            device_model: get(folder, row, 5)?,
            software: get(folder, row, 6)?,
        });
    }
    Ok(stored)
}

pub(super) fn get<T: rusqlite::types::FromSql>(
    folder: &Path,
    row: &Row<'_>,
    column: impl rusqlite::RowIndex,
) -> Result<T, StoreError> {
    row.get(column).map_err(|source| explain(folder, source))
}

/// A text where it lies, without a copy.
fn text<'a>(folder: &Path, row: &'a Row<'_>, column: usize) -> Result<&'a str, StoreError> {
    let value = row.get_ref(column).map_err(|source| explain(folder, source))?;
    value.as_str().map_err(|error| unreadable(folder, format!("column {column}"), error.to_string()))
}

pub(super) fn parse<T: DeserializeOwned>(
    folder: &Path,
    json: &str,
    what: impl Fn() -> String,
) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| unreadable(folder, what(), error.to_string()))
}

fn unreadable(folder: &Path, what: String, reason: String) -> StoreError {
    StoreError::Row { path: folder.to_owned(), what, reason }
}

fn study(connection: &Connection, folder: &Path, row: &Row<'_>) -> Result<StudyRow, StoreError> {
    let number: i64 = get(folder, row, "number")?;
    let what = |column: &str| format!("study {number}, {column}");
    let record = record(folder, row, &what)?;
    let device = match get::<Option<String>>(folder, row, "device")?.as_deref() {
        None => None,
        Some("cpu") => Some(DeviceKind::Cpu),
        Some("cuda") => Some(DeviceKind::Cuda),
        Some(word) => return Err(unreadable(folder, what("device"), format!("unknown word {word}"))),
    };
    let end = match get::<Option<String>>(folder, row, "ended_as")?.as_deref() {
        None => None,
        Some("succeeded") => Some(EndedAs::Succeeded),
        Some("failed") => Some(EndedAs::Failed),
        Some("cancelled") => Some(EndedAs::Cancelled),
        Some(word) => return Err(unreadable(folder, what("ended_as"), format!("unknown word {word}"))),
    };
    let ended = match end {
        None => None,
        Some(end) => {
            let unix_ms: i64 = get(folder, row, "ended_unix_ms")?;
            Some((end, get(folder, row, "ended_message")?, unix_ms.cast_unsigned()))
        }
    };
    let rule = record.rule;
    let folds = record.folds();
    let study = number.cast_unsigned();
    let mut weights = None;
    let mut ends = Vec::new();
    for stored in runs(connection, folder, study)? {
        if stored.run.fold < folds {
            ends.push(RunRow { run: stored.run, end: run_end(&rule, &stored.outcome) });
        } else if stored.run.fold == folds {
            weights = stored.weights_digest;
        }
    }
    let cohorts = cohorts(connection, folder, study)?;
    let snapshots = measured::snapshots(connection, folder, study)?;
    let paused = get(folder, row, "paused")?;
    let priority = get(folder, row, "priority")?;
    let row = StudyRow {
        number: study,
        record,
        paused,
        priority,
        device,
        ended,
        cohorts,
        runs: ends,
        weights,
        snapshots,
    };
    match contradiction::of(&row) {
        None => Ok(row),
        Some(reason) => Err(unreadable(folder, format!("study {number}"), reason)),
    }
}

fn record(folder: &Path, row: &Row<'_>, what: &impl Fn(&str) -> String) -> Result<StudyRecord, StoreError> {
    let spec_json: String = get(folder, row, "spec")?;
    let spec: Spec = parse(folder, &spec_json, || what("spec"))?;
    let rows: RowFacts = parse(folder, &get::<String>(folder, row, "rows")?, || what("rows"))?;
    let earlier: Vec<String> =
        parse(folder, &get::<String>(folder, row, "earlier_specs")?, || what("earlier_specs"))?;
    let versions: Vec<Spec> =
        earlier.iter().map(|text| parse(folder, text, || what("earlier_specs"))).collect::<Result<_, _>>()?;
    let trials = Trials::of_versions(versions.iter().chain([&spec]), &rows).map_err(|problems| {
        let reason = problems.first().map(ToString::to_string).unwrap_or_default();
        unreadable(folder, what("spec"), reason)
    })?;
    let profile: Option<String> = get(folder, row, "profile")?;
    let profile = profile.map(|text| parse(folder, &text, || what("profile"))).transpose()?;
    let created: i64 = get(folder, row, "created_unix_ms")?;
    Ok(StudyRecord {
        request_id: get(folder, row, "request_id")?,
        spec_text: get(folder, row, "spec_text")?,
        rule: spec.selection.rule(rows.classes.is_some()),
        spec,
        spec_json,
        earlier,
        rows,
        sizes: parse(folder, &get::<String>(folder, row, "sizes")?, || what("sizes"))?,
        data_digest: get(folder, row, "data_digest")?,
        folds_digest: get(folder, row, "folds_digest")?,
        trials,
        profile: profile.map(Arc::new),
        created_unix_ms: created.cast_unsigned(),
    })
}

fn run_end(rule: &Rule, outcome: &RunOutcome) -> RunEnd {
    match (outcome.end, outcome.score(rule)) {
        (Ended::Finished, Some((epoch, score))) => RunEnd::Finished { score, epoch },
        (Ended::Finished, None) => RunEnd::Diverged { epoch: 1 },
        (Ended::Diverged(epoch), _) => RunEnd::Diverged { epoch },
    }
}

fn cohorts(connection: &Connection, folder: &Path, study: StudyId) -> Result<Vec<CohortRow>, StoreError> {
    let failed = |source| explain(folder, source);
    let mut statement =
        connection.prepare_cached("SELECT * FROM cohort WHERE study = ?1 ORDER BY number").map_err(failed)?;
    let mut rows = statement.query([study.cast_signed()]).map_err(failed)?;
    let mut cohorts = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let number: u32 = get(folder, row, "number")?;
        let what = || format!("study {study}, cohort {number}");
        if number as usize != cohorts.len() {
            return Err(unreadable(folder, what(), format!("cohort {} is missing", cohorts.len())));
        }
        let runs: Vec<[u32; 2]> = parse(folder, &get::<String>(folder, row, "runs")?, what)?;
        let attempt: u32 = get(folder, row, "attempt")?;
        let worker = || get::<Option<String>>(folder, row, "worker").map(Option::unwrap_or_default);
        let state = match get::<String>(folder, row, "state")?.as_str() {
            "ready" => CohortState::Ready,
            "leased" => {
                let slot = get::<Option<u32>>(folder, row, "slot")?.unwrap_or(0);
                CohortState::Leased { worker: worker()?, slot, expires_ms: 0 }
            }
            "done" => {
                let attempt = get::<Option<u32>>(folder, row, "done_attempt")?.unwrap_or(attempt);
                CohortState::Done { worker: worker()?, attempt }
            }
            "failed" => CohortState::Failed { split: false },
            "split" => CohortState::Failed { split: true },
            "superseded" => CohortState::Superseded { tested: false },
            "superseded_tested" => CohortState::Superseded { tested: true },
            word => return Err(unreadable(folder, what(), format!("unknown state {word}"))),
        };
        cohorts.push(CohortRow {
            runs: runs.into_iter().map(|[trial, fold]| RunId { trial, fold }).collect(),
            stage: stage(get(folder, row, "final_epochs")?, get(folder, row, "outer_fold")?),
            attempt,
            failures: get(folder, row, "failures")?,
            failure: failed_attempt(folder, row, &what)?,
            checkpoint: checkpoint(folder, row)?,
            state,
        });
    }
    Ok(cohorts)
}

fn stage(final_epochs: Option<u32>, outer_fold: Option<u32>) -> Stage {
    match (final_epochs, outer_fold) {
        (None, _) => Stage::Search,
        (Some(epochs), None) => Stage::Final { epochs },
        (Some(epochs), Some(fold)) => Stage::Outer { fold, epochs },
    }
}

fn failed_attempt(
    folder: &Path,
    row: &Row<'_>,
    what: &impl Fn() -> String,
) -> Result<Option<FailedAttempt>, StoreError> {
    let Some(message) = get::<Option<String>>(folder, row, "error")? else { return Ok(None) };
    let kind = match get::<Option<String>>(folder, row, "failed_kind")? {
        None => FailureKind::Training,
        Some(word) => FailureKind::of_word(&word)
            .ok_or_else(|| unreadable(folder, what(), format!("unknown kind of failure {word}")))?,
    };
    let attempt: u32 = get(folder, row, "attempt")?;
    Ok(Some(FailedAttempt {
        attempt: get::<Option<u32>>(folder, row, "failed_attempt")?.unwrap_or(attempt),
        worker: get::<Option<String>>(folder, row, "failed_worker")?.unwrap_or_default(),
        kind,
        message,
        unix_ms: get::<Option<i64>>(folder, row, "failed_unix_ms")?.unwrap_or(0).cast_unsigned(),
    }))
}

fn checkpoint(folder: &Path, row: &Row<'_>) -> Result<Option<Checkpoint>, StoreError> {
    let epoch: Option<u32> = get(folder, row, "checkpoint_epoch")?;
    let digest: Option<String> = get(folder, row, "checkpoint_digest")?;
    Ok(epoch.zip(digest).map(|(epoch, digest)| Checkpoint { epoch, digest }))
}
