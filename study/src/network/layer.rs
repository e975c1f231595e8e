//! One layer, as a spec writes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::init::Init;

/// A layer. Layers without settings are written as words (`"relu"`), others as one-entry tables
/// (`{ linear = { units = 64 } }`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Layer {
    /// `[F] → [units]`.
    Linear(Linear),
    /// A linear layer with as many units as the data has outputs (classes, or 1 for a number).
    Output,
    /// `[C, H, W] → [channels, H', W']`.
    Conv2d(Conv2d),
    /// Batch normalization per channel (`[C, H, W]`) or per feature (`[F]`), with scale and shift.
    /// Epsilon 1e-5 and momentum 0.1, as in PyTorch.
    BatchNorm,
    /// Normalization of each row over all its numbers (`[F]`, or `[C, H, W]`), with scale and shift of that shape.
    /// Epsilon 1e-5, as in PyTorch.
    LayerNorm,
    /// `max(x, 0)`.
    Relu,
    /// `x` where it is positive, else `slope · x`.
    LeakyRelu(LeakyRelu),
    /// `x · Φ(x)` with the normal distribution's Φ, exact (PyTorch's default).
    Gelu,
    /// `1 / (1 + e^−x)`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// The largest value of each window.
    MaxPool(Pool2d),
    /// The mean of each window.
    AvgPool(Pool2d),
    /// `[C, H, W] → [C]`, the mean of each channel.
    GlobalAvgPool,
    /// `[C, H, W] → [C·H·W]`, channels first.
    Flatten,
    /// Zeroes values with probability `rate` while training and scales the others by `1/(1 − rate)`.
    Dropout(Dropout),
    /// The same layers several times, one after the other, each time with weights of their own.
    Repeat(Repeat),
    /// `body(x) + shortcut(x)`; without a shortcut `body(x) + x`.
    Residual(Residual),
}

impl Layer {
    /// The word a spec uses for this kind of layer.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear(_) => "linear",
            Self::Output => "output",
            Self::Conv2d(_) => "conv2d",
            Self::BatchNorm => "batch_norm",
            Self::LayerNorm => "layer_norm",
            Self::Relu => "relu",
            Self::LeakyRelu(_) => "leaky_relu",
            Self::Gelu => "gelu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::MaxPool(_) => "max_pool",
            Self::AvgPool(_) => "avg_pool",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::Flatten => "flatten",
            Self::Dropout(_) => "dropout",
            Self::Repeat(_) => "repeat",
            Self::Residual(_) => "residual",
        }
    }
}

/// Layers that are repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often; 0 leaves them out.
    #[schemars(range(max = 10_000))]
    pub times: usize,
    /// The layers.
    #[schemars(length(max = 10_000))]
    pub layers: Vec<Layer>,
}

/// Two ways from one layer to the next, whose results are added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Residual {
    /// The long way.
    #[schemars(length(max = 10_000))]
    pub body: Vec<Layer>,
    /// The short way; empty where the input is added as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10_000))]
    pub shortcut: Vec<Layer>,
}

/// Settings of a leaky rectifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeakyRelu {
    /// The slope below zero.
    #[serde(default = "hundredth")]
    #[schemars(range(min = 0.0, max = 1_000.0))]
    pub slope: f64,
}

/// Settings of a linear layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Outputs.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub units: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// How its weights start; by default as the network's do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
}

/// Settings of a two-dimensional convolution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// Output channels.
    #[schemars(range(min = 1, max = 65_536))]
    pub channels: usize,
    /// Height and width of the kernel.
    pub kernel: Square,
    /// Step between windows.
    #[serde(default = "Square::one")]
    pub stride: Square,
    /// Zeros added on each side.
    #[serde(default = "Square::zero")]
    pub padding: Square,
    /// Groups of channels that are convolved apart; both channel counts must be multiples of it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1, max = 65_536))]
    pub groups: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
    /// How its weights start; by default as the network's do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
}

/// Settings of a pooling layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool2d {
    /// Height and width of the window.
    pub kernel: Square,
    /// Step between windows; the kernel by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Square>,
    /// Zeros (average) or minus infinities (maximum) added on each side.
    #[serde(default = "Square::zero")]
    pub padding: Square,
}

/// Settings of a dropout layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// Probability that a value is zeroed, 0 ≤ rate < 1.
    #[schemars(range(min = 0.0, max = 0.999))]
    pub rate: f64,
}

/// A height and a width: `3` for both or `[3, 5]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Square {
    /// The same for both.
    Side(#[schemars(range(max = 65_536))] usize),
    /// Height, then width.
    Sides([usize; 2]),
}

impl Square {
    /// Height and width.
    #[must_use]
    pub fn sides(self) -> [usize; 2] {
        match self {
            Self::Side(side) => [side, side],
            Self::Sides(sides) => sides,
        }
    }

    fn one() -> Self {
        Self::Side(1)
    }

    fn zero() -> Self {
        Self::Side(0)
    }
}

/// The function between two layers of a short form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`.
    #[default]
    Relu,
    /// `1 / (1 + e^−x)`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `x` where it is positive, else `0.01 · x`.
    LeakyRelu,
    /// `x · Φ(x)`, exact.
    Gelu,
}

impl Activation {
    pub(super) fn layer(self) -> Layer {
        match self {
            Self::Relu => Layer::Relu,
            Self::Sigmoid => Layer::Sigmoid,
            Self::Tanh => Layer::Tanh,
            Self::LeakyRelu => Layer::LeakyRelu(LeakyRelu { slope: hundredth() }),
            Self::Gelu => Layer::Gelu,
        }
    }
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_one(groups: &usize) -> bool {
    *groups == 1
}

fn hundredth() -> f64 {
    0.01
}
