//! Changes become statements, which both databases understand.

use foldwise_study::plan::RunId;

use super::StoreError;
use super::row::{Sink, Value, values};
use super::token;
use crate::ledger::{Change, CohortId, FailedAttempt, MemberResult, Stage, StudyId, StudyRecord, Superseded};

type Written = Result<(), StoreError>;

pub(super) fn write<'a>(sink: &mut dyn Sink<'a>, change: &'a Change) -> Written {
    match change {
        Change::StudyCreated { study, record } => insert_study(sink, *study, record),
        Change::StudyPlanned { study, first, plan } => {
            sink.execute(
                "UPDATE study SET device = ?2, profile = ?3 WHERE number = ?1",
                &values![*study, plan.profile.kind.word(), plan.profile.to_json()],
            )?;
            for (runs, number) in plan.cohorts.iter().zip(*first..) {
                insert_cohort(sink, *study, number, Stage::Search, runs, [0, 0])?;
            }
            Ok(())
        }
        Change::StudyExtended { study, record } => sink.execute(
            "UPDATE study SET spec_text = ?2, spec = ?3, earlier_specs = ?4, sizes = ?5, folds_digest = ?6
             WHERE number = ?1",
            &values![
                *study,
                &record.spec_text,
                &record.spec_json,
                json(&record.earlier),
                json(&record.sizes),
                &record.folds_digest
            ],
        ),
        Change::StudyPaused { study, paused } => {
            sink.execute("UPDATE study SET paused = ?2 WHERE number = ?1", &values![*study, paused])
        }
        Change::StudyPrioritized { study, priority } => {
            sink.execute("UPDATE study SET priority = ?2 WHERE number = ?1", &values![*study, priority])
        }
        Change::StudyReopened { study, superseded } => reopen_study(sink, *study, superseded),
        Change::StudyDeleted { study } => {
            let statements = [
                "DELETE FROM measurement WHERE study = ?1",
                "DELETE FROM run WHERE study = ?1",
                "DELETE FROM cohort WHERE study = ?1",
                "DELETE FROM study WHERE number = ?1",
            ];
            statements.into_iter().try_for_each(|sql| sink.execute(sql, &values![*study]))
        }
        Change::StudyEnded { study, end, message, unix_ms } => {
            sink.execute(
                "UPDATE study SET ended_as = ?2, ended_message = ?3, ended_unix_ms = ?4, paused = 0 WHERE number = ?1",
                &values![*study, end.word(), message, unix_ms.cast_signed()],
            )?;
            sink.execute(
                "UPDATE cohort SET state = 'ready' WHERE study = ?1 AND state = 'leased'",
                &values![*study],
            )
        }
        Change::TokenCreated(record) => token::insert(sink, record),
        Change::TokenRevoked(record) => token::revoke(sink, record),
        Change::ArtifactUnneeded { .. } => Ok(()),
        Change::CohortAdded { .. }
        | Change::CohortLeased { .. }
        | Change::CohortReturned { .. }
        | Change::CohortRetried { .. }
        | Change::CohortCheckpointed { .. }
        | Change::CohortFailed { .. }
        | Change::CohortDone { .. } => write_cohort(sink, change),
    }
}

fn write_cohort<'a>(sink: &mut dyn Sink<'a>, change: &'a Change) -> Written {
    match change {
        Change::CohortAdded { study, cohort, stage, runs, failures, attempt, failure } => {
            insert_cohort(sink, *study, *cohort, *stage, runs, [*attempt, *failures])?;
            failure.as_ref().map_or(Ok(()), |failure| note_failure(sink, *study, *cohort, failure))
        }
        Change::CohortLeased { study, cohort, attempt, worker, slot } => sink.execute(
            "UPDATE cohort SET state = 'leased', attempt = ?3, worker = ?4, slot = ?5
             WHERE study = ?1 AND number = ?2",
            &values![*study, cohort, attempt, worker, slot],
        ),
        Change::CohortReturned { study, cohort, failures, failure } => {
            sink.execute(
                "UPDATE cohort SET state = 'ready', failures = ?3 WHERE study = ?1 AND number = ?2",
                &values![*study, cohort, failures],
            )?;
            note_failure(sink, *study, *cohort, failure)
        }
        Change::CohortRetried { study, cohort } => sink.execute(
            "UPDATE cohort SET state = 'ready', failures = 0 WHERE study = ?1 AND number = ?2",
            &values![*study, cohort],
        ),
        Change::CohortCheckpointed { study, cohort, checkpoint } => sink.execute(
            "UPDATE cohort SET checkpoint_epoch = ?3, checkpoint_digest = ?4 WHERE study = ?1 AND number = ?2",
            &values![
                *study,
                cohort,
                checkpoint.as_ref().map(|checkpoint| checkpoint.epoch),
                checkpoint.as_ref().map(|checkpoint| &checkpoint.digest),
            ],
        ),
        Change::CohortFailed { study, cohort, failure, split } => {
            sink.execute(
                "UPDATE cohort SET state = ?3 WHERE study = ?1 AND number = ?2",
                &values![*study, cohort, if *split { "split" } else { "failed" }],
            )?;
            note_failure(sink, *study, *cohort, failure)
        }
        Change::CohortDone { study, cohort, attempt, worker, results, .. } => {
            sink.execute(
                "UPDATE cohort SET state = 'done', worker = ?3, done_attempt = ?4
                 WHERE study = ?1 AND number = ?2",
                &values![*study, cohort, worker, attempt],
            )?;
            results.iter().try_for_each(|result| insert_run(sink, *study, *attempt, worker, result))
        }
        // Changes of studies: written by [`write`].
        _ => Ok(()),
    }
}

fn note_failure<'a>(
    sink: &mut dyn Sink<'a>,
    study: StudyId,
    cohort: CohortId,
    failure: &'a FailedAttempt,
) -> Written {
    sink.execute(
        "UPDATE cohort SET error = ?3, failed_kind = ?4, failed_attempt = ?5, failed_worker = ?6, failed_unix_ms = ?7
         WHERE study = ?1 AND number = ?2",
        &values![
            study,
            cohort,
            &failure.message,
            failure.kind.word(),
            failure.attempt,
            &failure.worker,
            failure.unix_ms.cast_signed(),
        ],
    )
}

fn reopen_study<'a>(sink: &mut dyn Sink<'a>, study: StudyId, superseded: &[Superseded]) -> Written {
    sink.execute(
        "UPDATE study SET ended_as = NULL, ended_message = NULL, ended_unix_ms = NULL WHERE number = ?1",
        &values![study],
    )?;
    for Superseded { cohort, run, tested } in superseded {
        let state = if *tested { "superseded_tested" } else { "superseded" };
        sink.execute(
            "UPDATE cohort SET state = ?3 WHERE study = ?1 AND number = ?2",
            &values![study, cohort, state],
        )?;
        for sql in [
            "DELETE FROM measurement WHERE study = ?1 AND trial = ?2 AND fold = ?3",
            "DELETE FROM run WHERE study = ?1 AND trial = ?2 AND fold = ?3",
        ] {
            sink.execute(sql, &values![study, run.trial, run.fold])?;
        }
    }
    Ok(())
}

fn insert_study<'a>(sink: &mut dyn Sink<'a>, study: StudyId, record: &'a StudyRecord) -> Written {
    sink.execute("UPDATE last_study SET number = ?1 WHERE number < ?1", &values![study])?;
    sink.execute(
        "INSERT INTO study (number, request_id, spec_text, spec, rows, sizes, data_digest, folds_digest,
                            created_unix_ms, priority, profile)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &values![
            study,
            &record.request_id,
            &record.spec_text,
            &record.spec_json,
            json(&record.rows),
            json(&record.sizes),
            &record.data_digest,
            &record.folds_digest,
            record.created_unix_ms.cast_signed(),
            record.spec.priority,
            record.profile.as_ref().map(|profile| profile.to_json()),
        ],
    )
}

fn insert_cohort<'a>(
    sink: &mut dyn Sink<'a>,
    study: StudyId,
    number: CohortId,
    stage: Stage,
    runs: &[RunId],
    [attempt, failures]: [u32; 2],
) -> Written {
    let (final_epochs, outer_fold) = match stage {
        Stage::Search => (None, None),
        Stage::Final { epochs } => (Some(epochs), None),
        Stage::Outer { fold, epochs } => (Some(epochs), Some(fold)),
    };
    let runs: Vec<[u32; 2]> = runs.iter().map(|run| [run.trial, run.fold]).collect();
    sink.execute(
        "INSERT INTO cohort (study, number, runs, final_epochs, outer_fold, state, attempt, failures)
         VALUES (?1, ?2, ?3, ?4, ?5, 'ready', ?6, ?7)",
        &values![study, number, json(&runs), final_epochs, outer_fold, attempt, failures],
    )
}

fn insert_run<'a>(
    sink: &mut dyn Sink<'a>,
    study: StudyId,
    attempt: u32,
    worker: &'a str,
    result: &'a MemberResult,
) -> Written {
    sink.execute(
        "INSERT INTO run (study, trial, fold, attempt, worker, outcome, weights_digest, device_model, software)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        &values![
            study,
            result.run.trial,
            result.run.fold,
            attempt,
            worker,
            json(&result.outcome),
            result.weights_digest.as_ref(),
            &result.device_model,
            &result.software,
        ],
    )?;
    let Some(kept) = &result.measurements else { return Ok(()) };
    sink.execute(
        "INSERT INTO measurement (study, trial, fold, measurements, snapshots_digest) VALUES (?1, ?2, ?3, ?4, ?5)",
        &values![study, result.run.trial, result.run.fold, kept.json.as_str(), kept.snapshots.as_ref()],
    )
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("our own types have text keys and nothing that fails")
}
