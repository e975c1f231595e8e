//! One layer, as a spec writes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// `max(x, 0)`.
    Relu,
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
}

/// Settings of a linear layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Outputs.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub units: usize,
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
}

/// Settings of a two-dimensional convolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Whether a bias is added.
    #[serde(default = "yes")]
    pub bias: bool,
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
}

impl Activation {
    pub(super) fn layer(self) -> Layer {
        match self {
            Self::Relu => Layer::Relu,
            Self::Sigmoid => Layer::Sigmoid,
            Self::Tanh => Layer::Tanh,
        }
    }
}

/// How weights start. `fan_in` and `fan_out` are PyTorch's. Biases start at zero except with `pytorch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// PyTorch's default: weights and biases uniform within `±1/√fan_in`.
    #[default]
    Pytorch,
    /// `xavier_uniform_` with gain 1.
    XavierUniform,
    /// `xavier_normal_` with gain 1.
    XavierNormal,
    /// `kaiming_uniform_` for rectifiers, `fan_in`.
    KaimingUniform,
    /// `kaiming_normal_` for rectifiers, `fan_in`.
    KaimingNormal,
}

fn yes() -> bool {
    true
}
