//! What lies in a bucket for nothing goes: files that were put there and never named, before a crash between.

use std::time::Duration;

use super::Artifacts;
use crate::blocking;
use crate::committer::Desk;

/// A younger file may be one whose upload has ended and whose naming is on its way; it is for the next sweep. Above what clocks
/// may differ by.
const AGE_MIN: Duration = Duration::from_secs(60 * 60);
/// Files that the ledger is asked about at a time, so that it keeps nobody waiting.
const ASKED_AT_A_TIME: usize = 1_000;

/// Removes from a bucket every file that no study needs. What is needed is asked where the ledger changes, so that nothing
/// comes between. Files in a folder were looked through at the start.
pub(crate) async fn sweep(artifacts: Artifacts, desk: Desk) {
    let Some(remote) = artifacts.bucket.clone() else { return };
    let old = match blocking::run(|| remote.bucket.older_than(AGE_MIN)) {
        Ok(old) => old,
        Err(error) => {
            tracing::warn!(%error, "the bucket could not be looked through for needless files");
            return;
        }
    };
    for names in old.chunks(ASKED_AT_A_TIME) {
        let (names, artifacts) = (names.to_vec(), artifacts.clone());
        let asked = desk.read(move |ledger, _| {
            // Without any study the database may be another than was meant.
            let names = names.iter().filter(|_| !ledger.studies().is_empty());
            names.filter(|name| !ledger.needs(name)).for_each(|name| artifacts.remove(name));
        });
        if asked.await.is_err() {
            return;
        }
    }
}
