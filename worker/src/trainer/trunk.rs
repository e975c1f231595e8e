//! The convolutions that a network begins with, on a CPU, their backward pass written out.
//!
//! What follows a convolution (batch norm, max pooling, `ReLU`) is one pass over its values each way here; libtorch takes
//! several for each and writes everything between them down. In bf16 activations stay narrow from block to block.
//! Convolutions are libtorch's, and what comes after the last block goes through autograd.

use foldwise_study::network::{Conv2d, Pool2d};
use foldwise_study::train::Precision;
use tch::{Kind, Tensor, no_grad};

use super::TrainError;
use super::activation::{Activation, Form};
use super::host::{Held, floats, numbers, numbers_mut};
use super::layers::{self, Function};
use super::model::{Mode, Stage};
use super::number::{Narrow, Number};
use super::parameters::Parameters;
use convolution::Convolution;
use norm::Norm;
use passes::{Passes, Pooled};
use windows::Frame;

mod convolution;
mod norm;
mod passes;
mod windows;

/// Places that a window may have: the rest of a byte says something else.
const PLACES_MAX: usize = 254;

/// A network's first blocks of a convolution and what follows it.
#[derive(Debug)]
pub(super) struct Trunk {
    blocks: Vec<Block>,
    /// How many of the model's stages they are.
    stages: usize,
    /// How many of the model's parameters are theirs.
    parameters: usize,
    precision: Precision,
    convolution: Convolution,
    passes: Passes,
    /// What came out of the step under way, which autograd goes back to.
    end: Option<Tensor>,
}

/// A convolution, and batch norm, pooling and `ReLU` where they follow it, in this order.
#[derive(Debug)]
struct Block {
    layer: Conv2d,
    /// The position of the kernel among the parameters, and of the bias after it.
    first: usize,
    norm: Option<Norm>,
    window: [usize; 2],
    rectifies: bool,
    /// What the step under way needs on the way back.
    kept: Option<Kept>,
    /// Memory that is kept from step to step: see [`Pooled`].
    at: Vec<u8>,
    peaks: Vec<f32>,
}

#[derive(Debug)]
struct Kept {
    frame: Frame,
    groups: i64,
    input: Tensor,
    /// What the convolution gave, `[B, H, W, C]`.
    values: Tensor,
}

impl Trunk {
    /// The trunk of a model with these stages on a CPU, if it has one.
    pub(super) fn new(stages: &[Stage], precision: Precision) -> Result<Option<Self>, TrainError> {
        let (mut blocks, mut taken): (Vec<Block>, usize) = (Vec::new(), 0);
        while let Some((block, more)) = Block::first_of(&stages[taken..]) {
            taken += more;
            blocks.push(block);
        }
        let Some(last) = blocks.last() else { return Ok(None) };
        let parameters = match &last.norm {
            Some(norm) => norm.first + 2,
            None => last.first + 1 + usize::from(last.layer.bias),
        };
        let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1);
        let (convolution, passes) = (Convolution::new()?, Passes::new(threads)?);
        Ok(Some(Self { blocks, stages: taken, parameters, precision, convolution, passes, end: None }))
    }

    /// How many of the model's stages it stands for.
    pub(super) fn stages(&self) -> usize {
        self.stages
    }

    /// What comes out of the last block. When training autograd's way back ends there, and ours begins.
    pub(super) fn forward(
        &mut self,
        x: Activation,
        parameters: &Parameters,
        mode: Mode,
    ) -> Result<Activation, TrainError> {
        let (narrow, trains) = (self.precision == Precision::Bf16, mode != Mode::Evaluate);
        let Self { blocks, passes, .. } = self;
        let mut x = if narrow { Activation { values: layers::bf16(&x.values)?, ..x } } else { x };
        no_grad(|| {
            for block in blocks {
                x = match narrow {
                    true => block.forward::<Narrow>(&x, parameters, passes, trains)?,
                    false => block.forward::<f32>(&x, parameters, passes, trains)?,
                };
            }
            Ok::<_, TrainError>(())
        })?;
        let end = x.values.f_to_kind(Kind::Float)?;
        if !trains {
            return Ok(Activation::with(end, x.form, x.copies));
        }
        let end = end.f_detach()?.f_set_requires_grad(true)?;
        self.end = Some(end.shallow_clone());
        Ok(Activation { values: end, reusable: false, ..x })
    }

    /// The gradient of `loss` by each of the model's parameters, `[E, …]` as held.
    pub(super) fn gradients(
        &mut self,
        loss: &Tensor,
        parameters: &Parameters,
    ) -> Result<Vec<Tensor>, TrainError> {
        let end = self.end.take().ok_or_else(unstepped)?;
        let (head, delta) = parameters.gradients_from(self.parameters, loss, &end)?;
        let mut gradients = Vec::with_capacity(head.len() + self.parameters);
        for leaf in &parameters.leaves()[..self.parameters] {
            gradients.push(leaf.f_detach()?);
        }
        let Self { blocks, passes, convolution, precision, .. } = self;
        let tools = (&*convolution, passes);
        no_grad(|| match *precision == Precision::Bf16 {
            true => back::<Narrow>(blocks, layers::bf16(&delta)?, parameters, tools, &mut gradients),
            false => back::<f32>(blocks, delta, parameters, tools, &mut gradients),
        })?;
        gradients.extend(head);
        Ok(gradients)
    }
}

/// All blocks' way back.
fn back<T: Number + Held>(
    blocks: &mut [Block],
    mut delta: Tensor,
    parameters: &Parameters,
    (convolution, passes): (&Convolution, &mut Passes),
    gradients: &mut [Tensor],
) -> Result<(), TrainError> {
    for (position, block) in blocks.iter_mut().enumerate().rev() {
        let kept = block.kept.take().ok_or_else(unstepped)?;
        let by_values = block.back::<T>(&kept, &delta, parameters, passes, gradients)?;
        let found = convolution.backward(
            (&by_values, &kept.input, &block.kernel::<T>(parameters)?),
            &block.layer,
            kept.groups,
            [position > 0, block.layer.bias && parameters.is_live(block.first + 1)],
        )?;
        let leaf = &parameters.leaves()[block.first];
        let kernel = found.kernel.f_permute([0, 2, 3, 1])?.f_to_kind(Kind::Float)?;
        gradients[block.first] = kernel.f_contiguous()?.f_view_as(leaf)?;
        if block.layer.bias {
            let leaf = &parameters.leaves()[block.first + 1];
            gradients[block.first + 1] = match found.bias {
                Some(bias) => bias.f_to_kind(Kind::Float)?.f_view_as(leaf)?,
                None => leaf.f_zeros_like()?,
            };
        }
        if let Some(inputs) = found.inputs {
            delta = inputs;
        }
    }
    Ok(())
}

impl Block {
    /// The block that stages begin with, and how many of them it is. A convolution alone is none.
    fn first_of(stages: &[Stage]) -> Option<(Self, usize)> {
        let Some(Stage::Conv2d { first, layer }) = stages.first() else { return None };
        let mut block = Self {
            layer: layer.clone(),
            first: *first,
            norm: None,
            window: [1, 1],
            rectifies: false,
            kept: None,
            at: Vec::new(),
            peaks: Vec::new(),
        };
        let mut taken = 1;
        if let Some(Stage::BatchNorm { first, running }) = stages.get(taken) {
            let running = running.shared();
            block.norm = Some(Norm::new(*first, running));
            taken += 1;
        }
        if let Some(window) = stages.get(taken).and_then(side_by_side) {
            block.window = window;
            taken += 1;
        }
        if let Some(Stage::Function(Function::Relu)) = stages.get(taken) {
            block.rectifies = true;
            taken += 1;
        }
        (taken > 1).then_some((block, taken))
    }

    /// Its kernel, `[E·O, I, kh, kw]`, as convolutions take it.
    fn kernel<T: Held>(&self, parameters: &Parameters) -> Result<Tensor, TrainError> {
        let kernel = &parameters.leaves()[self.first];
        let size = kernel.size();
        let kernel = kernel.f_view((size[0] * size[1], size[2], size[3], size[4]))?;
        Ok(kernel.f_permute([0, 3, 1, 2])?.f_to_kind(T::KIND)?)
    }

    fn forward<T: Number + Held>(
        &mut self,
        x: &Activation,
        parameters: &Parameters,
        passes: &mut Passes,
        trains: bool,
    ) -> Result<Activation, TrainError> {
        let (members, leaves) = (parameters.members(), parameters.leaves());
        let shared = x.shared();
        let x = if self.layer.groups > 1 { shared.per_member(members)? } else { shared };
        let bias = self.layer.bias.then(|| leaves[self.first + 1].f_to_kind(T::KIND)).transpose()?;
        let kernel = leaves[self.first].f_to_kind(T::KIND)?;
        let found = layers::conv2d(&x, &self.layer, &kernel, bias.as_ref(), Precision::Fp32)?;
        let values = found.values.f_permute([0, 2, 3, 1])?.f_contiguous()?;
        let size: Vec<usize> = values.size().iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect();
        let frame = Frame { height: size[1], width: size[2], channels: size[3], window: self.window };
        let held = numbers::<T>(&values)?;
        let line = match &mut self.norm {
            None => None,
            Some(norm) => Some(norm.line(held, &frame, leaves, passes, trains)?),
        };
        let [high, wide] = frame.pooled().map(|side| side as i64);
        let mut out =
            Tensor::f_empty([values.size()[0], high, wide, size[3] as i64], (T::KIND, values.device()))?;
        let count = if trains { out.numel() } else { 0 };
        let peaks = if self.norm.is_some() && self.window != [1, 1] { count } else { 0 };
        self.at.resize(count, 0);
        self.peaks.resize(peaks, 0.0);
        let into = Pooled { out: numbers_mut(&mut out)?, at: &mut self.at, peaks: &mut self.peaks };
        passes.pool(held, &frame, (line.as_ref(), self.rectifies), into);
        if trains {
            let groups = x.copies * self.layer.groups as i64;
            self.kept = Some(Kept { frame, groups, input: x.values, values });
        }
        Ok(Activation::with(out.f_permute([0, 3, 1, 2])?, Form::Pictures, members))
    }

    /// The gradient by what the convolution gave, `[B, C, H, W]`, from that by what came out; those of batch norm's
    /// parameters go where they belong.
    fn back<T: Number + Held>(
        &self,
        kept: &Kept,
        delta: &Tensor,
        parameters: &Parameters,
        passes: &mut Passes,
        gradients: &mut [Tensor],
    ) -> Result<Tensor, TrainError> {
        let (frame, values) = (&kept.frame, numbers::<T>(&kept.values)?);
        let delta = delta.f_permute([0, 2, 3, 1])?.f_contiguous()?;
        let delta = (numbers::<T>(&delta)?, self.at.as_slice());
        let mut into = kept.values.f_empty_like()?;
        let (mut line, mut slopes) = (None, Vec::new());
        if let Some(norm) = &self.norm {
            let sums = passes.sums(delta, frame, (&self.peaks, values), &norm.mean);
            let count = values.len() / frame.channels;
            let leaves = &parameters.leaves()[norm.first..norm.first + 2];
            let back = norm.back(&sums, count, floats(&leaves[0])?);
            gradients[norm.first] = Tensor::f_from_slice(&back.by_scale)?.f_view_as(&leaves[0])?;
            gradients[norm.first + 1] = Tensor::f_from_slice(&back.by_shift)?.f_view_as(&leaves[1])?;
            (line, slopes) = (Some(back.line), back.slopes);
        }
        passes.spread(delta, frame, (values, (line.as_ref(), &slopes)), numbers_mut(&mut into)?);
        Ok(into.f_permute([0, 3, 1, 2])?)
    }
}

/// The windows of a pooling whose windows lie side by side.
fn side_by_side(stage: &Stage) -> Option<[usize; 2]> {
    let Stage::MaxPool(Pool2d { kernel, stride, padding }) = stage else { return None };
    let window = kernel.sides();
    let whole = stride.unwrap_or(*kernel).sides() == window && padding.sides() == [0, 0];
    (whole && window.iter().product::<usize>() <= PLACES_MAX).then_some(window)
}

fn unstepped() -> TrainError {
    TrainError::Data("a way back without a way there".to_owned())
}

#[cfg(test)]
mod tests;
