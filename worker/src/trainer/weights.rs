//! Weights of one member, in PyTorch's names and layout.

use std::borrow::Cow;
use std::collections::HashMap;

use foldwise_study::network::Network;
use safetensors::tensor::{Dtype, View};
use tch::Tensor;

use super::TrainError;
use super::intake::Fitted;
use super::model::Model;
use super::parameters::to_pytorch;

/// What `state_dict()` of PyTorch's `nn.Sequential` of the network's layers holds, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Parameters and batch norm's buffers.
    pub tensors: Vec<NamedTensor>,
    /// What inputs were normalized by, where it was fitted to the training rows: whoever uses the weights needs it.
    pub normalize: Option<Fitted>,
    /// The file of a TorchScript module, which holds them instead.
    pub module: Option<Vec<u8>>,
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
        for layer in &network.layers {
            for block in blocks.by_ref().take(layer.parameters().len()) {
                let own = block.of(values, members)?.f_select(0, slot)?;
                let numbers = Vec::try_from(to_pytorch(block, &own)?)?;
                tensors.push(NamedTensor {
                    name: block.name.clone(),
                    shape: block.shape.clone(),
                    values: Values::Float(numbers),
                });
            }
            if !layer.is_batch_norm() {
                continue;
            }
            for (name, statistic) in ["running_mean", "running_var"].into_iter().zip(running.by_ref()) {
                let own = statistic.f_view((members, -1))?.f_select(0, slot)?;
                tensors.push(NamedTensor {
                    name: format!("{}.{name}", layer.path),
                    shape: vec![layer.input[0]],
                    values: Values::Float(Vec::try_from(own)?),
                });
            }
            tensors.push(NamedTensor {
                name: format!("{}.num_batches_tracked", layer.path),
                shape: Vec::new(),
                values: Values::Integer(steps),
            });
        }
        Ok(Self { tensors, normalize: None, module: None })
    }

    /// The tensors as a safetensors file; what inputs were normalized by is JSON in its metadata under
    /// `foldwise.normalize`, `mean` and `std` per channel or feature.
    ///
    /// # Errors
    /// [`TrainError::Weights`] when the format cannot hold them.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, TrainError> {
        let tensors = self.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor));
        let metadata = self.normalize.as_ref().map(|Fitted { mean, std }| {
            let text = serde_json::json!({ "mean": mean, "std": std }).to_string();
            HashMap::from([("foldwise.normalize".to_owned(), text)])
        });
        Ok(safetensors::serialize(tensors, metadata)?)
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
