//! One step of a network with its shapes.

use super::init::{Distribution, Init};
use super::layer::{Conv2d, Layer};

/// One operation between two shapes (of one row, without batch and member dimensions).
#[derive(Debug, Clone, PartialEq)]
pub struct LayerShape {
    /// The name that PyTorch's `nn.Sequential` gives the layer: its position, or such as `4.body.1` inside the residual
    /// layer at position 4. The operations that make up a residual layer have its name.
    pub path: String,
    /// What is done.
    pub operation: Operation,
    /// What goes in.
    pub input: Vec<usize>,
    /// What comes out.
    pub output: Vec<usize>,
    /// How its weights start.
    pub init: Init,
}

/// What is done with the values under way, and with a pile on which residual layers lay values by.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// A layer that is neither `output`, `repeat` nor `residual`.
    Layer(Layer),
    /// Lays a copy of the values on the pile.
    Fork,
    /// Exchanges the values with those on top of the pile.
    Exchange,
    /// Takes the top of the pile and adds it.
    Add,
}

impl LayerShape {
    /// The layer, unless the operation is one of a residual layer's own.
    #[must_use]
    pub fn layer(&self) -> Option<&Layer> {
        match &self.operation {
            Operation::Layer(layer) => Some(layer),
            Operation::Fork | Operation::Exchange | Operation::Add => None,
        }
    }

    /// Whether it is batch normalization.
    #[must_use]
    pub fn is_batch_norm(&self) -> bool {
        self.layer() == Some(&Layer::BatchNorm)
    }

    /// Names and PyTorch shapes of this layer's parameters, in PyTorch's order.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, Vec<usize>)> {
        match self.layer() {
            Some(Layer::Linear(linear)) => {
                with_bias(vec![linear.units, self.input[0]], linear.units, linear.bias)
            }
            Some(Layer::Conv2d(conv)) => {
                let [height, width] = conv.kernel.sides();
                let kernel = vec![conv.channels, self.input[0] / conv.groups, height, width];
                with_bias(kernel, conv.channels, conv.bias)
            }
            Some(Layer::BatchNorm) => {
                vec![("weight", vec![self.input[0]]), ("bias", vec![self.input[0]])]
            }
            Some(Layer::LayerNorm) => vec![("weight", self.input.clone()), ("bias", self.input.clone())],
            _ => Vec::new(),
        }
    }

    /// The distribution of each of [`Self::parameters`]' initial values.
    #[must_use]
    pub fn initial(&self) -> Vec<Distribution> {
        let normalizes = matches!(self.layer(), Some(Layer::BatchNorm | Layer::LayerNorm));
        let parameters = self.parameters();
        let Some((_, weight)) = parameters.first() else { return Vec::new() };
        let window: usize = weight.iter().skip(2).product();
        let fan_in = (weight.get(1).copied().unwrap_or(1) * window) as f64;
        let fan_out = (weight[0] * window) as f64;
        let of = |name: &str| match (name, normalizes) {
            ("bias", true) => Distribution::Constant(0.0),
            (_, true) => Distribution::Constant(1.0),
            ("bias", false) => self.init.biases(fan_in),
            (_, false) => self.init.weights(fan_in, fan_out),
        };
        parameters.iter().map(|(name, _)| of(name)).collect()
    }

    /// Multiply-accumulates of one row.
    pub(super) fn multiply_accumulates(&self) -> u64 {
        match self.layer() {
            Some(Layer::Linear(linear)) => (linear.units * self.input[0]) as u64,
            Some(Layer::Conv2d(Conv2d { kernel, groups, .. })) => {
                let [height, width] = kernel.sides();
                // Each side of this product is bounded by a layer's size, the product is not.
                let window = (self.input[0] / groups * height * width) as u64;
                (self.output.iter().product::<usize>() as u64).saturating_mul(window)
            }
            _ => 0,
        }
    }

    /// What members of a cohort must share of it: everything but dropout rates and initial weights.
    #[must_use]
    pub fn fuse_key(&self) -> String {
        let operation = match self.layer() {
            Some(Layer::Dropout(_)) => "dropout".to_owned(),
            Some(Layer::Linear(linear)) => format!("linear {} {}", linear.units, linear.bias),
            Some(Layer::Conv2d(conv)) => {
                let Conv2d { channels, kernel, stride, padding, groups, bias, init: _ } = conv;
                let [kernel, stride, padding] = [kernel, stride, padding].map(|square| square.sides());
                format!("conv2d {channels} {kernel:?} {stride:?} {padding:?} {groups} {bias}")
            }
            Some(layer) => format!("{layer:?}"),
            None => format!("{:?}", self.operation),
        };
        format!("{operation} {:?}", self.input)
    }
}

fn with_bias(weight: Vec<usize>, units: usize, bias: bool) -> Vec<(&'static str, Vec<usize>)> {
    let mut parameters = vec![("weight", weight)];
    if bias {
        parameters.push(("bias", vec![units]));
    }
    parameters
}
