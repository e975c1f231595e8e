//! Rows become a snapshot.

use std::sync::Arc;

use foldwise_study::outcome::{RunEnd as Ended, RunOutcome};
use foldwise_study::plan::RunId;
use foldwise_study::selection::Rule;
use foldwise_study::spec::{DeviceKind, Spec};
use foldwise_study::trials::{RowFacts, Trials};

use super::row::{Fields, Query, Row, Source, query};
use super::{StoreError, StoredRun, contradiction, measured, token};
use crate::ledger::{
    Checkpoint, CohortRow, CohortState, EndedAs, FailedAttempt, FailureKind, RunEnd, RunRow, Snapshot, Stage,
    StudyId, StudyRecord, StudyRow,
};

const STUDIES: Query = query!(
    [
        "number",
        "request_id",
        "spec_text",
        "spec",
        "earlier_specs",
        "rows",
        "sizes",
        "data_digest",
        "folds_digest",
        "created_unix_ms",
        "paused",
        "priority",
        "profile",
        "device",
        "ended_as",
        "ended_message",
        "ended_unix_ms",
    ],
    "FROM study ORDER BY number"
);
const LAST_STUDY: Query = query!(["number"], "FROM last_study");
const COHORTS: Query = query!(
    [
        "number",
        "runs",
        "final_epochs",
        "outer_fold",
        "state",
        "attempt",
        "failures",
        "done_attempt",
        "worker",
        "slot",
        "error",
        "failed_kind",
        "failed_attempt",
        "failed_worker",
        "failed_unix_ms",
        "checkpoint_epoch",
        "checkpoint_digest",
    ],
    "FROM cohort WHERE study = ?1 ORDER BY number"
);
const RUNS: Query = query!(
    ["trial", "fold", "attempt", "outcome", "weights_digest", "device_model", "software"],
    "FROM run WHERE study = ?1 AND trial BETWEEN ?2 AND ?3 ORDER BY trial, fold"
);

/// Reads every study.
pub(super) fn snapshot(source: &dyn Source) -> Result<Snapshot, StoreError> {
    let mut snapshot = Snapshot::default();
    source.each(STUDIES, &[], &mut |row| {
        snapshot.studies.push(study(source, row)?);
        Ok(())
    })?;
    snapshot.tokens = token::all(source)?;
    let what = || "last_study".to_owned();
    source.each(LAST_STUDY, &[], &mut |row| {
        let fields = Fields { row, place: source.place(), query: LAST_STUDY, what: &what };
        let last: i64 = fields.number("number")?;
        let fits = u64::try_from(last).ok().filter(|&last| last < i64::MAX.unsigned_abs());
        snapshot.last_study =
            fits.ok_or_else(|| fields.wrong("number", format!("{last} is no study's number")))?;
        Ok(())
    })?;
    Ok(snapshot)
}

/// Reads the results of one study, without what they measured.
pub(super) fn runs(source: &dyn Source, study: StudyId) -> Result<Vec<StoredRun>, StoreError> {
    runs_between(source, study, (0, u32::MAX))
}

/// The same of one trial.
pub(super) fn runs_of_trial(
    source: &dyn Source,
    study: StudyId,
    trial: u32,
) -> Result<Vec<StoredRun>, StoreError> {
    runs_between(source, study, (trial, trial))
}

fn runs_between(
    source: &dyn Source,
    study: StudyId,
    (first, last): (u32, u32),
) -> Result<Vec<StoredRun>, StoreError> {
    let mut stored = Vec::new();
    let what = || format!("a result of study {study}");
    source.each(RUNS, &[study.cast_signed(), first.into(), last.into()], &mut |row| {
        let fields = Fields { row, place: source.place(), query: RUNS, what: &what };
        let run = RunId { trial: fields.number("trial")?, fold: fields.number("fold")? };
        let what = || format!("result of study {study}, trial {}, fold {}", run.trial, run.fold);
        let fields = Fields { what: &what, ..fields };
        stored.push(StoredRun {
            run,
            attempt: fields.number("attempt")?,
            outcome: fields.json("outcome")?,
            weights_digest: fields.maybe_text("weights_digest")?.map(str::to_owned),
            device_model: fields.text("device_model")?.to_owned(),
            software: fields.text("software")?.to_owned(),
        });
        Ok(())
    })?;
    Ok(stored)
}

fn study(source: &dyn Source, row: &dyn Row) -> Result<StudyRow, StoreError> {
    let what = || "a study".to_owned();
    let fields = Fields { row, place: source.place(), query: STUDIES, what: &what };
    let number: i64 = fields.number("number")?;
    let what = || format!("study {number}");
    let fields = Fields { what: &what, ..fields };
    let record = record(&fields)?;
    let device = match fields.maybe_text("device")? {
        None => None,
        Some("cpu") => Some(DeviceKind::Cpu),
        Some("cuda") => Some(DeviceKind::Cuda),
        Some(word) => return Err(fields.wrong("device", format!("unknown word {word}"))),
    };
    let ended = ended(&fields)?;
    let (rule, folds, study) = (record.rule, record.folds(), number.cast_unsigned());
    let mut weights = None;
    let mut ends = Vec::new();
    for stored in runs(source, study)? {
        if stored.run.fold < folds {
            ends.push(RunRow { run: stored.run, end: run_end(&rule, &stored.outcome) });
        } else if stored.run.fold == folds {
            weights = stored.weights_digest;
        }
    }
    let row = StudyRow {
        number: study,
        record,
        paused: fields.number::<i64>("paused")? != 0,
        priority: fields.number("priority")?,
        device,
        ended,
        cohorts: cohorts(source, study)?,
        runs: ends,
        weights,
        snapshots: measured::snapshots(source, study)?,
    };
    match contradiction::of(&row) {
        None => Ok(row),
        Some(reason) => Err(StoreError::Row { place: source.place().clone(), what: what(), reason }),
    }
}

fn ended(fields: &Fields<'_>) -> Result<Option<(EndedAs, String, u64)>, StoreError> {
    let end = match fields.maybe_text("ended_as")? {
        None => return Ok(None),
        Some("succeeded") => EndedAs::Succeeded,
        Some("failed") => EndedAs::Failed,
        Some("cancelled") => EndedAs::Cancelled,
        Some(word) => return Err(fields.wrong("ended_as", format!("unknown word {word}"))),
    };
    let unix_ms: i64 = fields.number("ended_unix_ms")?;
    Ok(Some((end, fields.text("ended_message")?.to_owned(), unix_ms.cast_unsigned())))
}

fn record(fields: &Fields<'_>) -> Result<StudyRecord, StoreError> {
    let owned = |column: &str| fields.text(column).map(str::to_owned);
    let spec: Spec = fields.json("spec")?;
    let rows: RowFacts = fields.json("rows")?;
    let earlier: Vec<String> = fields.json("earlier_specs")?;
    let versions: Vec<Spec> =
        earlier.iter().map(|text| fields.parse("earlier_specs", text)).collect::<Result<_, _>>()?;
    let trials = Trials::of_versions(versions.iter().chain([&spec]), &rows).map_err(|problems| {
        let reason = problems.first().map(ToString::to_string).unwrap_or_default();
        fields.wrong("spec", reason)
    })?;
    let profile = fields.maybe_text("profile")?;
    let profile = profile.map(|text| fields.parse("profile", text)).transpose()?;
    let created: i64 = fields.number("created_unix_ms")?;
    Ok(StudyRecord {
        request_id: owned("request_id")?,
        spec_text: owned("spec_text")?,
        rule: spec.selection.rule(rows.classes.is_some()),
        spec,
        spec_json: owned("spec")?,
        earlier,
        rows,
        sizes: fields.json("sizes")?,
        data_digest: owned("data_digest")?,
        folds_digest: owned("folds_digest")?,
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

fn cohorts(source: &dyn Source, study: StudyId) -> Result<Vec<CohortRow>, StoreError> {
    let mut cohorts = Vec::new();
    let what = || format!("a cohort of study {study}");
    source.each(COHORTS, &[study.cast_signed()], &mut |row| {
        let fields = Fields { row, place: source.place(), query: COHORTS, what: &what };
        let number: u32 = fields.number("number")?;
        let what = || format!("study {study}, cohort {number}");
        let fields = Fields { what: &what, ..fields };
        if number as usize != cohorts.len() {
            return Err(fields.wrong("number", format!("cohort {} is missing", cohorts.len())));
        }
        cohorts.push(cohort(&fields)?);
        Ok(())
    })?;
    Ok(cohorts)
}

fn cohort(fields: &Fields<'_>) -> Result<CohortRow, StoreError> {
    let runs: Vec<[u32; 2]> = fields.json("runs")?;
    let attempt: u32 = fields.number("attempt")?;
    let worker = || fields.maybe_text("worker").map(|worker| worker.unwrap_or_default().to_owned());
    let state = match fields.text("state")? {
        "ready" => CohortState::Ready,
        "leased" => {
            let slot = fields.maybe("slot")?.unwrap_or(0);
            CohortState::Leased { worker: worker()?, slot, expires_ms: 0 }
        }
        "done" => {
            let attempt = fields.maybe("done_attempt")?.unwrap_or(attempt);
            CohortState::Done { worker: worker()?, attempt }
        }
        "failed" => CohortState::Failed { split: false },
        "split" => CohortState::Failed { split: true },
        "superseded" => CohortState::Superseded { tested: false },
        "superseded_tested" => CohortState::Superseded { tested: true },
        word => return Err(fields.wrong("state", format!("unknown state {word}"))),
    };
    Ok(CohortRow {
        runs: runs.into_iter().map(|[trial, fold]| RunId { trial, fold }).collect(),
        stage: stage(fields.maybe("final_epochs")?, fields.maybe("outer_fold")?),
        attempt,
        failures: fields.number("failures")?,
        failure: failed_attempt(fields)?,
        checkpoint: checkpoint(fields)?,
        state,
    })
}

fn stage(final_epochs: Option<u32>, outer_fold: Option<u32>) -> Stage {
    match (final_epochs, outer_fold) {
        (None, _) => Stage::Search,
        (Some(epochs), None) => Stage::Final { epochs },
        (Some(epochs), Some(fold)) => Stage::Outer { fold, epochs },
    }
}

fn failed_attempt(fields: &Fields<'_>) -> Result<Option<FailedAttempt>, StoreError> {
    let Some(message) = fields.maybe_text("error")? else { return Ok(None) };
    let kind = match fields.maybe_text("failed_kind")? {
        None => FailureKind::Training,
        Some(word) => FailureKind::of_word(word)
            .ok_or_else(|| fields.wrong("failed_kind", format!("unknown kind of failure {word}")))?,
    };
    let attempt: u32 = fields.number("attempt")?;
    Ok(Some(FailedAttempt {
        attempt: fields.maybe("failed_attempt")?.unwrap_or(attempt),
        worker: fields.maybe_text("failed_worker")?.unwrap_or_default().to_owned(),
        kind,
        message: message.to_owned(),
        unix_ms: fields.maybe::<i64>("failed_unix_ms")?.unwrap_or(0).cast_unsigned(),
    }))
}

fn checkpoint(fields: &Fields<'_>) -> Result<Option<Checkpoint>, StoreError> {
    let epoch = fields.maybe("checkpoint_epoch")?;
    let digest = fields.maybe_text("checkpoint_digest")?;
    Ok(epoch.zip(digest).map(|(epoch, digest)| Checkpoint { epoch, digest: digest.to_owned() }))
}
