//! One step and one epoch of a cohort's training.

use tch::{Kind, Tensor, no_grad};

use super::TrainError;
use super::data::Rows;
use super::loss::Objective;
use super::model::{Mode, Model};
use super::optimizer::Optimizer;
use super::tally::Tally;

/// Steps between two looks at whether to stop.
const STEPS_PER_LOOK: u64 = 16;

/// A model in training.
#[derive(Debug)]
pub(super) struct Learner {
    pub(super) model: Model,
    pub(super) optimizer: Optimizer,
    pub(super) objective: Objective,
    pub(super) batch_size: i64,
    /// Steps taken since the start of the run.
    pub(super) steps: u64,
}

impl Learner {
    /// One pass over the rows `index` (`[G, n]`), tallied as they were before each step.
    pub(super) fn epoch(
        &mut self,
        rows: &Rows,
        index: &Tensor,
        tally: &mut Tally,
        should_stop: &dyn Fn() -> bool,
    ) -> Result<(), TrainError> {
        let (streams, count) = (index.size()[0], index.size()[1]);
        tally.restart();
        let mut start = 0;
        while start < count {
            if self.steps.is_multiple_of(STEPS_PER_LOOK) && should_stop() {
                return Err(TrainError::Stopped);
            }
            let length = self.batch_size.min(count - start);
            let own = index.f_narrow(1, start, length)?.f_reshape([-1])?;
            self.step(rows, &own, streams, tally)?;
            start += length;
        }
        Ok(())
    }

    /// One step on the rows `index` (`[G·B]`).
    fn step(
        &mut self,
        rows: &Rows,
        index: &Tensor,
        streams: i64,
        tally: &mut Tally,
    ) -> Result<(), TrainError> {
        let targets = rows.targets(index)?;
        let mode = Mode::Train { step: self.steps };
        let outputs = self.model.forward(&rows.features(index)?, streams, mode)?;
        let losses = self.objective.losses(&outputs, &targets, streams)?;
        // The sum of the members' means: no member's gradient depends on another.
        let batch = losses.size()[1] as f64;
        let total = losses.f_sum(Kind::Float)?.f_div_scalar(batch)?;
        let gradients = self.model.parameters.gradients(&total)?;
        self.steps += 1;
        no_grad(|| {
            self.optimizer.step(&gradients)?;
            let hits = self.objective.hits(&outputs, &targets, streams)?;
            tally.add(&losses, hits.as_ref())
        })
    }
}
