//! From a lease to a trained cohort.

use foldwise_proto::v1::trainer_event::Event;
use foldwise_proto::v1::{self as proto, FailureKind};
use foldwise_study::measure::MeasureSpec;
use foldwise_study::network::ModuleSpec;
use foldwise_study::seed;
use foldwise_study::spec::Spec;
use foldwise_study::split::Fold;
use foldwise_study::trials::{Described, Method, Trial};

use super::dataset::{Datasets, Held};
use super::last::Last;
use super::own::Commands;
use super::study::{Studies, Study};
use super::teller::Teller;
use super::{StopSignal, TrainerConfig, outcome};
use crate::command::resolve_file;
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

    /// The same with what a command printed last.
    pub(super) fn with_printed(mut self, printed: &str) -> Self {
        if !printed.is_empty() {
            self.message = format!("{}; the last of what it printed:\n{printed}", self.message);
        }
        self
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
    (studies, datasets, commands): (&mut Studies, &mut Datasets, &mut Commands),
    (config, stop): (&TrainerConfig, &StopSignal),
    tell: &mut dyn FnMut(Event),
) -> Event {
    let trained = match &order.lease {
        Some(lease) => studies.get(lease, datasets).and_then(|study| match study.spec.command {
            Some(_) => commands.train(order, lease, study, datasets, (config, stop), tell),
            None => try_train(lease, &order.checkpoint_path, study, datasets, config, stop, tell),
        }),
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
    study: &Study,
    datasets: &mut Datasets,
    config: &TrainerConfig,
    stop: &StopSignal,
    tell: &mut dyn FnMut(Event),
) -> Result<Option<proto::CohortDone>, Failed> {
    let spec = &study.spec;
    let held = datasets.get(&spec.data, &lease.data_digest, spec.may_augment())?;
    let cohort = cohort(lease, study, held, config)?;
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

fn cohort(
    lease: &proto::Lease,
    study: &Study,
    held: &Held,
    config: &TrainerConfig,
) -> Result<Cohort, Failed> {
    let training = |message: String| Failed::new(FailureKind::Training, message);
    let Study { spec, trials, folds, .. } = study;
    let rows = &held.outline.rows;
    check_folds(lease, study)?;
    let last = lease.final_stage.as_ref().map(|stage| Last::new(stage, study, &held.outline)).transpose()?;
    let choosing = u32::try_from(spec.validation.choosing_count()).unwrap_or(u32::MAX);
    let members = lease.runs.iter().map(|run| {
        let trial = trials.trial(run.trial as usize);
        let trial = trial.ok_or_else(|| training(format!("the study has no trial {}", run.trial)))?;
        let fold = last.as_ref().map(|last| &last.fold).or_else(|| folds.get(run.fold as usize));
        let fold = fold.ok_or_else(|| training(format!("the study has no fold {}", run.fold)))?;
        let number = fold_number(study, last.as_ref(), *run);
        let epochs = last.as_ref().map(|last| last.epochs);
        let mut member = member(spec, trial, number, fold, epochs)?;
        if let Some(module) = &mut member.network.module {
            find_module(module, config)?;
        }
        Ok(member)
    });
    let members = members.collect::<Result<_, Failed>>()?;
    // Within outer folds nothing is measured: what counts there is the score alone.
    let measured = match &last {
        Some(last) => last.is_final,
        None => lease.runs.iter().any(|run| run.fold < choosing),
    };
    Ok(Cohort {
        members,
        selection: spec.selection.rule(rows.classes.is_some()),
        keep_weights: last.as_ref().is_some_and(|last| last.is_final),
        test: last.map(|last| last.test).unwrap_or_default(),
        measure: if measured { spec.measure.clone() } else { MeasureSpec::default() },
    })
}

/// Puts the path of a module's file on this machine in its place.
fn find_module(module: &mut ModuleSpec, config: &TrainerConfig) -> Result<(), Failed> {
    let training = |message: String| Failed::new(FailureKind::Training, message);
    let rules = config.commands.as_ref().ok_or_else(|| {
        training("this worker allows no code of studies: start it with --allow-commands FOLDER".to_owned())
    })?;
    let path = resolve_file(&module.file, module.sha256.as_deref(), &rules.folder);
    module.file = path.map_err(|error| training(error.to_string()))?.display().to_string();
    Ok(())
}

/// Refuses a study whose folds are others here.
pub(super) fn check_folds(lease: &proto::Lease, study: &Study) -> Result<(), Failed> {
    let (here, there) = (&study.folds_digest, &lease.folds_digest);
    if here == there {
        return Ok(());
    }
    let message = format!("this worker's folds differ from the study's ({here}, not {there})");
    Err(Failed::new(FailureKind::Training, message))
}

/// The number that a run's random streams go by.
pub(super) fn fold_number(study: &Study, last: Option<&Last>, run: proto::RunId) -> u32 {
    let choosing = u32::try_from(study.spec.validation.choosing_count()).unwrap_or(u32::MAX);
    match last {
        Some(Last { repeats: Some(repeated), .. }) => stream(*repeated, choosing),
        Some(Last { is_final: true, .. }) => choosing,
        Some(_) => run.fold,
        None => stream(run.fold, choosing),
    }
}

/// The number that a fold's random streams go by. The final stage has that of the fold after those that choose the winner,
/// so that outer folds change nothing of it, and what lies within them comes after.
fn stream(fold: u32, choosing: u32) -> u32 {
    if fold < choosing { fold } else { fold.saturating_add(1) }
}

fn member(
    spec: &Spec,
    trial: Trial,
    fold_number: u32,
    fold: &Fold,
    epochs: Option<u32>,
) -> Result<Member, Failed> {
    let (index, Method::Described(described)) = (trial.index, trial.method) else {
        return Err(Failed::new(FailureKind::Training, "the trial has no network".to_owned()));
    };
    let Described { network, mut train, loss } = *described;
    train.loss = Some(loss);
    if let Some(epochs) = epochs {
        train.epochs = epochs;
    }
    let own_trial = u32::try_from(index).ok().filter(|_| !train.common_random_numbers);
    Ok(Member {
        network,
        source: seed::Source { study: spec.seed, train: train.seed, trial: own_trial, fold: fold_number },
        train,
        train_rows: fold.train.clone(),
        validation_rows: fold.validation.clone(),
    })
}
