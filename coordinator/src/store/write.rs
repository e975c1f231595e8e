//! Changes become rows.

use foldwise_study::plan::RunId;
use rusqlite::{Connection, Result, params};

use crate::ledger::{Change, CohortId, MemberResult, Stage, StudyId, StudyRecord};

pub(super) fn write(connection: &Connection, change: &Change) -> Result<()> {
    match change {
        Change::StudyCreated { study, record } => insert_study(connection, *study, record),
        Change::StudyPlanned { study, plan } => {
            execute(
                connection,
                "UPDATE study SET device = ?2 WHERE number = ?1",
                params![study.cast_signed(), plan.device.word()],
            )?;
            for (runs, number) in plan.cohorts.iter().zip(0..) {
                insert_cohort(connection, *study, number, Stage::Search, runs, [0, 0])?;
            }
            Ok(())
        }
        Change::CohortAdded { study, cohort, stage, runs, failures, attempt } => {
            insert_cohort(connection, *study, *cohort, *stage, runs, [*attempt, *failures])
        }
        Change::CohortLeased { study, cohort, attempt, worker, slot } => execute(
            connection,
            "UPDATE cohort SET state = 'leased', attempt = ?3, worker = ?4, slot = ?5
             WHERE study = ?1 AND number = ?2",
            params![study.cast_signed(), cohort, attempt, worker, slot],
        ),
        Change::CohortReturned { study, cohort, failures, error } => execute(
            connection,
            "UPDATE cohort SET state = 'ready', failures = ?3, error = ?4 WHERE study = ?1 AND number = ?2",
            params![study.cast_signed(), cohort, failures, error],
        ),
        Change::CohortFailed { study, cohort, error, split } => execute(
            connection,
            "UPDATE cohort SET state = ?3, error = ?4 WHERE study = ?1 AND number = ?2",
            params![study.cast_signed(), cohort, if *split { "split" } else { "failed" }, error],
        ),
        Change::CohortDone { study, cohort, attempt, worker, results, .. } => {
            execute(
                connection,
                "UPDATE cohort SET state = 'done', worker = ?3, done_attempt = ?4
                 WHERE study = ?1 AND number = ?2",
                params![study.cast_signed(), cohort, worker, attempt],
            )?;
            results.iter().try_for_each(|result| insert_run(connection, *study, *attempt, worker, result))
        }
        Change::StudyEnded { study, end, message, unix_ms } => {
            execute(
                connection,
                "UPDATE study SET ended_as = ?2, ended_message = ?3, ended_unix_ms = ?4 WHERE number = ?1",
                params![study.cast_signed(), end.word(), message, unix_ms.cast_signed()],
            )?;
            execute(
                connection,
                "UPDATE cohort SET state = 'ready' WHERE study = ?1 AND state = 'leased'",
                params![study.cast_signed()],
            )
        }
    }
}

fn execute(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<()> {
    connection.prepare_cached(sql)?.execute(parameters).map(drop)
}

fn insert_study(connection: &Connection, study: StudyId, record: &StudyRecord) -> Result<()> {
    execute(
        connection,
        "INSERT INTO study (number, request_id, spec_text, spec, rows, sizes, data_digest, folds_digest,
                            created_unix_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
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
    let final_epochs = match stage {
        Stage::Search => None,
        Stage::Final { epochs } => Some(epochs),
    };
    let runs: Vec<[u32; 2]> = runs.iter().map(|run| [run.trial, run.fold]).collect();
    execute(
        connection,
        "INSERT INTO cohort (study, number, runs, final_epochs, state, attempt, failures)
         VALUES (?1, ?2, ?3, ?4, 'ready', ?5, ?6)",
        params![study.cast_signed(), number, json(&runs), final_epochs, attempt, failures],
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
    )
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("our own types have text keys and nothing that fails")
}
