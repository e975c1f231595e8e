//! From a cohort under way to a checkpoint, and back.

use tch::{Tensor, no_grad};

use super::TrainError;
use super::checkpoint::{Checkpoint, CheckpointError, Numbers};
use super::module::{Module, ModuleState};
use super::progress::Progress;
use super::run::Run;
use super::selected::Selected;

impl Run<'_> {
    /// Everything that going on needs after epoch `epoch`.
    pub(super) fn checkpoint(&self, epoch: u32) -> Result<Checkpoint, TrainError> {
        let (model, optimizer) = (&self.learner.model, &self.learner.optimizer);
        let selected = |selected: &Selected| -> Result<_, TrainError> {
            Ok((numbers(&selected.values)?, all(&selected.running)?))
        };
        Ok(Checkpoint {
            numbers: Numbers {
                fingerprint: self.fingerprint.clone(),
                epoch,
                steps: self.learner.steps,
                optimizer_steps: optimizer.steps(),
                seconds: self.clock.seconds(),
                slots: self.progress.iter().map(Progress::state).collect(),
            },
            values: numbers(model.parameters.values())?,
            optimizer: all(optimizer.state())?,
            running: all(model.running())?,
            selected: self.selected.as_ref().map(selected).transpose()?,
            module: model.module().map(Module::state).transpose().map_err(not_kept)?,
            selected_module: self.selected_module().map_err(not_kept)?,
            recorded: self.recorder.recorded()?,
        })
    }

    /// Goes on from a checkpoint.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] when it is of another cohort or does not fit this one; then this run is not to be
    /// used any more.
    pub(super) fn resume(&mut self, from: &Checkpoint) -> Result<(), TrainError> {
        let numbers = &from.numbers;
        if numbers.fingerprint != self.fingerprint {
            return Err(CheckpointError::OtherCohort.into());
        }
        self.check_counts(numbers)?;
        let (model, optimizer) = (&self.learner.model, &self.learner.optimizer);
        put(model.parameters.values(), &from.values, "weights")?;
        put_all(&optimizer.state().iter().collect::<Vec<_>>(), &from.optimizer, "optimizer's numbers")?;
        put_all(&model.running(), &from.running, "statistics of batch norm")?;
        match (&self.selected, &from.selected) {
            (Some(selected), Some((values, running))) => {
                put(&selected.values, values, "selected weights")?;
                let into: Vec<&Tensor> = selected.running.iter().collect();
                put_all(&into, running, "selected statistics of batch norm")?;
            }
            (None, None) => {}
            (into, from) => {
                let (found, needed) = (usize::from(from.is_some()), usize::from(into.is_some()));
                return Err(CheckpointError::Size { what: "sets of selected weights", found, needed }.into());
            }
        }
        self.resume_module(from)?;
        self.recorder.resume(&from.recorded)?;
        self.learner.optimizer.resume(numbers.optimizer_steps);
        self.learner.steps = numbers.steps;
        for (progress, state) in self.progress.iter_mut().zip(&numbers.slots) {
            progress.resume(state);
        }
        self.clock.resume(numbers.seconds);
        self.done = numbers.epoch;
        Ok(())
    }

    /// What a module held in its best epoch.
    fn selected_module(&self) -> Result<Option<ModuleState>, TrainError> {
        let saved = self.selected.as_ref().and_then(|selected| selected.module.as_ref());
        saved.map(|saved| Module::state_of(saved)).transpose()
    }

    /// A module takes up what it held, with the numbers that were put in place before.
    fn resume_module(&mut self, from: &Checkpoint) -> Result<(), TrainError> {
        let model = &mut self.learner.model;
        let (Some(module), Some(state)) = (model.module(), &from.module) else {
            return match (model.module(), &from.module, &from.selected_module) {
                (None, None, None) => Ok(()),
                _ => {
                    Err(CheckpointError::Contents("it is of a module, or is to be, and is not".to_owned())
                        .into())
                }
            };
        };
        let saved = module.saved_with(state).map_err(of_no_use)?;
        let selected = from.selected_module.as_ref().map(|state| module.saved_with(state)).transpose();
        let selected = selected.map_err(of_no_use)?;
        model.restore_module(&saved).map_err(of_no_use)?;
        // Where the last epoch counts, nothing is kept before it.
        let best = from.numbers.slots.iter().any(|slot| slot.best.is_some());
        let needed = self.selected.is_some() && self.selects() && best;
        if needed != selected.is_some() {
            let reason = "it does not hold the module of its best epoch, or of none".to_owned();
            return Err(CheckpointError::Contents(reason).into());
        }
        if let Some(into) = &mut self.selected {
            into.module = selected;
        }
        Ok(())
    }

    /// Epochs, steps and slots are those of this cohort, and an epoch is left to be trained.
    fn check_counts(&self, numbers: &Numbers) -> Result<(), CheckpointError> {
        let first = &self.cohort.members[0];
        if numbers.epoch >= first.train.epochs {
            let reason = format!("it has {} epochs of {}", numbers.epoch, first.train.epochs);
            return Err(CheckpointError::Contents(reason));
        }
        let steps = u64::from(numbers.epoch) * first.train.steps(first.train_rows.len()) as u64;
        if numbers.steps != steps || i64::from(numbers.optimizer_steps) != steps.cast_signed() {
            let Numbers { epoch, steps, optimizer_steps, .. } = numbers;
            let reason = format!("it has {steps} and {optimizer_steps} steps after {epoch} epochs");
            return Err(CheckpointError::Contents(reason));
        }
        let (found, needed) = (numbers.slots.len(), self.progress.len());
        if found != needed {
            return Err(CheckpointError::Size { what: "members", found, needed });
        }
        let mut slots = self.progress.iter().zip(&numbers.slots);
        if slots.any(|(progress, state)| progress.member != state.member) {
            return Err(CheckpointError::Contents("its members are in another order".to_owned()));
        }
        Ok(())
    }
}

/// A checkpoint that cannot be taken harms nothing.
fn not_kept(error: TrainError) -> TrainError {
    match error {
        TrainError::OutOfMemory(_) | TrainError::Checkpoint(_) => error,
        other => CheckpointError::NotKept(other.into()).into(),
    }
}

/// Nor does one that a module cannot take up.
fn of_no_use(error: TrainError) -> TrainError {
    match error {
        TrainError::OutOfMemory(_) | TrainError::Checkpoint(_) => error,
        other => CheckpointError::Contents(format!("its module cannot be taken up: {other}")).into(),
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>, TrainError> {
    Ok(Vec::try_from(tensor)?)
}

fn all<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Result<Vec<Vec<f32>>, TrainError> {
    tensors.into_iter().map(numbers).collect()
}

/// Overwrites a flat tensor.
fn put(into: &Tensor, numbers: &[f32], what: &'static str) -> Result<(), TrainError> {
    if into.numel() != numbers.len() {
        return Err(CheckpointError::Size { what, found: numbers.len(), needed: into.numel() }.into());
    }
    let numbers = Tensor::f_from_slice(numbers)?;
    no_grad(|| into.shallow_clone().f_copy_(&numbers))?;
    Ok(())
}

fn put_all(into: &[&Tensor], all: &[Vec<f32>], what: &'static str) -> Result<(), TrainError> {
    if into.len() != all.len() {
        return Err(CheckpointError::Size { what, found: all.len(), needed: into.len() }.into());
    }
    into.iter().zip(all).try_for_each(|(into, numbers)| put(into, numbers, what))
}
