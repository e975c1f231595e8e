//! Optimizers over the flat buffer, with numbers of their own for each member.
//!
//! Updates are PyTorch's (`torch.optim.SGD`, `Adam`, `AdamW`), in the same order of terms. The buffer is passed
//! over in chunks that stay in a core's cache through all terms.

use foldwise_study::train::{Optimizer as Settings, OptimizerKind};
use tch::{Device, Kind, Tensor};

use super::TrainError;
use super::parameters::{Block, Parameters};

/// Numbers of a chunk on a CPU, chosen so that a chunk's five buffers fit a second-level cache of 1 MiB and that
/// libtorch still shares a chunk between two threads (its grain is 32,768).
const CHUNK: i64 = 1 << 16;

/// The optimizer of a cohort.
#[derive(Debug)]
pub(super) struct Optimizer {
    settings: Vec<Settings>,
    members: i64,
    blocks: Vec<Block>,
    /// `[N]`.
    gradients: Tensor,
    chunks: Vec<Chunk>,
    rates: Vec<f64>,
    /// What depends on settings and rates alone.
    numbers: Option<Numbers>,
    step: i32,
    device: Device,
    total: i64,
    /// First and second running mean (or momentum), `[N]`, to be cleared when a member is frozen.
    state: Vec<Tensor>,
}

/// Views of one stretch of the flat buffers.
#[derive(Debug)]
struct Chunk {
    start: i64,
    length: i64,
    values: Tensor,
    gradients: Tensor,
    first: Option<Tensor>,
    second: Option<Tensor>,
    scratch: Option<Tensor>,
}

/// A number of each member: one for all, or spread over the buffer.
#[derive(Debug)]
enum Spread {
    /// `[1]`.
    One(Tensor),
    /// `[N]`.
    Each(Tensor),
}

impl Spread {
    fn over(&self, chunk: &Chunk) -> Result<Tensor, TrainError> {
        match self {
            Self::One(number) => Ok(number.shallow_clone()),
            Self::Each(numbers) => Ok(numbers.f_narrow(0, chunk.start, chunk.length)?),
        }
    }
}

/// Spread numbers of the step; absent where they would change nothing.
#[derive(Debug)]
struct Numbers {
    /// −learning rate.
    descent: Spread,
    /// L2 penalty, added to gradients.
    penalty: Option<Spread>,
    /// Decoupled decay: what values are multiplied with.
    decay: Option<Spread>,
    momentum: Option<Spread>,
    /// 1 − β₁.
    first: Spread,
    /// β₂.
    second: Spread,
}

impl Optimizer {
    /// An optimizer for the slots' settings; rates are set before the first step.
    pub(super) fn new(
        settings: Vec<Settings>,
        parameters: &Parameters,
        device: Device,
    ) -> Result<Self, TrainError> {
        let total = parameters.values().size()[0];
        let flat = || Tensor::f_zeros([total], (Kind::Float, device));
        let adaptive = settings[0].kind != OptimizerKind::Sgd;
        let moving = adaptive || settings.iter().any(|settings| settings.momentum() != 0.0);
        let gradients = flat()?;
        let first = moving.then(flat).transpose()?;
        let second = adaptive.then(flat).transpose()?;
        let length = if device == Device::Cpu { CHUNK.min(total) } else { total };
        let scratch = adaptive.then(|| Tensor::f_zeros([length], (Kind::Float, device))).transpose()?;
        let mut chunks = Vec::new();
        let mut start = 0;
        while start < total {
            let length = length.min(total - start);
            let part = |flat: &Tensor| flat.f_narrow(0, start, length);
            chunks.push(Chunk {
                start,
                length,
                values: part(parameters.values())?,
                gradients: part(&gradients)?,
                first: first.as_ref().map(part).transpose()?,
                second: second.as_ref().map(part).transpose()?,
                scratch: scratch.as_ref().map(|scratch| scratch.f_narrow(0, 0, length)).transpose()?,
            });
            start += length;
        }
        Ok(Self {
            members: parameters.members(),
            blocks: parameters.blocks().to_vec(),
            gradients,
            chunks,
            rates: Vec::new(),
            numbers: None,
            step: 0,
            device,
            total,
            state: first.into_iter().chain(second).collect(),
            settings,
        })
    }

    /// Sets the slots' learning rates.
    pub(super) fn set_rates(&mut self, rates: &[f64]) -> Result<(), TrainError> {
        if self.rates == rates && self.numbers.is_some() {
            return Ok(());
        }
        self.rates = rates.to_vec();
        let decoupled = self.settings[0].kind == OptimizerKind::Adamw;
        let adaptive = self.settings[0].kind != OptimizerKind::Sgd;
        let of = |number: fn(&Settings) -> f64| self.settings.iter().map(number).collect::<Vec<f64>>();
        let decays = of(Settings::weight_decay);
        let any = |numbers: &[f64]| numbers.iter().any(|&number| number != 0.0);
        let shrink: Vec<f64> = rates.iter().zip(&decays).map(|(rate, decay)| 1.0 - rate * decay).collect();
        let momenta = of(Settings::momentum);
        self.numbers = Some(Numbers {
            descent: self.spread(&rates.iter().map(|rate| -rate).collect::<Vec<f64>>())?,
            penalty: (!decoupled && any(&decays)).then(|| self.spread(&decays)).transpose()?,
            decay: (decoupled && any(&decays)).then(|| self.spread(&shrink)).transpose()?,
            momentum: (!adaptive && any(&momenta)).then(|| self.spread(&momenta)).transpose()?,
            first: self.spread(&of(|settings| 1.0 - settings.betas()[0]))?,
            second: self.spread(&of(|settings| settings.betas()[1]))?,
        });
        Ok(())
    }

    /// Takes a step along the gradients, one per parameter as held, `[E, …]`.
    pub(super) fn step(&mut self, gradients: &[Tensor]) -> Result<(), TrainError> {
        let flat: Vec<Tensor> =
            gradients.iter().map(|gradient| gradient.f_reshape([-1])).collect::<Result<_, _>>()?;
        let _ = Tensor::f_cat_out(&self.gradients, &flat, 0)?;
        self.step += 1;
        let Some(numbers) = self.numbers.take() else { return Ok(()) };
        let result = match self.settings[0].kind {
            OptimizerKind::Sgd => self.descend(&numbers),
            OptimizerKind::Adam | OptimizerKind::Adamw => self.adapt(&numbers),
        };
        self.numbers = Some(numbers);
        result
    }

    /// Steps taken.
    pub(super) fn steps(&self) -> i32 {
        self.step
    }

    /// Running means (or momentum), none to two of `[N]`.
    pub(super) fn state(&self) -> &[Tensor] {
        &self.state
    }

    /// Counts on from `steps` steps.
    pub(super) fn resume(&mut self, steps: i32) {
        self.step = steps;
    }

    /// Clears a slot's state, so that nothing of a diverged member is carried on.
    pub(super) fn clear(&self, slot: i64) -> Result<(), TrainError> {
        for state in &self.state {
            for block in &self.blocks {
                let _ = block.of(state, self.members)?.f_select(0, slot)?.f_zero_()?;
            }
        }
        Ok(())
    }

    fn descend(&mut self, numbers: &Numbers) -> Result<(), TrainError> {
        let nesterov = self.settings[0].nesterov();
        for chunk in &mut self.chunks {
            if let Some(penalty) = &numbers.penalty {
                let penalty = penalty.over(chunk)?;
                let _ = chunk.gradients.f_addcmul_(&chunk.values, &penalty)?;
            }
            let descent = numbers.descent.over(chunk)?;
            let momentum = numbers.momentum.as_ref().map(|momentum| momentum.over(chunk)).transpose()?;
            let direction = match (momentum, &mut chunk.first) {
                (Some(momentum), Some(velocity)) => {
                    let _ = velocity.f_mul_(&momentum)?.f_add_(&chunk.gradients)?;
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

    /// Adam's second mean is kept divided by 1 − β₂, which saves a pass; [`Self::denominator`] multiplies it back.
    fn adapt(&mut self, numbers: &Numbers) -> Result<(), TrainError> {
        let (factor, offset) = self.denominator()?;
        for chunk in &mut self.chunks {
            if let Some(decay) = &numbers.decay {
                let decay = decay.over(chunk)?;
                let _ = chunk.values.f_mul_(&decay)?;
            }
            if let Some(penalty) = &numbers.penalty {
                let penalty = penalty.over(chunk)?;
                let _ = chunk.gradients.f_addcmul_(&chunk.values, &penalty)?;
            }
            let (weight, keep) = (numbers.first.over(chunk)?, numbers.second.over(chunk)?);
            let (factor, offset) = (factor.over(chunk)?, offset.over(chunk)?);
            let descent = numbers.descent.over(chunk)?;
            let Chunk {
                values,
                gradients,
                first: Some(first),
                second: Some(second),
                scratch: Some(scratch),
                ..
            } = chunk
            else {
                continue;
            };
            let _ = first.f_lerp_tensor_(gradients, &weight)?;
            let _ = second.f_mul_(&keep)?.f_addcmul_(gradients, gradients)?;
            let _ = second.f_sqrt_out(scratch)?;
            let _ = offset.f_addcmul_out(scratch, scratch, &factor)?;
            let _ = first.f_div_out(scratch, scratch)?;
            let _ = values.f_addcmul_(scratch, &descent)?;
        }
        Ok(())
    }

    /// `(a, b)` such that Adam's step is `m / (a·√v + b)` with bias corrections and ε in them.
    fn denominator(&self) -> Result<(Spread, Spread), TrainError> {
        let corrected = |settings: &Settings| {
            let [first, second] = settings.betas();
            let (first, kept) = (1.0 - first.powi(self.step), 1.0 - second.powi(self.step));
            (first * ((1.0 - second) / kept).sqrt(), first * settings.eps())
        };
        let (factors, offsets): (Vec<f64>, Vec<f64>) = self.settings.iter().map(corrected).unzip();
        Ok((self.spread(&factors)?, self.spread(&offsets)?))
    }

    fn spread(&self, numbers: &[f64]) -> Result<Spread, TrainError> {
        let options = (Kind::Float, self.device);
        if numbers.iter().all(|&number| number == numbers[0]) {
            return Ok(Spread::One(Tensor::f_full([1], numbers[0], options)?));
        }
        let column =
            Tensor::f_from_slice(numbers)?.f_to_kind(Kind::Float)?.f_to(self.device)?.f_view((-1, 1))?;
        let each = Tensor::f_empty([self.total], options)?;
        for block in &self.blocks {
            block.of(&each, self.members)?.f_copy_(&column.f_expand([-1, block.numbers()], false)?)?;
        }
        Ok(Spread::Each(each))
    }
}
