//! Weights of one member, in PyTorch's names and layout.

use std::borrow::Cow;

use foldwise_study::network::{Layer, Network};
use safetensors::tensor::{Dtype, View};
use tch::Tensor;

use super::TrainError;
use super::model::Model;
use super::parameters::to_pytorch;

/// What `state_dict()` of PyTorch's `nn.Sequential` of the network's layers holds, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Parameters and batch norm's buffers.
    pub tensors: Vec<NamedTensor>,
}

/// One tensor by name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// The layer's position and the tensor's name in it, such as `3.running_mean`.
    pub name: String,
    /// Its shape in PyTorch's layout; empty for a single number.
    pub shape: Vec<usize>,
    /// Its numbers, row-major.
    pub values: Values,
}

/// Numbers of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Weights and statistics.
    Float(Vec<f32>),
    /// `num_batches_tracked`.
    Integer(i64),
}

impl Weights {
    /// The weights of `slot`, from flat values `[N]` and batch norm's statistics as [`Model::running`] orders
    /// them, after `steps` steps.
    pub(super) fn of(
        network: &Network,
        model: &Model,
        (values, running): (&Tensor, &[Tensor]),
        slot: i64,
        steps: i64,
    ) -> Result<Self, TrainError> {
        let members = model.parameters.members();
        let mut blocks = model.parameters.blocks().iter();
        let mut running = running.iter();
        let mut tensors = Vec::new();
        for (index, layer) in network.layers.iter().enumerate() {
            for block in blocks.by_ref().take(layer.parameters().len()) {
                let own = block.of(values, members)?.f_select(0, slot)?;
                let numbers = Vec::try_from(to_pytorch(block, &own)?)?;
                tensors.push(NamedTensor {
                    name: block.name.clone(),
                    shape: block.shape.clone(),
                    values: Values::Float(numbers),
                });
            }
            if layer.layer != Layer::BatchNorm {
                continue;
            }
            for (name, statistic) in ["running_mean", "running_var"].into_iter().zip(running.by_ref()) {
                let own = statistic.f_view((members, -1))?.f_select(0, slot)?;
                tensors.push(NamedTensor {
                    name: format!("{index}.{name}"),
                    shape: vec![layer.input[0]],
                    values: Values::Float(Vec::try_from(own)?),
                });
            }
            tensors.push(NamedTensor {
                name: format!("{index}.num_batches_tracked"),
                shape: Vec::new(),
                values: Values::Integer(steps),
            });
        }
        Ok(Self { tensors })
    }

    /// The tensors as a safetensors file.
    ///
    /// # Errors
    /// [`TrainError::Weights`] when the format cannot hold them.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, TrainError> {
        Ok(safetensors::serialize(self.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)), None)?)
    }
}

impl View for &NamedTensor {
    fn dtype(&self) -> Dtype {
        match self.values {
            Values::Float(_) => Dtype::F32,
            Values::Integer(_) => Dtype::I64,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(match &self.values {
            Values::Float(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Values::Integer(number) => number.to_le_bytes().to_vec(),
        })
    }

    fn data_len(&self) -> usize {
        match &self.values {
            Values::Float(numbers) => numbers.len() * size_of::<f32>(),
            Values::Integer(_) => size_of::<i64>(),
        }
    }
}
