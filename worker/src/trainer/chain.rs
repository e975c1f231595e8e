//! A perceptron's training step on a CPU, its backward pass written out.
//!
//! Most of a small step's time goes into operators that do little: autograd's bookkeeping, views, copies. Here libtorch
//! multiplies matrices into memory that is kept, and one pass each of our own does the rest. Activations lie features
//! first, `[E, F, B]`, so that all products take them as they are and a feature's rows lie one after another.
//! Every other network, and every other device, goes through [`Model::forward`] and autograd.

use tch::{Device, Tensor};

use super::TrainError;
use super::dropout::Dropout;
use super::host::{floats, floats_mut, integers};
use super::layers::{Function, Running};
use super::loss::{Losses, Objective};
use super::model::{Model, Stage};
use kernels::Kernels;
use room::Room;

mod kernels;
mod room;

/// A network of linear layers with functions, batch norm and dropout between them.
#[derive(Debug)]
pub(super) struct Chain {
    links: Vec<Link>,
    /// One per parameter, `[E, …]` as held; those without effect stay zero.
    gradients: Vec<Tensor>,
    kernels: Kernels,
    goal: Goal,
    members: usize,
    outputs: usize,
    /// For each number of rows that a step had: an epoch's last step may have fewer.
    rooms: Vec<Room>,
}

/// What outputs are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    /// Cross-entropy of classes.
    Classes,
    /// Squared errors of numbers.
    Numbers,
}

/// A layer and the position of its first parameter.
#[derive(Debug)]
enum Link {
    Linear { weight: Tensor, bias: Option<Tensor>, first: usize, learns_bias: bool },
    BatchNorm { scale: Tensor, shift: Tensor, running: Running, first: usize },
    Function(Function),
    Dropout(Dropout),
}

/// What a step gives.
pub(super) struct Stepped {
    pub(super) losses: Losses,
    /// `[E, B]`, where targets are classes.
    pub(super) hits: Option<Tensor>,
    /// One per parameter, `[E, …]`, until the next step; none where the step was taken on the way.
    pub(super) gradients: Option<Vec<Tensor>>,
}

impl Chain {
    /// The chain of a model, if it is one: linear layers at both ends, in 32 bits on a CPU, with a loss whose gradient
    /// is known here.
    pub(super) fn new(
        model: &Model,
        objective: &Objective,
        device: Device,
    ) -> Result<Option<Self>, TrainError> {
        let Some(goal) = Goal::of(objective).filter(|_| device == Device::Cpu && model.is_exact()) else {
            return Ok(None);
        };
        let leaves = model.parameters.leaves();
        let mut links = Vec::new();
        for stage in model.stages() {
            let leaf = |first: usize| leaves[first].f_detach();
            links.push(match stage {
                Stage::Linear { first, bias } => Link::Linear {
                    weight: leaf(*first)?,
                    bias: bias.then(|| leaf(first + 1)).transpose()?,
                    first: *first,
                    learns_bias: *bias && model.parameters.is_live(first + 1),
                },
                Stage::BatchNorm { first, running } => Link::BatchNorm {
                    scale: leaf(*first)?,
                    shift: leaf(first + 1)?,
                    running: running.shared(),
                    first: *first,
                },
                Stage::Function(function) if Kernels::know(*function) => Link::Function(*function),
                Stage::Dropout(dropout) => Link::Dropout(dropout.clone()),
                // Rows are held channels last: flat as they lie with one channel, and only then.
                Stage::Flatten if links.is_empty() && model.rows_are_flat() => continue,
                _ => return Ok(None),
            });
        }
        let linear = |link: Option<&Link>| matches!(link, Some(Link::Linear { .. }));
        if !linear(links.first()) || !linear(links.last()) {
            return Ok(None);
        }
        let gradients =
            leaves.iter().map(|leaf| leaf.f_detach()?.f_zeros_like()).collect::<Result<_, _>>()?;
        let members = usize::try_from(model.parameters.members()).unwrap_or(0);
        let Some(Link::Linear { weight, .. }) = links.last() else { return Ok(None) };
        let outputs = usize::try_from(weight.size()[1]).unwrap_or(0);
        Ok(Some(Self {
            links,
            gradients,
            kernels: Kernels::new(),
            goal,
            members,
            outputs,
            rooms: Vec::new(),
        }))
    }

    /// Losses, hits and gradients of inputs `[G·B, numbers]` and their targets, in step `step` of the run.
    ///
    /// With a plain `descent`, −learning rate of each member, weights are moved as soon as their gradients are known, which
    /// then are never written down: of small batches that is half of what a step moves through memory.
    pub(super) fn step(
        &mut self,
        (inputs, targets): (&Tensor, &Tensor),
        streams: i64,
        step: u64,
        descent: Option<&[f32]>,
    ) -> Result<Stepped, TrainError> {
        let size = inputs.size();
        let rows = size[0] / streams;
        let known = self.rooms.iter().position(|room| room.rows == rows);
        let position = match known {
            Some(position) => position,
            None => {
                self.rooms.push(Room::new(&self.links, self.members, rows)?);
                self.rooms.len() - 1
            }
        };
        let mut room = self.rooms.swap_remove(position);
        let x = inputs.f_view((streams, rows, size[1]))?;
        let result = self
            .forward(&mut room, &x, step)
            .and_then(|()| self.compare(&mut room, targets, streams))
            .and_then(|()| self.backward(&mut room, &x, descent));
        let stepped = result.map(|()| Stepped {
            losses: Losses { values: room.losses.shallow_clone(), weights: None },
            hits: (self.goal == Goal::Classes).then(|| room.hits.shallow_clone()),
            gradients: descent.is_none().then(|| self.gradients.iter().map(Tensor::shallow_clone).collect()),
        });
        self.rooms.push(room);
        stepped
    }

    fn forward(&mut self, room: &mut Room, x: &Tensor, step: u64) -> Result<(), TrainError> {
        let rows = room.row_count();
        for position in 0..self.links.len() {
            let (before, spot) = room.split(position);
            match &mut self.links[position] {
                Link::Linear { weight, bias, .. } => {
                    let _ = match before {
                        None => {
                            let weight = per_stream(weight, x)?;
                            weight.f_bmm_out(&per_stream(&spot.out, x)?, &x.f_transpose(1, 2)?)?
                        }
                        Some(before) => weight.f_bmm_out(&spot.out, &before.out)?,
                    };
                    if let Some(bias) = bias {
                        self.kernels.add_to_rows(floats_mut(&mut spot.out)?, floats(bias)?, rows);
                    }
                }
                Link::BatchNorm { scale, shift, running, .. } => {
                    let Some(before) = before else { return Err(unlinked()) };
                    let (mean, variance) = (&mut running.mean, &mut running.variance);
                    let into = [floats_mut(&mut spot.out)?, floats_mut(&mut spot.kept)?];
                    self.kernels.normalize(
                        floats(&before.out)?,
                        into,
                        &mut spot.inverse,
                        [floats(scale)?, floats(shift)?],
                        [floats_mut(mean)?, floats_mut(variance)?],
                    );
                }
                Link::Function(function) => {
                    let _ = match function {
                        Function::Sigmoid => spot.out.f_sigmoid_()?,
                        Function::Tanh => spot.out.f_tanh_()?,
                        _ => spot.out.shallow_clone(),
                    };
                    self.kernels.rectify(*function, floats_mut(&mut spot.out)?);
                }
                Link::Dropout(dropout) => {
                    let Some(before) = before else { return Err(unlinked()) };
                    let mask = floats_mut(&mut spot.kept)?;
                    dropout.fill_features_first(mask, rows, step);
                    self.kernels.multiply(floats(&before.out)?, mask, floats_mut(&mut spot.out)?);
                }
            }
        }
        Ok(())
    }

    /// Losses and hits of the outputs, and the loss's gradient by them.
    fn compare(&mut self, room: &mut Room, targets: &Tensor, streams: i64) -> Result<(), TrainError> {
        let (members, outputs, rows) = (self.members, self.outputs, room.row_count());
        let width = members / usize::try_from(streams).unwrap_or(1).max(1);
        let (spot, losses, hits) = room.end();
        let (out, delta) = (floats(&spot.out)?, floats_mut(&mut spot.delta)?);
        let (losses, hits) = (floats_mut(losses)?, floats_mut(hits)?);
        let each = out.chunks_exact(outputs * rows).zip(delta.chunks_exact_mut(outputs * rows));
        let each = each.zip(losses.chunks_exact_mut(rows)).zip(hits.chunks_exact_mut(rows));
        for (member, (((out, delta), losses), hits)) in each.enumerate() {
            let stream = member / width;
            match self.goal {
                Goal::Classes => {
                    let targets = &integers(targets)?[stream * rows..][..rows];
                    self.kernels.cross_entropy(out, targets, (delta, losses, hits));
                }
                Goal::Numbers => {
                    let targets = &floats(targets)?[stream * rows * outputs..][..rows * outputs];
                    self.kernels.squared_error(out, targets, (delta, losses));
                }
            }
        }
        Ok(())
    }

    fn backward(&mut self, room: &mut Room, x: &Tensor, descent: Option<&[f32]>) -> Result<(), TrainError> {
        let rows = room.row_count();
        for position in (0..self.links.len()).rev() {
            let (before, spot) = room.split(position);
            match &mut self.links[position] {
                Link::Linear { weight, bias, first, learns_bias } => {
                    if let Some(before) = &before {
                        let _ = weight.f_transpose(1, 2)?.f_bmm_out(&before.delta, &spot.delta)?;
                    }
                    if let Some(descent) = descent {
                        self.kernels.scale_members(floats_mut(&mut spot.delta)?, descent);
                    }
                    let along = descent.is_some();
                    let gradient = if along { &*weight } else { &self.gradients[*first] };
                    match &before {
                        None => learn(&mut per_stream(gradient, x)?, &per_stream(&spot.delta, x)?, x, along)?,
                        Some(before) => {
                            let input = before.out.f_transpose(1, 2)?;
                            learn(&mut gradient.shallow_clone(), &spot.delta, &input, along)?;
                        }
                    }
                    if *learns_bias {
                        let sums = floats_mut(&mut self.gradients[*first + 1])?;
                        self.kernels.sum_rows(floats(&spot.delta)?, sums, rows);
                        if let (Some(bias), Some(_)) = (bias, descent) {
                            self.kernels.add(floats_mut(bias)?, sums);
                        }
                    }
                }
                Link::BatchNorm { scale, shift, first, .. } => {
                    let (scales, shifts) = self.gradients.split_at_mut(*first + 1);
                    let [scales, shifts] = [floats_mut(&mut scales[*first])?, floats_mut(&mut shifts[0])?];
                    let normal = floats(&spot.kept)?;
                    let delta = floats_mut(&mut spot.delta)?;
                    let into = [&mut *scales, &mut *shifts];
                    self.kernels.normalize_back(delta, normal, &spot.inverse, floats(scale)?, into);
                    if let Some(descent) = descent {
                        for (values, gradient) in [(scale, scales), (shift, shifts)] {
                            self.kernels.scale_members(gradient, descent);
                            self.kernels.add(floats_mut(values)?, gradient);
                        }
                    }
                }
                Link::Function(function) => {
                    self.kernels.function_back(*function, floats(&spot.out)?, floats_mut(&mut spot.delta)?);
                }
                Link::Dropout(_) => {
                    let mask = floats(&spot.kept)?;
                    self.kernels.scale(floats_mut(&mut spot.delta)?, mask);
                }
            }
        }
        Ok(())
    }
}

impl Goal {
    fn of(objective: &Objective) -> Option<Self> {
        match (objective.is_plain_cross_entropy(), objective.is_squared_error_of_numbers()) {
            (true, _) => Some(Self::Classes),
            (_, true) => Some(Self::Numbers),
            _ => None,
        }
    }
}

impl Link {
    /// Features that come out for each member, of a link that does not keep its input's.
    fn features(&self) -> Option<i64> {
        match self {
            Self::Linear { weight, .. } => Some(weight.size()[1]),
            _ => None,
        }
    }

    /// Whether its output takes its input's place.
    fn is_in_place(&self) -> bool {
        matches!(self, Self::Function(_))
    }

    /// Whether it keeps numbers for the way back.
    fn keeps(&self) -> bool {
        matches!(self, Self::BatchNorm { .. } | Self::Dropout(_))
    }
}

/// Writes a gradient down, or with `along` moves the weights themselves along it.
fn learn(into: &mut Tensor, delta: &Tensor, input: &Tensor, along: bool) -> Result<(), TrainError> {
    let _ = if along { into.f_baddbmm_(delta, input)? } else { delta.f_bmm_out(into, input)? };
    Ok(())
}

/// `[E, O, …]` as `[G, E/G·O, …]` for inputs `[G, B, F]`.
fn per_stream(values: &Tensor, x: &Tensor) -> Result<Tensor, TrainError> {
    let size = values.size();
    Ok(values.f_view((x.size()[0], -1, size[2]))?)
}

fn unlinked() -> TrainError {
    TrainError::Data("a chain begins with a layer that is not linear".to_owned())
}

#[cfg(test)]
mod tests;
