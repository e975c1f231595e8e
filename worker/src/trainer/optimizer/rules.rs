//! The rules: one pass over the chunks each.

use foldwise_study::train::Optimizer as Settings;

use super::{Chunk, Numbers, Optimizer, Spread};
use crate::trainer::TrainError;

impl Optimizer {
    /// `torch.optim.SGD`.
    pub(super) fn descend(&mut self, numbers: &Numbers) -> Result<(), TrainError> {
        let nesterov = self.settings[0].nesterov();
        // The first gradient enters the momentum whole.
        let entering = numbers.entering.as_ref().filter(|_| self.step > 1);
        for chunk in &mut self.chunks {
            penalize(chunk, numbers)?;
            let descent = numbers.descent.over(chunk)?;
            let momentum = numbers.momentum.as_ref().map(|momentum| momentum.over(chunk)).transpose()?;
            let entering = entering.map(|entering| entering.over(chunk)).transpose()?;
            let direction = match (momentum, chunk.state.as_mut_slice()) {
                (Some(momentum), [velocity]) => {
                    let mut moved = velocity.f_mul_(&momentum)?;
                    let _ = match &entering {
                        Some(entering) => moved.f_addcmul_(&chunk.gradients, entering)?,
                        None => moved.f_add_(&chunk.gradients)?,
                    };
                    if nesterov {
                        chunk.gradients.f_addcmul_(velocity, &momentum)?
                    } else {
                        velocity.shallow_clone()
                    }
                }
                _ => chunk.gradients.shallow_clone(),
            };
            let _ = chunk.values.f_addcmul_(&direction, &descent)?;
        }
        Ok(())
    }

    /// `torch.optim.Adam` and `AdamW`. The second mean is kept divided by 1 − β₂, which saves a pass;
    /// [`Self::denominator`] multiplies it back.
    pub(super) fn adapt(&mut self, numbers: &Numbers) -> Result<(), TrainError> {
        let (factor, offset) = self.denominator()?;
        for chunk in &mut self.chunks {
            if let Some(decay) = &numbers.decay {
                let decay = decay.over(chunk)?;
                let _ = chunk.values.f_mul_(&decay)?;
            }
            penalize(chunk, numbers)?;
            let (weight, keep) = (numbers.first.over(chunk)?, numbers.second.over(chunk)?);
            let (factor, offset) = (factor.over(chunk)?, offset.over(chunk)?);
            let descent = numbers.descent.over(chunk)?;
            let Chunk { values, gradients, state, scratch: Some(scratch), .. } = chunk else { continue };
            let [first, second, largest @ ..] = state.as_mut_slice() else { continue };
            let _ = first.f_lerp_tensor_(gradients, &weight)?;
            let _ = second.f_mul_(&keep)?.f_addcmul_(gradients, gradients)?;
            let _ = match largest {
                [largest, ..] => {
                    largest.f_copy_(&largest.f_maximum(second)?).and_then(|()| largest.f_sqrt_out(scratch))?
                }
                [] => second.f_sqrt_out(scratch)?,
            };
            let _ = offset.f_addcmul_out(scratch, scratch, &factor)?;
            let _ = first.f_div_out(scratch, scratch)?;
            let _ = values.f_addcmul_(scratch, &descent)?;
        }
        Ok(())
    }

    /// `torch.optim.RMSprop`.
    pub(super) fn descend_by_squares(&mut self, numbers: &Numbers) -> Result<(), TrainError> {
        let centered = self.settings[0].centered();
        for chunk in &mut self.chunks {
            penalize(chunk, numbers)?;
            let (weight, keep) = (numbers.first.over(chunk)?, numbers.second.over(chunk)?);
            let (descent, eps) = (numbers.descent.over(chunk)?, numbers.eps.over(chunk)?);
            let momentum = numbers.momentum.as_ref().map(|momentum| momentum.over(chunk)).transpose()?;
            let Chunk { values, gradients, state, scratch: Some(scratch), .. } = chunk else { continue };
            let [squares, rest @ ..] = state.as_mut_slice() else { continue };
            let _ = squares.f_mul_(&keep)?.f_addcmul_(&gradients.f_mul(gradients)?, &weight)?;
            let _ = match rest.last_mut().filter(|_| centered) {
                Some(mean) => {
                    let _ = mean.f_lerp_tensor_(gradients, &weight)?;
                    let variance = squares.f_sub(&mean.f_mul(mean)?)?;
                    variance.f_sqrt_out(scratch)?
                }
                None => squares.f_sqrt_out(scratch)?,
            };
            let _ = scratch.f_add_(&eps)?;
            let _ = gradients.f_div_out(scratch, scratch)?;
            let direction = match (momentum, rest.first_mut()) {
                (Some(momentum), Some(velocity)) => velocity.f_mul_(&momentum)?.f_add_(scratch)?,
                _ => scratch.shallow_clone(),
            };
            let _ = values.f_addcmul_(&direction, &descent)?;
        }
        Ok(())
    }

    /// `torch.optim.Adagrad`.
    pub(super) fn descend_by_sums(&mut self, numbers: &Numbers) -> Result<(), TrainError> {
        for chunk in &mut self.chunks {
            penalize(chunk, numbers)?;
            let (descent, eps) = (numbers.descent.over(chunk)?, numbers.eps.over(chunk)?);
            let Chunk { values, gradients, state, scratch: Some(scratch), .. } = chunk else { continue };
            let [sums, ..] = state.as_mut_slice() else { continue };
            let _ = sums.f_addcmul_(gradients, gradients)?.f_sqrt_out(scratch)?;
            let _ = scratch.f_add_(&eps)?;
            let _ = gradients.f_div_out(scratch, scratch)?;
            let _ = values.f_addcmul_(scratch, &descent)?;
        }
        Ok(())
    }

    /// `(a, b)` such that Adam's step is `m / (a·√v + b)` with bias corrections and ε in them.
    fn denominator(&self) -> Result<(Spread, Spread), TrainError> {
        let corrected = |(slot, settings): (usize, &Settings)| {
            let [first, second] = settings.betas();
            let first = self.paces[slot].momentum.unwrap_or(first);
            let (first, kept) = (1.0 - first.powi(self.step), 1.0 - second.powi(self.step));
            (first * ((1.0 - second) / kept).sqrt(), first * settings.eps())
        };
        let (factors, offsets): (Vec<f64>, Vec<f64>) =
            self.settings.iter().enumerate().map(corrected).unzip();
        Ok((self.spread(&factors)?, self.spread(&offsets)?))
    }
}

/// Adds the L2 penalty's gradient.
fn penalize(chunk: &mut Chunk, numbers: &Numbers) -> Result<(), TrainError> {
    if let Some(penalty) = &numbers.penalty {
        let penalty = penalty.over(chunk)?;
        let _ = chunk.gradients.f_addcmul_(&chunk.values, &penalty)?;
    }
    Ok(())
}
