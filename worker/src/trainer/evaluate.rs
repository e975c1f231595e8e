//! Losses and accuracies of rows that are not trained on, for all members at once.

use tch::{Device, Kind, Tensor, no_grad};

use super::TrainError;
use super::intake::Intake;
use super::loss::Objective;
use super::model::{Mode, Model};
use super::tally::{Tally, Total};

/// Rows of one pass of all members together: enough to fill the cores, few enough to stay in their caches.
const ROWS_PER_PASS: i64 = 4096;
/// Rows of one pass of each member, at least.
const ROWS_PER_MEMBER_MIN: i64 = 128;
/// Rows of one pass of each member, at most.
const ROWS_PER_MEMBER_MAX: i64 = 512;
/// Numbers of the largest activation of one pass, at most, so that evaluation takes no more memory than training.
const NUMBERS_PER_PASS: i64 = 1 << 22;

/// What the models said of rows: the class that each was taken for, or numbers.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// `[E, n]` or `[E, n, K]` of each pass, on the host.
    passes: Vec<Tensor>,
    /// The probability of each class that was taken, `[E, n]` of each pass, where the loss gives one.
    probabilities: Vec<Tensor>,
}

impl Seen {
    /// All that was seen of one slot, `[n]` or `[n, K]`.
    pub(super) fn all(&self, slot: i64) -> Result<Tensor, TrainError> {
        joined(&self.passes, slot)
    }

    /// How probable each class that was taken was said to be, `[n]`, where the loss gives probabilities.
    pub(super) fn probabilities(&self, slot: i64) -> Result<Option<Tensor>, TrainError> {
        (!self.probabilities.is_empty()).then(|| joined(&self.probabilities, slot)).transpose()
    }

    fn add(&mut self, outputs: &Tensor, objective: &Objective) -> Result<(), TrainError> {
        let classes = objective.classes;
        let said = if classes { Objective::predicted(outputs)? } else { outputs.f_to_kind(Kind::Float)? };
        self.passes.push(said.f_to(Device::Cpu)?);
        if let Some(probability) = objective.probability(outputs)? {
            self.probabilities.push(probability.f_to(Device::Cpu)?);
        }
        Ok(())
    }
}

fn joined(passes: &[Tensor], slot: i64) -> Result<Tensor, TrainError> {
    let own = passes.iter().map(|pass| pass.f_select(0, slot)).collect::<Result<Vec<_>, _>>()?;
    Ok(Tensor::f_cat(&own, 0)?)
}

/// Each slot's totals over the first `counts[e]` of its rows; `index` is `[R, n]` row numbers.
pub(super) fn evaluate(
    model: &mut Model,
    intake: &Intake<'_>,
    objective: &Objective,
    index: &Tensor,
    counts: &[usize],
    mut seen: Option<&mut Seen>,
) -> Result<Vec<Total>, TrainError> {
    let most = index.size()[1];
    let members = counts.len() as i64;
    let pass = (ROWS_PER_PASS / members)
        .clamp(ROWS_PER_MEMBER_MIN, ROWS_PER_MEMBER_MAX)
        .min((NUMBERS_PER_PASS / (model.widest() * members)).max(1));
    no_grad(|| {
        let mut tally = Tally::new(members, most, objective, index.device())?;
        let mut start = 0;
        while start < most {
            let length = pass.min(most - start);
            let (inputs, rows, streams) = intake.evaluation(&index.f_narrow(1, start, length)?)?;
            let targets = intake.data().rows().targets(&rows)?;
            let outputs = model.forward(&inputs, streams, Mode::Evaluate)?;
            let losses = objective.losses(&outputs, &targets, streams)?;
            tally.add(&losses, objective.hits(&outputs, &targets, streams)?.as_ref())?;
            if let Some(seen) = seen.as_deref_mut() {
                seen.add(&outputs, objective)?;
            }
            start += length;
        }
        tally.totals(counts)
    })
}
