//! From a lease to a trained cohort.

use std::sync::atomic::{AtomicBool, Ordering};

use foldwise_proto::v1::trainer_event::Event;
use foldwise_proto::v1::{self as proto, FailureKind};
use foldwise_study::seed;
use foldwise_study::spec::Spec;
use foldwise_study::split::{Fold, HoldOut, Validation, digest};
use foldwise_study::trials::{Trial, Trials};

use super::dataset::{Datasets, Held};
use super::{TrainerConfig, outcome};
use crate::trainer::{
    AfterEpoch, Checkpoint, Cohort, EpochOfMember, Member, Observer, TrainError, train as train_cohort,
};

/// Why a cohort was not trained.
#[derive(Debug)]
pub(super) struct Failed {
    kind: FailureKind,
    message: String,
}

impl Failed {
    pub(super) fn new(kind: FailureKind, message: String) -> Self {
        Self { kind, message }
    }

    pub(super) fn of_training(error: &TrainError) -> Self {
        let kind = match error {
            TrainError::OutOfMemory(_) => FailureKind::OutOfMemory,
            _ => FailureKind::Training,
        };
        let mut message = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            message = format!("{message}: {inner}");
            source = inner.source();
        }
        Self { kind, message }
    }
}

/// Trains a lease's cohort and says how that went.
pub(super) fn train(
    lease: &proto::Lease,
    datasets: &mut Datasets,
    config: &TrainerConfig,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(proto::MemberEpoch),
) -> Event {
    match try_train(lease, datasets, config, stop, tell) {
        Ok(Some(done)) => Event::Done(done),
        Ok(None) => Event::Stopped(proto::Stopped {}),
        Err(Failed { kind, message }) => Event::Failed(proto::CohortFailed { kind: kind.into(), message }),
    }
}

fn try_train(
    lease: &proto::Lease,
    datasets: &mut Datasets,
    config: &TrainerConfig,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(proto::MemberEpoch),
) -> Result<Option<proto::CohortDone>, Failed> {
    let training = |message: String| Failed::new(FailureKind::Training, message);
    let spec = Spec::from_json(&lease.spec)
        .map_err(|error| training(format!("this worker does not understand the study's spec: {error}")))?;
    let held = datasets.get(&spec.data, &lease.data_digest)?;
    let trials = Trials::enumerate(&spec, &held.rows).map_err(|problems| {
        training(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })?;
    let cohort = cohort(lease, &spec, held, &trials)?;
    let mut observer = Teller { lease, stop, tell };
    match train_cohort(&held.data, &cohort, None, &mut observer) {
        Ok(outcomes) => outcome::done(lease, outcomes, config).map(Some),
        Err(TrainError::Stopped) => Ok(None),
        Err(error) => Err(Failed::of_training(&error)),
    }
}

/// Tells the agent of each epoch and looks at whether to stop.
struct Teller<'a> {
    lease: &'a proto::Lease,
    stop: &'a AtomicBool,
    tell: &'a mut dyn FnMut(proto::MemberEpoch),
}

impl Observer for Teller<'_> {
    fn epoch(&mut self, EpochOfMember { member, record }: EpochOfMember) {
        let run = Some(self.lease.runs[member]);
        (self.tell)(proto::MemberEpoch { run, epoch: Some(outcome::epoch(&record)) });
    }

    fn should_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn after_epoch(&mut self, _: u32) -> AfterEpoch {
        AfterEpoch::Continue
    }

    fn keep(&mut self, _: Checkpoint) -> Result<(), TrainError> {
        Ok(())
    }
}

fn cohort(lease: &proto::Lease, spec: &Spec, held: &Held, trials: &Trials) -> Result<Cohort, Failed> {
    let training = |message: String| Failed::new(FailureKind::Training, message);
    let folds = spec.validation.folds(&held.split_rows()).map_err(|error| training(error.to_string()))?;
    let here = digest(&folds);
    if here != lease.folds_digest {
        let message =
            format!("this worker's folds differ from the study's ({here}, not {})", lease.folds_digest);
        return Err(training(message));
    }
    let final_fold = match &lease.final_stage {
        Some(_) => Some(final_fold(spec, held)?),
        None => None,
    };
    let members = lease.runs.iter().map(|run| {
        let trial = trials.trial(run.trial as usize);
        let trial = trial.ok_or_else(|| training(format!("the study has no trial {}", run.trial)))?;
        let fold = final_fold.as_ref().or_else(|| folds.get(run.fold as usize));
        let fold = fold.ok_or_else(|| training(format!("the study has no fold {}", run.fold)))?;
        Ok(member(spec, trial, run.fold, fold, lease.final_stage.as_ref()))
    });
    let is_final = lease.final_stage.is_some();
    Ok(Cohort {
        members: members.collect::<Result<_, Failed>>()?,
        selection: spec.selection.rule(held.rows.classes.is_some()),
        test: is_final && held.rows.test_rows.is_some(),
        keep_weights: is_final,
    })
}

/// The split of the final stage: all rows, or all but those held out.
fn final_fold(spec: &Spec, held: &Held) -> Result<Fold, Failed> {
    let Some(hold_out) = &spec.final_stage.hold_out else {
        let rows = u32::try_from(held.rows.train_rows).unwrap_or(u32::MAX);
        return Ok(Fold { train: (0..rows).collect(), validation: Vec::new() });
    };
    let split =
        HoldOut { fraction: hold_out.fraction, stratified: false, shuffle: true, seed: hold_out.seed };
    let folds = Validation::HoldOut(split).folds(&held.split_rows());
    let folds = folds.map_err(|error| Failed::new(FailureKind::Training, error.to_string()))?;
    folds
        .into_iter()
        .next()
        .ok_or_else(|| Failed::new(FailureKind::Training, "the final hold-out split gave no rows".to_owned()))
}

fn member(
    spec: &Spec,
    trial: Trial,
    fold_number: u32,
    fold: &Fold,
    final_stage: Option<&proto::FinalStage>,
) -> Member {
    let mut train = trial.train;
    train.loss = Some(trial.loss);
    if let Some(stage) = final_stage {
        train.epochs = stage.epochs;
    }
    let own_trial = u32::try_from(trial.index).ok().filter(|_| !train.common_random_numbers);
    Member {
        network: trial.network,
        source: seed::Source { study: spec.seed, train: train.seed, trial: own_trial, fold: fold_number },
        train,
        train_rows: fold.train.clone(),
        validation_rows: fold.validation.clone(),
    }
}
