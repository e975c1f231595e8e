//! `mlp` and `cnn`: the two networks most studies use, each in one line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layer::{Activation, Conv2d, Dropout, Layer, Linear, Pool2d, Square};

/// Hidden layers, each `linear → [batch norm] → activation → dropout`, then the output layer.
///
/// The dropout layers are always there, so that trials that differ in the rate alone share a cohort.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mlp {
    /// Units of each hidden layer; empty for softmax (or linear) regression.
    #[schemars(length(max = 1_000))]
    pub hidden: Vec<usize>,
    /// After each hidden layer.
    #[serde(default)]
    pub activation: Activation,
    /// Whether each hidden layer is batch-normalized before its activation.
    #[serde(default)]
    pub batch_norm: bool,
    /// Dropout rate after each hidden activation.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.999))]
    pub dropout: f64,
}

impl Mlp {
    pub(super) fn expand(&self) -> Vec<Layer> {
        let mut layers = vec![Layer::Flatten];
        push_hidden(&mut layers, &self.hidden, self.activation, self.batch_norm, self.dropout);
        layers.push(Layer::Output);
        layers
    }
}

/// Blocks of `conv → [batch norm] → activation → pool`, then either global average pooling or
/// flattening, then hidden linear layers with activation and dropout, then the output layer.
///
/// Without hidden layers the dropout stands before the output layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cnn {
    /// Output channels of each block.
    #[schemars(length(min = 1, max = 1_000))]
    pub channels: Vec<usize>,
    /// Height and width of each kernel.
    #[serde(default = "three")]
    pub kernel: Square,
    /// Zeros added on each side before each convolution.
    #[serde(default = "none")]
    pub padding: Square,
    /// After each convolution and each hidden layer.
    #[serde(default)]
    pub activation: Activation,
    /// Whether each convolution is batch-normalized before its activation.
    #[serde(default)]
    pub batch_norm: bool,
    /// The 2×2 pooling that ends each block.
    #[serde(default)]
    pub pool: Pooling,
    /// Whether channels are averaged over the picture instead of flattened.
    #[serde(default)]
    pub global_avg_pool: bool,
    /// Units of the hidden linear layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1_000))]
    pub hidden: Vec<usize>,
    /// Dropout rate after each hidden activation, or before the output layer.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.999))]
    pub dropout: f64,
}

impl Cnn {
    pub(super) fn expand(&self) -> Vec<Layer> {
        let mut layers = Vec::new();
        for &channels in &self.channels {
            layers.push(Layer::Conv2d(Conv2d {
                channels,
                kernel: self.kernel,
                stride: Square::Side(1),
                padding: self.padding,
                groups: 1,
                bias: true,
                init: None,
            }));
            if self.batch_norm {
                layers.push(Layer::BatchNorm);
            }
            layers.push(self.activation.layer());
            let window = Pool2d { kernel: Square::Side(2), stride: None, padding: Square::Side(0) };
            match self.pool {
                Pooling::Max => layers.push(Layer::MaxPool(window)),
                Pooling::Avg => layers.push(Layer::AvgPool(window)),
                Pooling::None => {}
            }
        }
        layers.push(if self.global_avg_pool { Layer::GlobalAvgPool } else { Layer::Flatten });
        push_hidden(&mut layers, &self.hidden, self.activation, false, self.dropout);
        if self.hidden.is_empty() {
            layers.push(Layer::Dropout(Dropout { rate: self.dropout }));
        }
        layers.push(Layer::Output);
        layers
    }
}

/// What ends each block of a `cnn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// 2×2 maximum pooling.
    #[default]
    Max,
    /// 2×2 average pooling.
    Avg,
    /// No pooling.
    None,
}

fn push_hidden(layers: &mut Vec<Layer>, hidden: &[usize], activation: Activation, norm: bool, rate: f64) {
    for &units in hidden {
        layers.push(Layer::Linear(Linear { units, bias: true, init: None }));
        if norm {
            layers.push(Layer::BatchNorm);
        }
        layers.push(activation.layer());
        layers.push(Layer::Dropout(Dropout { rate }));
    }
}

fn three() -> Square {
    Square::Side(3)
}

fn none() -> Square {
    Square::Side(0)
}
