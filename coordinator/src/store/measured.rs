//! What runs measured: read with their results for a report, and the files that it names for the ledger.

use std::path::Path;

use foldwise_study::plan::RunId;
use rusqlite::Connection;

use super::read::{get, parse};
use super::{StoreError, StoredRun, explain};
use crate::ledger::{SnapshotsRow, StudyId};

/// The kept files of copies of weights. What was measured beside them is not read.
pub(super) fn snapshots(
    connection: &Connection,
    folder: &Path,
    study: StudyId,
) -> Result<Vec<SnapshotsRow>, StoreError> {
    let failed = |source| explain(folder, source);
    let sql = "SELECT trial, fold, snapshots_digest FROM measurement
               WHERE study = ?1 AND snapshots_digest IS NOT NULL ORDER BY trial, fold";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query([study.cast_signed()]).map_err(failed)?;
    let mut snapshots = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let run = RunId { trial: get(folder, row, 0)?, fold: get(folder, row, 1)? };
        snapshots.push(SnapshotsRow { run, digest: get(folder, row, 2)? });
    }
    Ok(snapshots)
}

/// Adds what was measured to the results of a study, which are in order of trial and fold.
pub(super) fn fill(
    connection: &Connection,
    folder: &Path,
    study: StudyId,
    runs: &mut [StoredRun],
) -> Result<(), StoreError> {
    let failed = |source| explain(folder, source);
    let sql = "SELECT trial, fold, measurements FROM measurement WHERE study = ?1 ORDER BY trial, fold";
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let mut rows = statement.query([study.cast_signed()]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let run = RunId { trial: get(folder, row, 0)?, fold: get(folder, row, 1)? };
        let Ok(place) = runs.binary_search_by_key(&run, |stored| stored.run) else { continue };
        let measured = parse(folder, &get::<String>(folder, row, 2)?, || {
            format!("measurements of study {study}, trial {}, fold {}", run.trial, run.fold)
        })?;
        runs[place].outcome.measurements = Some(measured);
    }
    Ok(())
}
