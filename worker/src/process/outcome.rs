//! From trained members to messages, and what is large to files.

use std::borrow::Cow;
use std::io::{self, Write};

use foldwise_proto::v1::{self as proto};
use foldwise_study::outcome::{EpochRecord, Measurements, Predictions, RunEnd};

use super::TrainerConfig;
use super::files::Files;
use super::job::Failed;
use crate::trainer::MemberOutcome;

pub(super) fn epoch(record: &EpochRecord) -> proto::Epoch {
    proto::Epoch {
        epoch: record.epoch,
        train_loss: record.train_loss,
        train_accuracy: record.train_accuracy,
        val_loss: record.val_loss,
        val_accuracy: record.val_accuracy,
        lr: record.lr,
    }
}

/// One outcome per member. Weights, measurements and copies of weights go to files that the agent uploads.
pub(super) fn done(
    lease: &proto::Lease,
    members: &[MemberOutcome],
    config: &TrainerConfig,
) -> Result<proto::CohortDone, Failed> {
    let process = std::process::id();
    let mut files = Files::new(&config.scratch);
    let mut done = proto::CohortDone::default();
    for ((member, run), number) in members.iter().zip(&lease.runs).zip(0_usize..) {
        if let Some(weights) = &member.weights {
            let bytes = match &weights.module {
                Some(module) => Cow::Borrowed(module),
                None => Cow::Owned(weights.to_safetensors().map_err(|error| Failed::of_training(&error))?),
            };
            let name = format!("weights-{process}.safetensors");
            done.weights_path = files.write(&name, |out| out.write_all(&bytes))?;
        }
        if let Some(bytes) = &member.snapshots {
            let name = format!("snapshots-{process}-{number}.safetensors");
            done.snapshot_paths.push(files.write(&name, |out| out.write_all(bytes))?);
        }
        done.outcomes.push(outcome(*run, member));
    }
    if members.iter().any(|member| member.outcome.measurements.is_some()) {
        let name = format!("measurements-{process}.jsonl");
        done.measurements_path = files.write(&name, |out| write_measurements(members, out))?;
    }
    files.hand_over();
    Ok(done)
}

/// One line per member, empty where it measured nothing.
fn write_measurements(members: &[MemberOutcome], out: &mut dyn Write) -> io::Result<()> {
    for member in members {
        if let Some(measured) = &member.outcome.measurements {
            serde_json::to_writer(&mut *out, &finite(measured))?;
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Without predictions that are not all finite numbers, as weights on the verge of divergence may give: JSON has no others,
/// and the run's result does not depend on them.
fn finite(measured: &Measurements) -> Cow<'_, Measurements> {
    let is_finite = |predictions: &Predictions| {
        let numbers = predictions.numbers.as_ref().is_none_or(|numbers| {
            let errors = numbers.mean_absolute_error.iter().chain(&numbers.mean_squared_error);
            let points = numbers.points.iter().flat_map(|point| point.target.iter().chain(&point.predicted));
            errors.copied().all(f64::is_finite) && points.copied().all(f32::is_finite)
        });
        predictions.loss.is_finite() && numbers
    };
    if measured.predictions.iter().all(is_finite) {
        return Cow::Borrowed(measured);
    }
    eprintln!("warning: predictions that are not finite are left out of what was measured");
    let mut measured = measured.clone();
    measured.predictions.retain(is_finite);
    Cow::Owned(measured)
}

fn outcome(run: proto::RunId, member: &MemberOutcome) -> proto::Outcome {
    let outcome = &member.outcome;
    proto::Outcome {
        trial: run.trial,
        fold: run.fold,
        epochs: outcome.epochs.iter().map(epoch).collect(),
        diverged_epoch: match outcome.end {
            RunEnd::Finished => 0,
            RunEnd::Diverged(epoch) => epoch,
        },
        seconds: outcome.seconds,
        test: outcome.test.map(|test| proto::TestResult { loss: test.loss, accuracy: test.accuracy }),
        weights_digest: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use foldwise_study::measure::Part;
    use foldwise_study::outcome::{Measurements, Predictions, RunEnd, RunOutcome};
    use foldwise_study::spec::DeviceKind;

    use super::{MemberOutcome, TrainerConfig, done, proto};

    fn member(measurements: Option<Measurements>, snapshots: Option<&[u8]>) -> MemberOutcome {
        let measurements = measurements.map(Box::new);
        let outcome =
            RunOutcome { end: RunEnd::Finished, epochs: Vec::new(), seconds: 1.0, test: None, measurements };
        MemberOutcome { outcome, best_epoch: None, weights: None, snapshots: snapshots.map(<[u8]>::to_vec) }
    }

    fn config(scratch: PathBuf) -> TrainerConfig {
        TrainerConfig { device: DeviceKind::Cpu, ordinal: 0, threads: 1, scratch, commands: None }
    }

    fn lease(runs: u32) -> proto::Lease {
        let runs = (0..runs).map(|fold| proto::RunId { trial: 0, fold }).collect();
        proto::Lease { runs, ..proto::Lease::default() }
    }

    #[test]
    fn what_was_measured_goes_to_a_file_of_one_line_per_run_and_copies_to_one_each() {
        let scratch = tempfile::tempdir().expect("folder");
        let config = config(scratch.path().to_owned());
        let prediction = |part, loss| Predictions {
            part,
            epoch: 1,
            rows: 1,
            loss,
            accuracy: None,
            classes: None,
            numbers: None,
        };
        let predictions = vec![prediction(Part::Train, 0.5), prediction(Part::Validation, f64::NAN)];
        let measured = Measurements { layers: vec!["0".to_owned()], predictions, ..Measurements::default() };
        let members = [
            member(Some(measured), Some(b"one")),
            member(None, None),
            member(Some(Measurements::default()), Some(b"two")),
        ];
        let done = done(&lease(3), &members, &config).expect("writes");
        let text = std::fs::read_to_string(&done.measurements_path).expect("is there");
        let lines: Vec<&str> = text.split('\n').collect();
        assert_eq!((lines.len(), lines[1], lines[2], lines[3]), (4, "", "{}", ""));
        let first: Measurements = serde_json::from_str(lines[0]).expect("can be read");
        assert_eq!(first.predictions.len(), 1, "what is not finite is left out");
        let files: Vec<Vec<u8>> =
            done.snapshot_paths.iter().map(|path| std::fs::read(path).expect("is there")).collect();
        assert_eq!(files, [b"one", b"two"]);
        assert_eq!(done.outcomes.len(), 3);
    }

    #[test]
    fn without_measurements_there_is_no_file() {
        let scratch = tempfile::tempdir().expect("folder");
        let config = config(scratch.path().to_owned());
        let done = done(&lease(1), &[member(None, None)], &config).expect("writes");
        assert!(done.measurements_path.is_empty() && done.snapshot_paths.is_empty());
        assert_eq!(std::fs::read_dir(scratch.path()).expect("lists").count(), 0);
    }
}
