//! One step and one epoch of a cohort's training.

use foldwise_study::train::Pace;
use tch::{Tensor, no_grad};

use super::TrainError;
use super::chain::{Chain, Stepped};
use super::clip::{Clipping, squares};
use super::intake::Intake;
use super::loss::Objective;
use super::measure::Recorder;
use super::model::{Mode, Model};
use super::optimizer::Optimizer;
use super::tally::Tally;

/// Steps between two looks at whether to stop.
const STEPS_PER_LOOK: u64 = 16;

/// A model in training.
#[derive(Debug)]
pub(super) struct Learner {
    pub(super) model: Model,
    /// The model's steps written out, where they are.
    pub(super) chain: Option<Chain>,
    pub(super) optimizer: Optimizer,
    pub(super) objective: Objective,
    pub(super) clipping: Option<Clipping>,
    pub(super) batch_size: i64,
    /// Steps taken since the start of the run.
    pub(super) steps: u64,
}

/// What an epoch's steps are taken with, by their number in the epoch.
pub(super) struct Paces<'a> {
    /// Of each slot.
    pub(super) at: &'a dyn Fn(u64) -> Vec<Pace>,
    /// Whether steps differ.
    pub(super) vary: bool,
    pub(super) should_stop: &'a dyn Fn() -> bool,
}

impl Learner {
    /// One pass over the rows `index` (`[G, n]`), tallied as they were before each step.
    pub(super) fn epoch(
        &mut self,
        intake: &Intake<'_>,
        index: &Tensor,
        paces: &Paces<'_>,
        (tally, recorder): (&mut Tally, &mut Recorder),
    ) -> Result<(), TrainError> {
        let (streams, count) = (index.size()[0], index.size()[1]);
        tally.restart();
        let (mut start, mut step) = (0, 0);
        while start < count {
            if self.steps.is_multiple_of(STEPS_PER_LOOK) && (paces.should_stop)() {
                return Err(TrainError::Stopped);
            }
            if step == 0 || paces.vary {
                self.optimizer.set_paces((paces.at)(step));
            }
            let length = self.batch_size.min(count - start);
            let own = index.f_narrow(1, start, length)?.f_reshape([-1])?;
            self.step(intake, &own, streams, tally, recorder)?;
            start += length;
            step += 1;
        }
        Ok(())
    }

    /// One step on the rows `index` (`[G·B]`).
    fn step(
        &mut self,
        intake: &Intake<'_>,
        index: &Tensor,
        streams: i64,
        tally: &mut Tally,
        recorder: &mut Recorder,
    ) -> Result<(), TrainError> {
        let targets = intake.data().rows().targets(index)?;
        let inputs = intake.training(index, self.steps)?;
        let Stepped { losses, hits, gradients } = match &mut self.chain {
            Some(chain) => {
                let plain = self.clipping.is_none() && !recorder.needs_squares();
                let descent = plain.then(|| self.optimizer.plain_descent()).flatten();
                no_grad(|| chain.step((&inputs, &targets), streams, self.steps, descent.as_deref()))?
            }
            None => self.differentiate(&inputs, &targets, streams)?,
        };
        self.steps += 1;
        no_grad(|| {
            let Some(mut gradients) = gradients else {
                self.optimizer.count_step();
                return tally.add(&losses, hits.as_ref());
            };
            let clips = self.clipping.as_ref().is_some_and(Clipping::needs_squares);
            let wanted = clips || recorder.needs_squares();
            let squares = wanted.then(|| squares(&gradients)).transpose()?;
            recorder.step(&losses, squares.as_ref())?;
            if let Some(clipping) = &self.clipping {
                gradients = clipping.clip(&gradients, squares.as_ref())?;
            }
            self.optimizer.step(&gradients)?;
            tally.add(&losses, hits.as_ref())
        })
    }

    /// Losses, hits and gradients of inputs and targets, by autograd.
    fn differentiate(
        &mut self,
        inputs: &Tensor,
        targets: &Tensor,
        streams: i64,
    ) -> Result<Stepped, TrainError> {
        let outputs = self.model.forward(inputs, streams, Mode::Train { step: self.steps })?;
        let losses = self.objective.losses(&outputs, targets, streams)?;
        let gradients = self.model.gradients(&losses.total()?)?;
        let hits = no_grad(|| self.objective.hits(&outputs, targets, streams))?;
        Ok(Stepped { losses, hits, gradients: Some(gradients) })
    }
}
