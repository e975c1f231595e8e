//! The rules as operators of libtorch over whole buffers.

use foldwise_study::train::{Optimizer as Settings, OptimizerKind};
use tch::{Device, Kind, Tensor};

use super::{Rates, TrainError};
use crate::trainer::parameters::{Block, Parameters};

/// Steps of a cohort on a device that operators run on.
#[derive(Debug)]
pub(super) struct Tensors {
    device: Device,
    members: i64,
    /// `[N]`.
    gradients: Tensor,
    /// Room for a denominator, `[N]`.
    scratch: Option<Tensor>,
    /// What is spread of the rates, and what of.
    numbers: Vec<(Vec<f64>, Spread)>,
}

/// A number of each member: one for all, `[1]`, or one for each value, `[N]`.
type Spread = Tensor;

/// Numbers of the step; absent where they would change nothing.
struct Numbers<'a> {
    descent: &'a Spread,
    penalty: Option<&'a Spread>,
    decay: Option<&'a Spread>,
    momentum: Option<&'a Spread>,
    entering: Option<&'a Spread>,
    first: &'a Spread,
    second: &'a Spread,
    eps: &'a Spread,
    factor: &'a Spread,
    offset: &'a Spread,
}

/// Every number of the rates, in the order of [`Tensors::numbers`].
const FIELDS: [fn(&Rates) -> f64; 10] = [
    |rates| rates.descent,
    |rates| rates.penalty,
    |rates| rates.decay,
    |rates| rates.momentum,
    |rates| rates.entering,
    |rates| rates.first,
    |rates| rates.second,
    |rates| rates.eps,
    |rates| rates.factor,
    |rates| rates.offset,
];

impl Tensors {
    pub(super) fn new(
        settings: &Settings,
        parameters: &Parameters,
        device: Device,
    ) -> Result<Self, TrainError> {
        let flat = || parameters.values().f_zeros_like();
        let divides = settings.kind != OptimizerKind::Sgd;
        Ok(Self {
            device,
            members: parameters.members(),
            gradients: flat()?,
            scratch: divides.then(flat).transpose()?,
            numbers: Vec::new(),
        })
    }

    /// Takes a step: `values` and `state` are flat, `gradients` one per block, `rates` one per slot.
    pub(super) fn step(
        &mut self,
        blocks: &[Block],
        (values, gradients, state): (&mut Tensor, &[Tensor], &mut [Tensor]),
        (settings, rates, step): (&Settings, &[Rates], i32),
    ) -> Result<(), TrainError> {
        let flat =
            gradients.iter().map(|gradient| gradient.f_reshape([-1])).collect::<Result<Vec<_>, _>>()?;
        let _ = Tensor::f_cat_out(&self.gradients, &flat, 0)?;
        self.spread(blocks, rates)?;
        let Self { gradients, scratch, numbers, .. } = self;
        let [descent, penalty, decay, momentum, entering, first, second, eps, factor, offset] =
            numbers.as_slice()
        else {
            return Ok(());
        };
        let numbers = Numbers {
            descent: &descent.1,
            penalty: unless(penalty, 0.0),
            decay: unless(decay, 1.0),
            momentum: unless(momentum, 0.0),
            // The first gradient enters the momentum whole.
            entering: unless(entering, 1.0).filter(|_| step > 1),
            first: &first.1,
            second: &second.1,
            eps: &eps.1,
            factor: &factor.1,
            offset: &offset.1,
        };
        if let Some(decay) = numbers.decay {
            let _ = values.f_mul_(decay)?;
        }
        if let Some(penalty) = numbers.penalty {
            let _ = gradients.f_addcmul_(values, penalty)?;
        }
        match (settings.kind, scratch) {
            (OptimizerKind::Sgd, _) => descend(settings, values, gradients, state, &numbers),
            (OptimizerKind::Adam | OptimizerKind::Adamw, Some(scratch)) => {
                adapt(values, gradients, state, scratch, &numbers)
            }
            (OptimizerKind::Rmsprop, Some(scratch)) => {
                descend_by_squares(settings, (values, gradients), state, scratch, &numbers)
            }
            (OptimizerKind::Adagrad, Some(scratch)) => {
                descend_by_sums(values, gradients, state, scratch, &numbers)
            }
            (_, None) => Ok(()),
        }
    }

    /// Spreads what has changed.
    fn spread(&mut self, blocks: &[Block], rates: &[Rates]) -> Result<(), TrainError> {
        for (position, field) in FIELDS.iter().enumerate() {
            let own: Vec<f64> = rates.iter().map(field).collect();
            if self.numbers.get(position).is_some_and(|(held, _)| *held == own) {
                continue;
            }
            let spread = self.spread_one(blocks, &own)?;
            match self.numbers.get_mut(position) {
                Some(held) => *held = (own, spread),
                None => self.numbers.push((own, spread)),
            }
        }
        Ok(())
    }

    fn spread_one(&self, blocks: &[Block], numbers: &[f64]) -> Result<Spread, TrainError> {
        let options = (Kind::Float, self.device);
        if numbers.iter().all(|&number| number == numbers[0]) {
            return Ok(Tensor::f_full([1], numbers[0], options)?);
        }
        let column =
            Tensor::f_from_slice(numbers)?.f_to_kind(Kind::Float)?.f_to(self.device)?.f_view((-1, 1))?;
        let each = self.gradients.f_empty_like()?;
        for block in blocks {
            block.of(&each, self.members)?.f_copy_(&column.f_expand([-1, block.numbers()], false)?)?;
        }
        Ok(each)
    }
}

/// What is spread, unless all of it changes nothing.
fn unless((numbers, spread): &(Vec<f64>, Spread), nothing: f64) -> Option<&Spread> {
    numbers.iter().any(|&number| number != nothing).then_some(spread)
}

/// `torch.optim.SGD`.
fn descend(
    settings: &Settings,
    values: &mut Tensor,
    gradients: &mut Tensor,
    state: &mut [Tensor],
    numbers: &Numbers<'_>,
) -> Result<(), TrainError> {
    let direction = match (numbers.momentum, state) {
        (Some(momentum), [velocity]) => {
            let mut moved = velocity.f_mul_(momentum)?;
            let _ = match numbers.entering {
                Some(entering) => moved.f_addcmul_(gradients, entering)?,
                None => moved.f_add_(gradients)?,
            };
            if settings.nesterov() {
                gradients.f_addcmul_(velocity, momentum)?
            } else {
                velocity.shallow_clone()
            }
        }
        _ => gradients.shallow_clone(),
    };
    let _ = values.f_addcmul_(&direction, numbers.descent)?;
    Ok(())
}

/// `torch.optim.Adam` and `AdamW`. The second mean is kept divided by 1 − β₂, which saves a pass; the factor
/// multiplies it back.
fn adapt(
    values: &mut Tensor,
    gradients: &Tensor,
    state: &mut [Tensor],
    scratch: &mut Tensor,
    numbers: &Numbers<'_>,
) -> Result<(), TrainError> {
    let [first, second, largest @ ..] = state else { return Ok(()) };
    let _ = first.f_lerp_tensor_(gradients, numbers.first)?;
    let _ = second.f_mul_(numbers.second)?.f_addcmul_(gradients, gradients)?;
    let _ = match largest {
        [largest, ..] => {
            largest.f_copy_(&largest.f_maximum(second)?).and_then(|()| largest.f_sqrt_out(scratch))?
        }
        [] => second.f_sqrt_out(scratch)?,
    };
    let _ = scratch.f_mul_(numbers.factor)?.f_add_(numbers.offset)?;
    let _ = first.f_div_out(scratch, scratch)?;
    let _ = values.f_addcmul_(scratch, numbers.descent)?;
    Ok(())
}

/// `torch.optim.RMSprop`.
fn descend_by_squares(
    settings: &Settings,
    (values, gradients): (&mut Tensor, &Tensor),
    state: &mut [Tensor],
    scratch: &mut Tensor,
    numbers: &Numbers<'_>,
) -> Result<(), TrainError> {
    let [squares, rest @ ..] = state else { return Ok(()) };
    let _ = squares.f_mul_(numbers.second)?.f_addcmul_(&gradients.f_mul(gradients)?, numbers.first)?;
    let _ = match rest.last_mut().filter(|_| settings.centered()) {
        Some(mean) => {
            let _ = mean.f_lerp_tensor_(gradients, numbers.first)?;
            let variance = squares.f_sub(&mean.f_mul(mean)?)?;
            variance.f_sqrt_out(scratch)?
        }
        None => squares.f_sqrt_out(scratch)?,
    };
    let _ = scratch.f_add_(numbers.eps)?;
    let _ = gradients.f_div_out(scratch, scratch)?;
    let direction = match (numbers.momentum, rest.first_mut()) {
        (Some(momentum), Some(velocity)) => velocity.f_mul_(momentum)?.f_add_(scratch)?,
        _ => scratch.shallow_clone(),
    };
    let _ = values.f_addcmul_(&direction, numbers.descent)?;
    Ok(())
}

/// `torch.optim.Adagrad`.
fn descend_by_sums(
    values: &mut Tensor,
    gradients: &Tensor,
    state: &mut [Tensor],
    scratch: &mut Tensor,
    numbers: &Numbers<'_>,
) -> Result<(), TrainError> {
    let [sums, ..] = state else { return Ok(()) };
    let _ = sums.f_addcmul_(gradients, gradients)?.f_sqrt_out(scratch)?;
    let _ = scratch.f_add_(numbers.eps)?;
    let _ = gradients.f_div_out(scratch, scratch)?;
    let _ = values.f_addcmul_(scratch, numbers.descent)?;
    Ok(())
}
