//! A cohort's networks as one model.

use std::path::Path;

use foldwise_study::network::{Conv2d, Layer, LeakyRelu, Network, Operation, Pool2d};
use foldwise_study::seed::Source;
use foldwise_study::train::Precision;
use tch::{Device, Kind, Tensor};

use super::TrainError;
use super::activation::{Activation, Form};
use super::dropout::{Dropout, Extent};
use super::layers::{self, Function, Running};
use super::module::Module;
use super::parameters::Parameters;
use super::trunk::Trunk;

/// The fused networks of a cohort: parameters, batch norm's statistics and the layers' order.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) parameters: Parameters,
    stages: Vec<Stage>,
    /// What stands for the first stages, where it pays.
    trunk: Option<Trunk>,
    /// What computes in place of stages.
    module: Option<Module>,
    precision: Precision,
    device: Device,
    input: Vec<usize>,
    widest: i64,
}

/// One layer, with its first parameter's position where it has parameters.
#[derive(Debug)]
pub(super) enum Stage {
    Linear { first: usize, bias: bool },
    Conv2d { first: usize, layer: Conv2d },
    BatchNorm { first: usize, running: Running },
    LayerNorm { first: usize },
    Function(Function),
    MaxPool(Pool2d),
    AvgPool(Pool2d),
    GlobalAvgPool,
    Flatten,
    Dropout(Dropout),
    Fork,
    Exchange,
    Add,
}

/// Whether a pass trains, and in which step of the run (from 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Train { step: u64 },
    Evaluate,
}

impl Model {
    /// The networks of the slots, in order, with initial weights.
    pub(super) fn new(
        slots: &[(&Network, &Source)],
        precision: Precision,
        device: Device,
    ) -> Result<Self, TrainError> {
        let (network, source) = slots[0];
        if let Some(file) = &network.module {
            if precision == Precision::Bf16 {
                return Err(TrainError::Data(
                    "a module computes with the numbers that it was saved with, not in bf16".to_owned(),
                ));
            }
            let shapes = (network.input.as_slice(), network.outputs);
            let module = Module::load(Path::new(&file.file), shapes, source, device)?;
            return Self::of_module(module, network, precision, device);
        }
        let parameters = Parameters::new(slots, device)?;
        let mut stages = Vec::with_capacity(network.layers.len());
        let mut first = 0;
        for (position, shaped) in network.layers.iter().enumerate() {
            if let Some(stage) = stage(position, first, slots, device)? {
                stages.push(stage);
            }
            first += shaped.parameters().len();
        }
        pool_before_relu(&mut stages);
        let trunk = (device == Device::Cpu).then(|| Trunk::new(&stages, precision)).transpose()?.flatten();
        let outputs = network.layers.iter().map(|layer| layer.output.iter().product::<usize>());
        let widest = outputs.max().unwrap_or(1).max(1) as i64;
        let input = network.input.clone();
        Ok(Self { parameters, stages, trunk, module: None, precision, device, input, widest })
    }

    fn of_module(
        module: Module,
        network: &Network,
        precision: Precision,
        device: Device,
    ) -> Result<Self, TrainError> {
        let parameters = Parameters::of_module(module.learned()?, device)?;
        let (input, widest) = (network.input.clone(), module.widest());
        let (stages, module) = (Vec::new(), Some(module));
        Ok(Self { parameters, stages, trunk: None, module, precision, device, input, widest })
    }

    /// The module that computes in place of layers.
    pub(super) fn module(&self) -> Option<&Module> {
        self.module.as_ref()
    }

    /// Puts a saved module in its place, with the present numbers.
    pub(super) fn restore_module(&mut self, saved: &[u8]) -> Result<(), TrainError> {
        self.module.as_mut().map_or(Ok(()), |module| module.restore(saved, &mut self.parameters))
    }

    /// The same model, all of whose steps go through autograd.
    #[cfg(test)]
    pub(super) fn derived(self) -> Self {
        Self { trunk: None, ..self }
    }

    /// Whether its first layers are written out.
    #[cfg(test)]
    pub(super) fn has_trunk(&self) -> bool {
        self.trunk.is_some()
    }

    /// Its layers, in order.
    pub(super) fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Whether it computes in 32 bits on a CPU.
    pub(super) fn is_exact(&self) -> bool {
        self.precision != Precision::Bf16
    }

    /// Whether a row lies in memory as a vector of it does: with one channel at most.
    pub(super) fn rows_are_flat(&self) -> bool {
        self.input.len() == 1 || self.input[0] == 1
    }

    /// Numbers of the largest activation of one row of one member.
    pub(super) fn widest(&self) -> i64 {
        self.widest
    }

    /// Outputs `[E, B, K]` of gathered rows `[G·B, numbers]`.
    pub(super) fn forward(&mut self, rows: &Tensor, streams: i64, mode: Mode) -> Result<Tensor, TrainError> {
        if let Some(module) = &mut self.module {
            return module.forward(rows, mode);
        }
        let members = self.parameters.members();
        let leaves = self.parameters.leaves();
        let precision = self.precision;
        let mut x = Activation::rows(rows, streams, &self.input)?;
        let mut done = 0;
        if let Some(trunk) = &mut self.trunk {
            x = trunk.forward(x, &self.parameters, mode)?;
            done = trunk.stages();
        }
        let mut pile = Vec::new();
        for stage in &mut self.stages[done..] {
            x = match stage {
                Stage::Linear { first, bias } => {
                    layers::linear(&x, &leaves[*first], bias.then(|| &leaves[*first + 1]), precision)?
                }
                Stage::Conv2d { first, layer } => {
                    let bias = layer.bias.then(|| &leaves[*first + 1]);
                    let x = if layer.groups > 1 { x.per_member(members)? } else { x };
                    layers::conv2d(&x, layer, &leaves[*first], bias, precision)?
                }
                Stage::BatchNorm { first, running } => {
                    let parameters = [&leaves[*first], &leaves[*first + 1]];
                    layers::batch_norm(x.per_member(members)?, parameters, running, mode != Mode::Evaluate)?
                }
                Stage::LayerNorm { first } => {
                    layers::layer_norm(&x.per_member(members)?, [&leaves[*first], &leaves[*first + 1]])?
                }
                Stage::Function(function) => layers::apply(x, *function)?,
                Stage::MaxPool(pool) => layers::max_pool(&x, pool)?,
                Stage::AvgPool(pool) => layers::avg_pool(&x, pool)?,
                Stage::GlobalAvgPool => layers::global_avg_pool(&x)?,
                Stage::Flatten => x.flattened()?,
                Stage::Dropout(dropout) => match mode {
                    Mode::Train { step } => drop_out(&x.per_member(members)?, dropout, step, self.device)?,
                    Mode::Evaluate => x,
                },
                Stage::Fork => {
                    let x = x.shared();
                    pile.push(x.shared());
                    x
                }
                Stage::Exchange => {
                    let other = pile.pop().ok_or_else(unbalanced)?;
                    pile.push(x);
                    other
                }
                Stage::Add => {
                    let other = pile.pop().ok_or_else(unbalanced)?;
                    layers::add(&x.per_member(members)?, &other.per_member(members)?)?
                }
            };
        }
        x.per_member(members)?.batches()
    }

    /// The gradient by each parameter, `[E, …]` as held, of `loss` (a single number) of the last outputs.
    pub(super) fn gradients(&mut self, loss: &Tensor) -> Result<Vec<Tensor>, TrainError> {
        match &mut self.trunk {
            Some(trunk) => trunk.gradients(loss, &self.parameters),
            None => self.parameters.gradients(loss),
        }
    }

    /// Batch norm's statistics, `[E·C]` each: mean and variance, layer after layer.
    pub(super) fn running(&self) -> Vec<&Tensor> {
        let mut all = Vec::new();
        for stage in &self.stages {
            if let Stage::BatchNorm { running, .. } = stage {
                all.extend([&running.mean, &running.variance]);
            }
        }
        all
    }
}

fn stage(
    position: usize,
    first: usize,
    slots: &[(&Network, &Source)],
    device: Device,
) -> Result<Option<Stage>, TrainError> {
    let shaped = &slots[0].0.layers[position];
    let layer = match &shaped.operation {
        Operation::Layer(layer) => layer,
        Operation::Fork => return Ok(Some(Stage::Fork)),
        Operation::Exchange => return Ok(Some(Stage::Exchange)),
        Operation::Add => return Ok(Some(Stage::Add)),
    };
    Ok(Some(match layer {
        Layer::Linear(linear) => Stage::Linear { first, bias: linear.bias },
        Layer::Output => Stage::Linear { first, bias: true },
        Layer::Conv2d(conv) => Stage::Conv2d { first, layer: conv.clone() },
        Layer::BatchNorm => {
            let channels = (slots.len() * shaped.input[0]) as i64;
            let mean = Tensor::f_zeros([channels], (Kind::Float, device))?;
            let variance = Tensor::f_ones([channels], (Kind::Float, device))?;
            Stage::BatchNorm { first, running: Running { mean, variance } }
        }
        Layer::LayerNorm => Stage::LayerNorm { first },
        Layer::Relu => Stage::Function(Function::Relu),
        Layer::LeakyRelu(LeakyRelu { slope }) => Stage::Function(Function::LeakyRelu(*slope)),
        Layer::Gelu => Stage::Function(Function::Gelu),
        Layer::Sigmoid => Stage::Function(Function::Sigmoid),
        Layer::Tanh => Stage::Function(Function::Tanh),
        Layer::MaxPool(pool) => Stage::MaxPool(pool.clone()),
        Layer::AvgPool(pool) => Stage::AvgPool(pool.clone()),
        Layer::GlobalAvgPool => Stage::GlobalAvgPool,
        Layer::Flatten => Stage::Flatten,
        Layer::Repeat(_) | Layer::Residual(_) => {
            return Err(TrainError::Data(format!("layer {} was not written out", shaped.path)));
        }
        Layer::Dropout(_) => {
            let rate = |network: &Network| match network.layers[position].layer() {
                Some(Layer::Dropout(dropout)) => dropout.rate,
                _ => 0.0,
            };
            let lanes: Vec<(&Source, f64)> =
                slots.iter().map(|(network, source)| (*source, rate(network))).collect();
            return Ok(Dropout::new(position, &lanes).map(Stage::Dropout));
        }
    }))
}

fn unbalanced() -> TrainError {
    TrainError::Data("a residual layer adds what none laid by".to_owned())
}

/// The largest of a window's rectified values is the rectified largest value, so pooling first leaves fewer
/// values to rectify; values and gradients are the same bit for bit.
fn pool_before_relu(stages: &mut [Stage]) {
    for index in 1..stages.len() {
        if let [Stage::Function(Function::Relu), Stage::MaxPool(_)] = stages[index - 1..=index] {
            stages.swap(index - 1, index);
        }
    }
}

fn drop_out(
    x: &Activation,
    dropout: &mut Dropout,
    step: u64,
    device: Device,
) -> Result<Activation, TrainError> {
    // In memory order, which the masks are laid out in.
    let values = match x.form {
        Form::Pictures => x.values.f_permute([0, 2, 3, 1])?,
        Form::Columns | Form::Batches => x.values.shallow_clone(),
    };
    let size: Vec<usize> = values.size().iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect();
    let members = usize::try_from(x.copies).unwrap_or(1);
    let extent = match (x.form, size.as_slice()) {
        (Form::Batches, &[_, rows, features]) => Extent { outer: 1, inner: rows * features },
        (_, sizes) => {
            let last = sizes.last().copied().unwrap_or(1);
            Extent { outer: sizes.iter().product::<usize>() / last, inner: last / members }
        }
    };
    let masked = values.f_mul(&dropout.mask(extent, step, device)?.f_view(&values.size()[..])?)?;
    let masked = if x.form == Form::Pictures { masked.f_permute([0, 3, 1, 2])? } else { masked };
    Ok(Activation::with(masked, x.form, x.copies))
}
