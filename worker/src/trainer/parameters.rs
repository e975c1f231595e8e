//! The learned numbers of a cohort in one flat buffer.

use foldwise_study::network::{Layer, LayerShape, Network};
use foldwise_study::seed::Source;
use tch::{Device, Kind, Tensor, no_grad};

use super::TrainError;
use super::init::initial;

/// Every parameter of every member in one buffer: parameter after parameter, each `[E, numbers]`.
///
/// Steps of the optimizer pass over the buffer; layers read views of it.
#[derive(Debug)]
pub(super) struct Parameters {
    members: i64,
    /// `[N]`, all values.
    values: Tensor,
    blocks: Vec<Block>,
    /// A view of the values per parameter, `[E, …]`, that autograd differentiates by unless it has no effect.
    leaves: Vec<Tensor>,
    /// Which parameters have an effect.
    live: Vec<bool>,
    /// Whether leaves are those of a module, which knows of no members.
    bare: bool,
}

/// Where one parameter lies.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// The name `nn.Sequential` would give it.
    pub(super) name: String,
    /// Its shape in PyTorch's layout.
    pub(super) shape: Vec<usize>,
    start: i64,
    numbers: i64,
    /// Whether it is held in PyTorch's layout, whatever its shape.
    plain: bool,
}

impl Block {
    /// The block of a flat buffer `[N]` as `[E, numbers]`.
    pub(super) fn of(&self, flat: &Tensor, members: i64) -> Result<Tensor, TrainError> {
        let block = flat.f_narrow(0, self.start, self.numbers * members)?;
        Ok(block.f_view((members, self.numbers))?)
    }

    /// Numbers of one member.
    pub(super) fn numbers(&self) -> i64 {
        self.numbers
    }

    /// Kernels of convolutions are held channels last, `[O, kh, kw, I]`.
    fn is_kernel(&self) -> bool {
        self.shape.len() == 4 && !self.plain
    }

    fn held_shape(&self) -> Vec<i64> {
        let shape: Vec<i64> = self.shape.iter().map(|&side| side as i64).collect();
        if self.is_kernel() { vec![shape[0], shape[2], shape[3], shape[1]] } else { shape }
    }
}

impl Parameters {
    /// Initial values for each slot of the cohort.
    pub(super) fn new(networks: &[(&Network, &Source)], device: Device) -> Result<Self, TrainError> {
        let members = networks.len() as i64;
        let mut blocks = Vec::new();
        let mut start = 0;
        for parameter in networks[0].0.parameters() {
            let numbers = parameter.shape.iter().product::<usize>() as i64;
            blocks.push(Block { name: parameter.name, shape: parameter.shape, start, numbers, plain: false });
            start += numbers * members;
        }
        let values = Tensor::f_zeros([start], (Kind::Float, device))?;
        for (slot, (network, source)) in networks.iter().enumerate() {
            for (block, drawn) in blocks.iter().zip(initial(network, source)) {
                let mut row = block.of(&values, members)?.f_select(0, slot as i64)?;
                row.f_copy_(&to_held(block, &Tensor::f_from_slice(&drawn)?)?)?;
            }
        }
        let mut leaves = Vec::with_capacity(blocks.len());
        for block in &blocks {
            let mut shape = vec![members];
            shape.extend(block.held_shape());
            let view = block.of(&values, members)?.f_view(&shape[..])?;
            leaves.push(view.f_detach()?);
        }
        let live = live(networks[0].0);
        for (leaf, live) in leaves.iter_mut().zip(&live) {
            *leaf = leaf.f_set_requires_grad(*live)?;
        }
        Ok(Self { members, values, blocks, leaves, live, bare: false })
    }

    /// The learned tensors of one module, whose memory becomes that of the buffer.
    pub(super) fn of_module(learned: Vec<(String, Tensor)>, device: Device) -> Result<Self, TrainError> {
        let (mut blocks, mut start) = (Vec::with_capacity(learned.len()), 0);
        for (name, tensor) in &learned {
            let numbers = tensor.numel() as i64;
            let shape = tensor.size().iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect();
            blocks.push(Block { name: name.clone(), shape, start, numbers, plain: true });
            start += numbers;
            if tensor.kind() != Kind::Float {
                let message = format!(
                    "the module's parameter {name} is {:?}, and 32-bit floats are trained",
                    tensor.kind()
                );
                return Err(TrainError::Data(message));
            }
        }
        if blocks.is_empty() {
            return Err(TrainError::Data("the module has nothing to learn".to_owned()));
        }
        let values = Tensor::f_zeros([start], (Kind::Float, device))?;
        let mut leaves = Vec::with_capacity(learned.len());
        for (block, (_, mut tensor)) in blocks.iter().zip(learned) {
            let view = block.of(&values, 1)?.f_view(&tensor.size()[..])?;
            no_grad(|| view.shallow_clone().f_copy_(&tensor))?;
            tensor.f_set_data(&view)?;
            leaves.push(tensor);
        }
        let live = vec![true; blocks.len()];
        Ok(Self { members: 1, values, blocks, leaves, live, bare: true })
    }

    /// Goes on with the learned tensors of another copy of the module, whose memory becomes that of the buffer; its numbers
    /// stay what they are.
    pub(super) fn adopt(&mut self, learned: Vec<(String, Tensor)>) -> Result<(), TrainError> {
        let shape = |tensor: &Tensor| -> Vec<usize> {
            tensor.size().iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect()
        };
        let known = |(block, (name, tensor)): (&Block, &(String, Tensor))| {
            block.name == *name && block.shape == shape(tensor) && tensor.kind() == Kind::Float
        };
        if learned.len() != self.blocks.len() || !self.blocks.iter().zip(&learned).all(known) {
            return Err(TrainError::Data("the module learns other tensors than before".to_owned()));
        }
        let mut leaves = Vec::with_capacity(learned.len());
        for (block, (_, mut tensor)) in self.blocks.iter().zip(learned) {
            tensor.f_set_data(&block.of(&self.values, 1)?.f_view(&tensor.size()[..])?)?;
            leaves.push(tensor);
        }
        self.leaves = leaves;
        Ok(())
    }

    /// The gradient of `loss` (a single number) by each parameter, `[E, …]` as held.
    pub(super) fn gradients(&self, loss: &Tensor) -> Result<Vec<Tensor>, TrainError> {
        self.derive(0, loss, None).map(|(gradients, _)| gradients)
    }

    /// The same of the parameters from `first` on, and the gradient by the activation that they begin with.
    pub(super) fn gradients_from(
        &self,
        first: usize,
        loss: &Tensor,
        start: &Tensor,
    ) -> Result<(Vec<Tensor>, Tensor), TrainError> {
        let (gradients, by_start) = self.derive(first, loss, Some(start))?;
        Ok((gradients, by_start.map_or_else(|| start.f_zeros_like(), Ok)?))
    }

    fn derive(
        &self,
        first: usize,
        loss: &Tensor,
        start: Option<&Tensor>,
    ) -> Result<(Vec<Tensor>, Option<Tensor>), TrainError> {
        let lives = || self.leaves.iter().zip(&self.live).skip(first);
        let own = lives().filter_map(|(leaf, &live)| live.then_some(leaf));
        let by: Vec<&Tensor> = start.into_iter().chain(own).collect();
        let mut found = Tensor::f_run_backward(&[loss], &by, false, false)?.into_iter();
        let by_start = start.and_then(|_| found.next());
        let next = |(leaf, &live): (&Tensor, &bool)| match live.then(|| found.next()).flatten() {
            Some(gradient) if self.bare => match gradient.defined() {
                true => gradient.f_contiguous()?.f_unsqueeze(0),
                // It has no part in the loss.
                false => leaf.f_zeros_like()?.f_unsqueeze(0),
            },
            Some(gradient) => Ok(gradient),
            None => leaf.f_zeros_like(),
        };
        let gradients: Result<_, _> = lives().map(next).collect();
        Ok((gradients?, by_start))
    }

    /// Whether a parameter has an effect on the loss.
    pub(super) fn is_live(&self, position: usize) -> bool {
        self.live[position]
    }

    /// Members of the cohort, `E`.
    pub(super) fn members(&self) -> i64 {
        self.members
    }

    /// All values, `[N]`.
    pub(super) fn values(&self) -> &Tensor {
        &self.values
    }

    /// Where each parameter lies.
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// A view per parameter, `[E, …]`, kernels as `[E, O, kh, kw, I]`.
    pub(super) fn leaves(&self) -> &[Tensor] {
        &self.leaves
    }
}

/// Whether each parameter has an effect. A bias straight before batch norm has none: its true gradient is
/// zero, and the rounding that autograd finds instead would be scaled up by Adam and make evaluation, which
/// uses lagging means, depend on it.
fn live(network: &Network) -> Vec<bool> {
    let mut live = Vec::new();
    for (index, layer) in network.layers.iter().enumerate() {
        // One number per channel is what batch norm takes off; layer norm of pictures has one per pixel.
        let per_pixel = layer.layer() == Some(&Layer::LayerNorm) && layer.input.len() > 1;
        let next = network.layers.get(index + 1);
        let normalized = !per_pixel && next.is_some_and(LayerShape::is_batch_norm);
        live.extend(layer.parameters().iter().map(|(name, _)| *name != "bias" || !normalized));
    }
    live
}

/// PyTorch's layout `[…shape]` → the held one, flat.
pub(super) fn to_held(block: &Block, values: &Tensor) -> Result<Tensor, TrainError> {
    if !block.is_kernel() {
        return Ok(values.shallow_clone());
    }
    let shape: Vec<i64> = block.shape.iter().map(|&side| side as i64).collect();
    Ok(values.f_view(&shape[..])?.f_permute([0, 2, 3, 1])?.f_reshape([-1])?)
}

/// The held layout, flat → PyTorch's, flat.
pub(super) fn to_pytorch(block: &Block, values: &Tensor) -> Result<Tensor, TrainError> {
    if !block.is_kernel() {
        return Ok(values.shallow_clone());
    }
    Ok(values.f_view(&block.held_shape()[..])?.f_permute([0, 3, 1, 2])?.f_reshape([-1])?)
}
