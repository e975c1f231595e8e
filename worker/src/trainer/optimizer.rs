//! Optimizers over the flat buffer, with numbers of their own for each member.
//!
//! Updates are PyTorch's (`torch.optim`), in the same order of terms. The buffer is passed over in chunks that stay in
//! a core's cache through all terms.

use foldwise_study::train::{Optimizer as Settings, OptimizerKind, Pace};
use tch::{Device, Kind, Tensor};

use super::TrainError;
use super::parameters::{Block, Parameters};

mod rules;

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
    paces: Vec<Pace>,
    /// What depends on settings and paces alone.
    numbers: Option<Numbers>,
    step: i32,
    device: Device,
    total: i64,
    /// What is kept between steps, `[N]` each: see [`Optimizer::kept`].
    state: Vec<Tensor>,
}

/// Views of one stretch of the flat buffers.
#[derive(Debug)]
struct Chunk {
    start: i64,
    length: i64,
    values: Tensor,
    gradients: Tensor,
    /// Of each of the optimizer's state.
    state: Vec<Tensor>,
    /// Room for a denominator.
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
    /// Of SGD and `RMSprop`.
    momentum: Option<Spread>,
    /// 1 − dampening.
    entering: Option<Spread>,
    /// 1 − β₁ (Adam), 1 − α (`RMSprop`).
    first: Spread,
    /// β₂ (Adam), α (`RMSprop`).
    second: Spread,
    /// ε.
    eps: Spread,
}

impl Optimizer {
    /// An optimizer for the slots' settings, whose kinds agree; paces are set before the first step.
    pub(super) fn new(
        settings: Vec<Settings>,
        parameters: &Parameters,
        device: Device,
    ) -> Result<Self, TrainError> {
        let total = parameters.values().size()[0];
        let flat = || Tensor::f_zeros([total], (Kind::Float, device));
        let gradients = flat()?;
        let state = (0..Self::kept(&settings[0])).map(|_| flat()).collect::<Result<Vec<_>, _>>()?;
        let length = if device == Device::Cpu { CHUNK.min(total) } else { total };
        let divides = settings[0].kind != OptimizerKind::Sgd;
        let scratch = divides.then(|| Tensor::f_zeros([length], (Kind::Float, device))).transpose()?;
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
                state: state.iter().map(part).collect::<Result<_, _>>()?,
                scratch: scratch.as_ref().map(|scratch| scratch.f_narrow(0, 0, length)).transpose()?,
            });
            start += length;
        }
        let optimizer = Self {
            members: parameters.members(),
            blocks: parameters.blocks().to_vec(),
            gradients,
            chunks,
            paces: Vec::new(),
            numbers: None,
            step: 0,
            device,
            total,
            state,
            settings,
        };
        for slot in 0..optimizer.members {
            optimizer.clear(slot)?;
        }
        Ok(optimizer)
    }

    /// How many buffers a rule keeps: the momentum (SGD); both means and with `AMSGrad` the largest second one (Adam);
    /// the mean of squares, with momentum the momentum and where centered the mean (`RMSprop`); the sum of squares
    /// (Adagrad).
    fn kept(settings: &Settings) -> usize {
        let momentum = usize::from(settings.momentum() > 0.0);
        match settings.kind {
            OptimizerKind::Sgd => momentum,
            OptimizerKind::Adam | OptimizerKind::Adamw => 2 + usize::from(settings.amsgrad()),
            OptimizerKind::Rmsprop => 1 + momentum + usize::from(settings.centered()),
            OptimizerKind::Adagrad => 1,
        }
    }

    /// Sets what the slots' next steps are taken with.
    pub(super) fn set_paces(&mut self, paces: &[Pace]) -> Result<(), TrainError> {
        if self.paces == paces && self.numbers.is_some() {
            return Ok(());
        }
        self.paces = paces.to_vec();
        let settings = &self.settings;
        let of = |number: fn(&Settings) -> f64| settings.iter().map(number).collect::<Vec<f64>>();
        let any = |numbers: &[f64]| numbers.iter().any(|&number| number != 0.0);
        let kind = settings[0].kind;
        let decoupled = kind == OptimizerKind::Adamw;
        let decays = of(Settings::weight_decay);
        let shrink: Vec<f64> = paces.iter().zip(&decays).map(|(pace, decay)| 1.0 - pace.lr * decay).collect();
        let moved = |slot: usize, own: f64| paces[slot].momentum.unwrap_or(own);
        let each = |number: &dyn Fn(usize, &Settings) -> f64| -> Vec<f64> {
            settings.iter().enumerate().map(|(slot, settings)| number(slot, settings)).collect()
        };
        let moving = matches!(kind, OptimizerKind::Sgd | OptimizerKind::Rmsprop);
        let momenta = each(&|slot, settings| moved(slot, settings.momentum()));
        let dampening = of(Settings::dampening);
        let rms = kind == OptimizerKind::Rmsprop;
        let first = each(&|slot, settings| {
            1.0 - if rms { settings.alpha() } else { moved(slot, settings.betas()[0]) }
        });
        let second = each(&|_, settings| if rms { settings.alpha() } else { settings.betas()[1] });
        let entering: Vec<f64> = dampening.iter().map(|dampening| 1.0 - dampening).collect();
        self.numbers = Some(Numbers {
            descent: self.descent()?,
            penalty: (!decoupled && any(&decays)).then(|| self.spread(&decays)).transpose()?,
            decay: (decoupled && any(&decays)).then(|| self.spread(&shrink)).transpose()?,
            momentum: (moving && any(&momenta)).then(|| self.spread(&momenta)).transpose()?,
            entering: any(&dampening).then(|| self.spread(&entering)).transpose()?,
            first: self.spread(&first)?,
            second: self.spread(&second)?,
            eps: self.spread(&of(Settings::eps))?,
        });
        Ok(())
    }

    /// Takes a step along the gradients, one per parameter as held, `[E, …]`.
    pub(super) fn step(&mut self, gradients: &[Tensor]) -> Result<(), TrainError> {
        let flat: Vec<Tensor> =
            gradients.iter().map(|gradient| gradient.f_reshape([-1])).collect::<Result<_, _>>()?;
        let _ = Tensor::f_cat_out(&self.gradients, &flat, 0)?;
        self.step += 1;
        let Some(mut numbers) = self.numbers.take() else { return Ok(()) };
        if self.settings.iter().any(|settings| settings.lr_decay() != 0.0) {
            numbers.descent = self.descent()?;
        }
        let result = match self.settings[0].kind {
            OptimizerKind::Sgd => self.descend(&numbers),
            OptimizerKind::Adam | OptimizerKind::Adamw => self.adapt(&numbers),
            OptimizerKind::Rmsprop => self.descend_by_squares(&numbers),
            OptimizerKind::Adagrad => self.descend_by_sums(&numbers),
        };
        self.numbers = Some(numbers);
        result
    }

    /// Steps taken.
    pub(super) fn steps(&self) -> i32 {
        self.step
    }

    /// What is kept between steps, none to three of `[N]`.
    pub(super) fn state(&self) -> &[Tensor] {
        &self.state
    }

    /// Counts on from `steps` steps.
    pub(super) fn resume(&mut self, steps: i32) {
        self.step = steps;
    }

    /// Puts a slot's state to its start, so that nothing of a member that has ended is carried on.
    pub(super) fn clear(&self, slot: i64) -> Result<(), TrainError> {
        let settings = usize::try_from(slot).ok().and_then(|slot| self.settings.get(slot));
        let start = settings.map_or(0.0, Settings::initial_accumulator);
        for state in &self.state {
            for block in &self.blocks {
                let _ = block.of(state, self.members)?.f_select(0, slot)?.f_fill_(start)?;
            }
        }
        Ok(())
    }

    /// −learning rate, with Adagrad's decay by steps.
    fn descent(&self) -> Result<Spread, TrainError> {
        let before = f64::from(self.step.max(1) - 1);
        let own = |(pace, settings): (&Pace, &Settings)| -pace.lr / (1.0 + before * settings.lr_decay());
        self.spread(&self.paces.iter().zip(&self.settings).map(own).collect::<Vec<f64>>())
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
