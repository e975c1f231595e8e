//! Copies of weights for a report, read from their kept files.

use foldwise_report::input::{RunInput, SnapshotInput};
use foldwise_study::outcome::SnapshotFile;
use foldwise_study::plan::RunId;

use crate::artifacts::Artifacts;
use crate::snapshots::{Copies, STUDY_BYTES_MAX};

/// The copies that the runs' measurements name. A report is worth having without them: a file that is missing or damaged is
/// left out, with a line in the log.
pub(super) fn copies(runs: &[RunInput], artifacts: &Artifacts) -> Vec<SnapshotInput> {
    let mut all = Vec::new();
    let mut room = STUDY_BYTES_MAX;
    for input in runs {
        let measured = input.outcome.as_ref().and_then(|outcome| outcome.measurements.as_ref());
        let Some(file) = measured.and_then(|measured| measured.snapshots.as_ref()) else { continue };
        match read(input.run, file, artifacts, &mut room) {
            Ok(copies) => all.extend(copies),
            Err(reason) => {
                let RunId { trial, fold } = input.run;
                tracing::warn!(trial, fold, digest = file.digest, reason, "copies of weights are left out");
            }
        }
    }
    all
}

fn read(
    run: RunId,
    file: &SnapshotFile,
    artifacts: &Artifacts,
    room: &mut u64,
) -> Result<Vec<SnapshotInput>, String> {
    let (kept, bytes) = artifacts.open_whole(&file.digest).map_err(|error| error.to_string())?;
    let left = room.checked_sub(bytes);
    let left =
        left.ok_or_else(|| format!("a report is made from {STUDY_BYTES_MAX} bytes of copies at most"))?;
    let mut copies = Copies::open(kept, bytes).map_err(|error| error.to_string())?;
    if copies.epochs != file.epochs.len() as u64 {
        return Err(format!("the file has {} copies, not {}", copies.epochs, file.epochs.len()));
    }
    let copy = |&epoch: &u32| Ok(SnapshotInput { run, epoch, weights: copies.next()? });
    let read: Result<Vec<_>, std::io::Error> = file.epochs.iter().map(copy).collect();
    *room = left;
    read.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use foldwise_report::RunState;
    use foldwise_study::outcome::{Measurements, RunEnd, RunOutcome};

    use super::{Artifacts, RunId, RunInput, SnapshotFile, copies};
    use crate::snapshots::file;

    fn keep(artifacts: &Artifacts, bytes: &[u8]) -> String {
        let digest = blake3::hash(bytes).to_hex().to_string();
        let mut incoming = artifacts.receive(&digest).expect("starts");
        incoming.write(bytes).expect("writes");
        incoming.keep().expect("keeps");
        digest
    }

    fn run(fold: u32, digest: String, epochs: Vec<u32>) -> RunInput {
        let snapshots = Some(SnapshotFile { digest, epochs, weights: 2 });
        let measurements = Some(Box::new(Measurements { snapshots, ..Measurements::default() }));
        let outcome =
            RunOutcome { end: RunEnd::Finished, epochs: Vec::new(), seconds: 1.0, test: None, measurements };
        RunInput {
            run: RunId { trial: 0, fold },
            state: RunState::Finished,
            attempts: 1,
            worker: None,
            error: None,
            outcome: Some(outcome),
        }
    }

    #[test]
    fn what_is_there_is_read_and_what_is_missing_or_damaged_is_left_out() {
        let folder = tempfile::tempdir().expect("folder");
        let artifacts = Artifacts::open(folder.path()).expect("opens");
        let good = keep(&artifacts, &file(&[&[1.0, 2.0], &[3.0, 4.0]]));
        let cut = keep(&artifacts, &file(&[&[5.0, 6.0]]));
        std::fs::write(folder.path().join(&cut), b"short").expect("damages");
        let runs = [
            run(0, "f".repeat(64), vec![1]),
            run(1, cut, vec![1]),
            run(2, good.clone(), vec![1]),
            run(3, good, vec![0, 4]),
        ];
        let read = copies(&runs, &artifacts);
        let read: Vec<_> =
            read.iter().map(|copy| (copy.run.fold, copy.epoch, copy.weights.clone())).collect();
        assert_eq!(read, [(3, 0, vec![1.0, 2.0]), (3, 4, vec![3.0, 4.0])]);
    }
}
