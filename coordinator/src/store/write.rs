//! Changes become rows.

use foldwise_study::plan::RunId;
use rusqlite::{Connection, Result, params};

use super::token;
use crate::ledger::{Change, CohortId, FailedAttempt, MemberResult, Stage, StudyId, StudyRecord, Superseded};

pub(super) fn write(connection: &Connection, change: &Change) -> Result<()> {
    match change {
        Change::StudyCreated { study, record } => insert_study(connection, *study, record),
        Change::StudyPlanned { study, first, plan } => {
            execute(
                connection,
                "UPDATE study SET device = ?2, profile = ?3 WHERE number = ?1",
                params![study.cast_signed(), plan.profile.kind.word(), plan.profile.to_json()],
            )?;
            for (runs, number) in plan.cohorts.iter().zip(*first..) {
                insert_cohort(connection, *study, number, Stage::Search, runs, [0, 0])?;
            }
            Ok(())
        }
        Change::StudyExtended { study, record } => execute(
            connection,
            "UPDATE study SET spec_text = ?2, spec = ?3, earlier_specs = ?4, sizes = ?5, folds_digest = ?6
             WHERE number = ?1",
            params![
                study.cast_signed(),
                record.spec_text,
                record.spec_json,
                json(&record.earlier),
                json(&record.sizes),
                record.folds_digest
            ],
        ),
        Change::StudyPaused { study, paused } => execute(
            connection,
            "UPDATE study SET paused = ?2 WHERE number = ?1",
            params![study.cast_signed(), paused],
        ),
        Change::StudyPrioritized { study, priority } => execute(
            connection,
            "UPDATE study SET priority = ?2 WHERE number = ?1",
            params![study.cast_signed(), priority],
        ),
        Change::StudyReopened { study, superseded } => reopen_study(connection, *study, superseded),
        Change::StudyDeleted { study } => {
            ["measurement", "run", "cohort", "study"].into_iter().try_for_each(|table| {
                let key = if table == "study" { "number" } else { "study" };
                let sql = format!("DELETE FROM {table} WHERE {key} = ?1");
                execute(connection, &sql, params![study.cast_signed()])
            })
        }
        Change::StudyEnded { study, end, message, unix_ms } => {
            execute(
                connection,
                "UPDATE study SET ended_as = ?2, ended_message = ?3, ended_unix_ms = ?4, paused = 0 WHERE number = ?1",
                params![study.cast_signed(), end.word(), message, unix_ms.cast_signed()],
            )?;
            execute(
                connection,
                "UPDATE cohort SET state = 'ready' WHERE study = ?1 AND state = 'leased'",
                params![study.cast_signed()],
            )
        }
        Change::TokenCreated(record) => token::insert(connection, record),
        Change::TokenRevoked(record) => token::revoke(connection, record),
        Change::ArtifactUnneeded { .. } => Ok(()),
        Change::CohortAdded { .. }
        | Change::CohortLeased { .. }
        | Change::CohortReturned { .. }
        | Change::CohortRetried { .. }
        | Change::CohortCheckpointed { .. }
        | Change::CohortFailed { .. }
        | Change::CohortDone { .. } => write_cohort(connection, change),
    }
}

fn write_cohort(connection: &Connection, change: &Change) -> Result<()> {
    match change {
        Change::CohortAdded { study, cohort, stage, runs, failures, attempt, failure } => {
            insert_cohort(connection, *study, *cohort, *stage, runs, [*attempt, *failures])?;
            failure.as_ref().map_or(Ok(()), |failure| note_failure(connection, *study, *cohort, failure))
        }
        Change::CohortLeased { study, cohort, attempt, worker, slot } => execute(
            connection,
            "UPDATE cohort SET state = 'leased', attempt = ?3, worker = ?4, slot = ?5
             WHERE study = ?1 AND number = ?2",
            params![study.cast_signed(), cohort, attempt, worker, slot],
        ),
        Change::CohortReturned { study, cohort, failures, failure } => {
            execute(
                connection,
                "UPDATE cohort SET state = 'ready', failures = ?3 WHERE study = ?1 AND number = ?2",
                params![study.cast_signed(), cohort, failures],
            )?;
            note_failure(connection, *study, *cohort, failure)
        }
        Change::CohortRetried { study, cohort } => execute(
            connection,
            "UPDATE cohort SET state = 'ready', failures = 0 WHERE study = ?1 AND number = ?2",
            params![study.cast_signed(), cohort],
        ),
        Change::CohortCheckpointed { study, cohort, checkpoint } => execute(
            connection,
            "UPDATE cohort SET checkpoint_epoch = ?3, checkpoint_digest = ?4 WHERE study = ?1 AND number = ?2",
            params![
                study.cast_signed(),
                cohort,
                checkpoint.as_ref().map(|checkpoint| checkpoint.epoch),
                checkpoint.as_ref().map(|checkpoint| &checkpoint.digest),
            ],
        ),
        Change::CohortFailed { study, cohort, failure, split } => {
            execute(
                connection,
                "UPDATE cohort SET state = ?3 WHERE study = ?1 AND number = ?2",
                params![study.cast_signed(), cohort, if *split { "split" } else { "failed" }],
            )?;
            note_failure(connection, *study, *cohort, failure)
        }
        Change::CohortDone { study, cohort, attempt, worker, results, .. } => {
            execute(
                connection,
                "UPDATE cohort SET state = 'done', worker = ?3, done_attempt = ?4
                 WHERE study = ?1 AND number = ?2",
                params![study.cast_signed(), cohort, worker, attempt],
            )?;
            results.iter().try_for_each(|result| insert_run(connection, *study, *attempt, worker, result))
        }
        // Changes of studies: written by [`write`].
        _ => Ok(()),
    }
}

fn note_failure(
    connection: &Connection,
    study: StudyId,
    cohort: CohortId,
    failure: &FailedAttempt,
) -> Result<()> {
    execute(
        connection,
        "UPDATE cohort SET error = ?3, failed_kind = ?4, failed_attempt = ?5, failed_worker = ?6, failed_unix_ms = ?7
         WHERE study = ?1 AND number = ?2",
        params![
            study.cast_signed(),
            cohort,
            failure.message,
            failure.kind.word(),
            failure.attempt,
            failure.worker,
            failure.unix_ms.cast_signed(),
        ],
    )
}

fn reopen_study(connection: &Connection, study: StudyId, superseded: &[Superseded]) -> Result<()> {
    execute(
        connection,
        "UPDATE study SET ended_as = NULL, ended_message = NULL, ended_unix_ms = NULL WHERE number = ?1",
        params![study.cast_signed()],
    )?;
    for Superseded { cohort, run, tested } in superseded {
        let state = if *tested { "superseded_tested" } else { "superseded" };
        execute(
            connection,
            "UPDATE cohort SET state = ?3 WHERE study = ?1 AND number = ?2",
            params![study.cast_signed(), cohort, state],
        )?;
        for table in ["measurement", "run"] {
            let sql = format!("DELETE FROM {table} WHERE study = ?1 AND trial = ?2 AND fold = ?3");
            execute(connection, &sql, params![study.cast_signed(), run.trial, run.fold])?;
        }
    }
    Ok(())
}

fn execute(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<()> {
    connection.prepare_cached(sql)?.execute(parameters).map(drop)
}

fn insert_study(connection: &Connection, study: StudyId, record: &StudyRecord) -> Result<()> {
    execute(connection, "UPDATE last_study SET number = max(number, ?1)", params![study.cast_signed()])?;
    execute(
        connection,
        "INSERT INTO study (number, request_id, spec_text, spec, rows, sizes, data_digest, folds_digest,
                            created_unix_ms, priority, profile)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            study.cast_signed(),
            record.request_id,
            record.spec_text,
            record.spec_json,
            json(&record.rows),
            json(&record.sizes),
            record.data_digest,
            record.folds_digest,
            record.created_unix_ms.cast_signed(),
            record.spec.priority,
            record.profile.as_ref().map(|profile| profile.to_json()),
        ],
    )
}

fn insert_cohort(
    connection: &Connection,
    study: StudyId,
    number: CohortId,
    stage: Stage,
    runs: &[RunId],
    [attempt, failures]: [u32; 2],
) -> Result<()> {
    let (final_epochs, outer_fold) = match stage {
        Stage::Search => (None, None),
        Stage::Final { epochs } => (Some(epochs), None),
        Stage::Outer { fold, epochs } => (Some(epochs), Some(fold)),
    };
    let runs: Vec<[u32; 2]> = runs.iter().map(|run| [run.trial, run.fold]).collect();
    execute(
        connection,
        "INSERT INTO cohort (study, number, runs, final_epochs, outer_fold, state, attempt, failures)
         VALUES (?1, ?2, ?3, ?4, ?5, 'ready', ?6, ?7)",
        params![study.cast_signed(), number, json(&runs), final_epochs, outer_fold, attempt, failures],
    )
}

fn insert_run(
    connection: &Connection,
    study: StudyId,
    attempt: u32,
    worker: &str,
    result: &MemberResult,
) -> Result<()> {
    execute(
        connection,
        "INSERT INTO run (study, trial, fold, attempt, worker, outcome, weights_digest, device_model, software)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            study.cast_signed(),
            result.run.trial,
            result.run.fold,
            attempt,
            worker,
            json(&result.outcome),
            result.weights_digest,
            result.device_model,
            result.software,
        ],
    )?;
    let Some(kept) = &result.measurements else { return Ok(()) };
    execute(
        connection,
        "INSERT INTO measurement (study, trial, fold, measurements, snapshots_digest) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![study.cast_signed(), result.run.trial, result.run.fold, kept.json, kept.snapshots],
    )
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("our own types have text keys and nothing that fails")
}
