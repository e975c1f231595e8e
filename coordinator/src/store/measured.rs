//! What runs measured: read with their results for a report, and the files that it names for the ledger.

use foldwise_study::plan::RunId;

use super::row::{Fields, Query, Source, query};
use super::{StoreError, StoredRun};
use crate::ledger::{SnapshotsRow, StudyId};

const SNAPSHOTS: Query = query!(
    ["trial", "fold", "snapshots_digest"],
    "FROM measurement WHERE study = ?1 AND snapshots_digest IS NOT NULL ORDER BY trial, fold"
);
const MEASURED: Query = Query {
    // They may have megabytes each.
    portion: 16,
    ..query!(["trial", "fold", "measurements"], "FROM measurement WHERE study = ?1 ORDER BY trial, fold")
};

/// The kept files of copies of weights. What was measured beside them is not read.
pub(super) fn snapshots(source: &dyn Source, study: StudyId) -> Result<Vec<SnapshotsRow>, StoreError> {
    let mut snapshots = Vec::new();
    let what = || format!("measurements of study {study}");
    source.each(SNAPSHOTS, &[study.cast_signed()], &mut |row| {
        let fields = Fields { row, place: source.place(), query: SNAPSHOTS, what: &what };
        let run = RunId { trial: fields.number("trial")?, fold: fields.number("fold")? };
        snapshots.push(SnapshotsRow { run, digest: fields.text("snapshots_digest")?.to_owned() });
        Ok(())
    })?;
    Ok(snapshots)
}

/// Adds what was measured to the results of a study, which are in order of trial and fold.
pub(super) fn fill(source: &dyn Source, study: StudyId, runs: &mut [StoredRun]) -> Result<(), StoreError> {
    let what = || format!("measurements of study {study}");
    source.each(MEASURED, &[study.cast_signed()], &mut |row| {
        let fields = Fields { row, place: source.place(), query: MEASURED, what: &what };
        let run = RunId { trial: fields.number("trial")?, fold: fields.number("fold")? };
        let Ok(place) = runs.binary_search_by_key(&run, |stored| stored.run) else { return Ok(()) };
        let what = || format!("measurements of study {study}, trial {}, fold {}", run.trial, run.fold);
        let measured = Fields { what: &what, ..fields }.json("measurements")?;
        runs[place].outcome.measurements = Some(measured);
        Ok(())
    })
}
