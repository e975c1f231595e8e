//! The network: a list of layers, described rather than coded.
//!
//! The coordinator knows every shape, parameter count and cost from the description alone, so that a
//! study is checked and planned before anything runs. `mlp` and `cnn` are short forms of the list. A TorchScript module alone is a
//! file that nobody looks into before a worker does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod error;
mod infer;
mod init;
mod layer;
mod module;
mod operation;
mod shape;
mod short_form;

pub use error::NetworkError;
pub use init::{BiasInit, Distribution, Fan, Init, InitRule, InitSettings};
pub use layer::{Activation, Conv2d, Dropout, Layer, LeakyRelu, Linear, Pool2d, Repeat, Residual, Square};
pub use module::ModuleSpec;
pub use operation::{LayerShape, Operation};
pub use shape::{Network, ParameterCount, ParameterShape};
pub use short_form::{Cnn, Mlp, Pooling};

/// `[network]`: exactly one of `mlp`, `cnn`, `layers` and `torchscript`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Fully connected hidden layers and an output layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlp: Option<Mlp>,
    /// Blocks of convolution and pooling, hidden linear layers and an output layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnn: Option<Cnn>,
    /// Any sequence of layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10_000))]
    pub layers: Option<Vec<Layer>>,
    /// A TorchScript module from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torchscript: Option<ModuleSpec>,
    /// How the weights of linear and convolutional layers start.
    #[serde(default)]
    pub init: Init,
}

impl NetworkSpec {
    /// The layers this description stands for.
    ///
    /// # Errors
    /// When none or several of `mlp`, `cnn`, `layers` and `torchscript` are given. A module has no layers.
    pub fn expand(&self) -> Result<Vec<Layer>, NetworkError> {
        match (&self.mlp, &self.cnn, &self.layers, &self.torchscript) {
            (Some(mlp), None, None, None) => Ok(mlp.expand()),
            (None, Some(cnn), None, None) => Ok(cnn.expand()),
            (None, None, Some(layers), None) => Ok(layers.clone()),
            (None, None, None, Some(_)) => Ok(Vec::new()),
            _ => Err(NetworkError::NotOneForm),
        }
    }

    /// The network with every shape worked out, for rows of shape `input` (`[C, H, W]` or `[F]`) and
    /// `outputs` numbers per row.
    ///
    /// # Errors
    /// Names the layer that does not fit, with both shapes.
    pub fn resolve(&self, input: &[usize], outputs: usize) -> Result<Network, NetworkError> {
        let layers = self.expand()?;
        match &self.torchscript {
            Some(module) => Network::of_module(module.clone(), input, outputs),
            None => Network::new(&layers, self.init, input, outputs),
        }
    }
}
