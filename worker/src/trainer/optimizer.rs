//! Optimizers over the flat buffer, with numbers of their own for each member.
//!
//! Updates are PyTorch's (`torch.optim`), in the same order of terms: on a CPU one pass of our own over the buffer
//! ([`Host`]), on a GPU operators of libtorch ([`Tensors`]).

use foldwise_study::train::{Optimizer as Settings, OptimizerKind, Pace};
use tch::{Device, Tensor};

use super::TrainError;
use super::parameters::{Block, Parameters};
use host::Host;
use tensors::Tensors;

mod host;
mod tensors;

/// The optimizer of a cohort.
#[derive(Debug)]
pub(super) struct Optimizer {
    settings: Vec<Settings>,
    members: i64,
    blocks: Vec<Block>,
    /// `[N]`, the parameters' own memory.
    values: Tensor,
    /// What is kept between steps, `[N]` each: see [`Settings::kept`].
    state: Vec<Tensor>,
    paces: Vec<Pace>,
    step: i32,
    engine: Engine,
}

/// What takes the steps.
#[derive(Debug)]
enum Engine {
    Host(Host),
    Tensors(Tensors),
}

/// One member's numbers of one step. Numbers that a rule has no use for are there all the same.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rates<T = f64> {
    /// −learning rate, with Adagrad's decay by steps.
    descent: T,
    /// L2 penalty, added to gradients.
    penalty: T,
    /// Decoupled decay: what values are multiplied with.
    decay: T,
    /// Of SGD and `RMSprop`.
    momentum: T,
    /// 1 − dampening.
    entering: T,
    /// 1 − β₁ (Adam), 1 − α (`RMSprop`).
    first: T,
    /// β₂ (Adam), α (`RMSprop`).
    second: T,
    /// ε.
    eps: T,
    /// Adam's step is `m / (factor·√v + offset)`: bias corrections and ε.
    factor: T,
    /// See `factor`.
    offset: T,
}

impl Optimizer {
    /// An optimizer for the slots' settings, whose kinds agree; paces are set before the first step.
    pub(super) fn new(
        settings: Vec<Settings>,
        parameters: &Parameters,
        device: Device,
    ) -> Result<Self, TrainError> {
        let engine = match device {
            Device::Cpu => Engine::Host(Host::new(usize::try_from(tch::get_num_threads()).unwrap_or(1))?),
            _ => Engine::Tensors(Tensors::new(&settings[0], parameters, device)?),
        };
        Self::with(engine, settings, parameters)
    }

    fn with(engine: Engine, settings: Vec<Settings>, parameters: &Parameters) -> Result<Self, TrainError> {
        let flat = || parameters.values().f_zeros_like();
        let state = (0..settings[0].kept()).map(|_| flat()).collect::<Result<Vec<_>, _>>()?;
        let optimizer = Self {
            members: parameters.members(),
            blocks: parameters.blocks().to_vec(),
            values: parameters.values().shallow_clone(),
            state,
            paces: Vec::new(),
            step: 0,
            engine,
            settings,
        };
        (0..optimizer.members).try_for_each(|slot| optimizer.clear(slot))?;
        Ok(optimizer)
    }

    /// Sets what the slots' next steps are taken with.
    pub(super) fn set_paces(&mut self, paces: Vec<Pace>) {
        self.paces = paces;
    }

    /// Takes a step along the gradients, one per parameter as held, `[E, …]`.
    pub(super) fn step(&mut self, gradients: &[Tensor]) -> Result<(), TrainError> {
        self.step += 1;
        let rates: Vec<Rates> = self
            .settings
            .iter()
            .zip(&self.paces)
            .map(|(own, pace)| Rates::new(own, *pace, self.step))
            .collect();
        let (settings, step) = (&self.settings[0], self.step);
        match &mut self.engine {
            Engine::Host(host) => {
                let rates: Vec<Rates<f32>> = rates.iter().map(Rates::narrow).collect();
                let numbers = (&mut self.values, gradients, self.state.as_mut_slice());
                host.step(&self.blocks, numbers, (settings, &rates, step))
            }
            Engine::Tensors(tensors) => {
                let numbers = (&mut self.values, gradients, self.state.as_mut_slice());
                tensors.step(&self.blocks, numbers, (settings, &rates, step))
            }
        }
    }

    /// What gradients are multiplied with, of each slot, where the next step is that and nothing else.
    pub(super) fn plain_descent(&self) -> Option<Vec<f32>> {
        let plain = |own: &Settings| own.kind == OptimizerKind::Sgd && own.weight_decay() == 0.0;
        let each = self.settings.iter().zip(&self.paces);
        let descent =
            |(own, pace): (&Settings, &Pace)| Rates::new(own, *pace, self.step + 1).narrow().descent;
        (self.state.is_empty() && self.settings.iter().all(plain)).then(|| each.map(descent).collect())
    }

    /// Counts a step that was taken elsewhere.
    pub(super) fn count_step(&mut self) {
        self.step += 1;
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
}

impl Rates {
    /// The numbers of step `step`, from 1.
    fn new(settings: &Settings, pace: Pace, step: i32) -> Self {
        let rms = settings.kind == OptimizerKind::Rmsprop;
        let decoupled = settings.kind == OptimizerKind::Adamw;
        let [own_first, beta2] = settings.betas();
        let beta1 = pace.momentum.unwrap_or(own_first);
        let corrected = 1.0 - beta1.powi(step);
        Self {
            descent: -pace.lr / (1.0 + f64::from(step - 1) * settings.lr_decay()),
            penalty: if decoupled { 0.0 } else { settings.weight_decay() },
            decay: if decoupled { 1.0 - pace.lr * settings.weight_decay() } else { 1.0 },
            momentum: pace.momentum.unwrap_or(settings.momentum()),
            entering: 1.0 - settings.dampening(),
            first: 1.0 - if rms { settings.alpha() } else { beta1 },
            second: if rms { settings.alpha() } else { beta2 },
            eps: settings.eps(),
            factor: corrected * ((1.0 - beta2) / (1.0 - beta2.powi(step))).sqrt(),
            offset: corrected * settings.eps(),
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "steps are computed in 32 bits, as PyTorch's are")]
    fn narrow(&self) -> Rates<f32> {
        Rates {
            descent: self.descent as f32,
            penalty: self.penalty as f32,
            decay: self.decay as f32,
            momentum: self.momentum as f32,
            entering: self.entering as f32,
            first: self.first as f32,
            second: self.second as f32,
            eps: self.eps as f32,
            factor: self.factor as f32,
            offset: self.offset as f32,
        }
    }
}

#[cfg(test)]
mod tests;
