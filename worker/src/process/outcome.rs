//! From trained members to messages, and the final weights to a file.

use foldwise_proto::v1::{self as proto, FailureKind};
use foldwise_study::outcome::{EpochRecord, RunEnd};

use super::TrainerConfig;
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

/// One outcome per member; weights, where there are some, go to a file that the agent uploads.
pub(super) fn done(
    lease: &proto::Lease,
    members: Vec<MemberOutcome>,
    config: &TrainerConfig,
) -> Result<proto::CohortDone, Failed> {
    let mut weights_path = String::new();
    let mut outcomes = Vec::with_capacity(members.len());
    for (member, run) in members.into_iter().zip(&lease.runs) {
        if let Some(weights) = &member.weights {
            let bytes = weights.to_safetensors().map_err(|error| Failed::of_training(&error))?;
            let path = config.scratch.join(format!("weights-{}.safetensors", std::process::id()));
            std::fs::write(&path, bytes).map_err(|error| {
                let message = format!("cannot write the weights to {}: {error}", path.display());
                Failed::new(FailureKind::Training, message)
            })?;
            weights_path = path.display().to_string();
        }
        outcomes.push(outcome(*run, &member));
    }
    Ok(proto::CohortDone { outcomes, weights_path })
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
