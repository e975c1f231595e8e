//! From a lease to a trained cohort.

use foldwise_proto::v1::trainer_event::Event;
use foldwise_proto::v1::{self as proto, FailureKind};
use foldwise_study::seed;
use foldwise_study::spec::Spec;
use foldwise_study::split::{Fold, Validation};
use foldwise_study::trials::Trial;

use super::dataset::{Datasets, Held};
use super::study::{Studies, Study};
use super::teller::Teller;
use super::{StopSignal, TrainerConfig, outcome};
use crate::trainer::{Checkpoint, Cohort, Member, TrainError, train as train_cohort};

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
    order: &proto::Train,
    studies: &mut Studies,
    datasets: &mut Datasets,
    config: &TrainerConfig,
    stop: &StopSignal,
    tell: &mut dyn FnMut(Event),
) -> Event {
    let trained = match &order.lease {
        Some(lease) => try_train(lease, &order.checkpoint_path, studies, datasets, config, stop, tell),
        None => Err(Failed::new(FailureKind::Training, "an order without a lease".to_owned())),
    };
    match trained {
        Ok(Some(done)) => Event::Done(done),
        Ok(None) => Event::Stopped(proto::Stopped {}),
        Err(Failed { kind, message }) => Event::Failed(proto::CohortFailed { kind: kind.into(), message }),
    }
}

fn try_train(
    lease: &proto::Lease,
    checkpoint_path: &str,
    studies: &mut Studies,
    datasets: &mut Datasets,
    config: &TrainerConfig,
    stop: &StopSignal,
    tell: &mut dyn FnMut(Event),
) -> Result<Option<proto::CohortDone>, Failed> {
    let study = studies.get(lease, datasets)?;
    let spec = &study.spec;
    let held = datasets.get(&spec.data, &lease.data_digest, spec.may_augment())?;
    let cohort = cohort(lease, study, held)?;
    let interval = spec.limits.checkpoint_interval();
    let mut teller = Teller::new(lease, stop, tell, &config.scratch, interval, held.load);
    let from = checkpoint(checkpoint_path);
    let mut trained = train_cohort(&held.data, &cohort, from.as_ref(), &mut teller);
    if let Err(TrainError::Checkpoint(error)) = &trained {
        eprintln!("warning: the checkpoint is of no use, beginning anew: {error}");
        trained = train_cohort(&held.data, &cohort, None, &mut teller);
    }
    match trained {
        Ok(outcomes) => outcome::done(lease, &outcomes, config).map(Some),
        Err(TrainError::Stopped) => Ok(None),
        Err(error) => Err(Failed::of_training(&error)),
    }
}

/// The checkpoint in a file. One that cannot be read is no reason to fail: the cohort begins anew.
fn checkpoint(path: &str) -> Option<Checkpoint> {
    if path.is_empty() {
        return None;
    }
    let read = std::fs::read(path).map_err(|error| error.to_string());
    match read.and_then(|bytes| Checkpoint::from_bytes(&bytes).map_err(|error| error.to_string())) {
        Ok(checkpoint) => Some(checkpoint),
        Err(error) => {
            eprintln!("warning: the checkpoint {path} cannot be read, beginning anew: {error}");
            None
        }
    }
}

fn cohort(lease: &proto::Lease, study: &Study, held: &Held) -> Result<Cohort, Failed> {
    let training = |message: String| Failed::new(FailureKind::Training, message);
    let Study { spec, trials, folds, folds_digest, .. } = study;
    if *folds_digest != lease.folds_digest {
        let message = format!(
            "this worker's folds differ from the study's ({folds_digest}, not {})",
            lease.folds_digest
        );
        return Err(training(message));
    }
    let final_fold = match &lease.final_stage {
        Some(_) => Some(final_fold(spec, held, folds)?),
        None => None,
    };
    let members = lease.runs.iter().map(|run| {
        let trial = trials.trial(run.trial as usize);
        let trial = trial.ok_or_else(|| training(format!("the study has no trial {}", run.trial)))?;
        let fold = final_fold.as_ref().or_else(|| folds.get(run.fold as usize));
        let fold = fold.ok_or_else(|| training(format!("the study has no fold {}", run.fold)))?;
        // A run that is repeated has the random numbers of its fold, any other final run those of a fold of its own.
        let repeated = final_fold.as_ref().and(spec.final_stage.repeat.as_ref());
        let number = repeated.map_or(run.fold, |repeat| repeat.fold);
        Ok(member(spec, trial, number, fold, lease.final_stage.as_ref()))
    });
    let is_final = lease.final_stage.is_some();
    Ok(Cohort {
        members: members.collect::<Result<_, Failed>>()?,
        selection: spec.selection.rule(held.rows.classes.is_some()),
        test: is_final && held.rows.test_rows.is_some(),
        keep_weights: is_final,
        measure: spec.measure.clone(),
    })
}

/// The split of the final stage: all rows, all but those held out, or one of the search's folds.
fn final_fold(spec: &Spec, held: &Held, folds: &[Fold]) -> Result<Fold, Failed> {
    if let Some(repeat) = &spec.final_stage.repeat {
        let fold = folds.get(repeat.fold as usize).cloned();
        let missing = || Failed::new(FailureKind::Training, format!("the study has no fold {}", repeat.fold));
        return fold.ok_or_else(missing);
    }
    let Some(hold_out) = &spec.final_stage.hold_out else {
        let rows = u32::try_from(held.rows.train_rows).unwrap_or(u32::MAX);
        return Ok(Fold { train: (0..rows).collect(), validation: Vec::new() });
    };
    let folds = Validation::HoldOut(hold_out.split()).folds(&held.split_rows());
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
