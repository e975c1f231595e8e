//! Shape inference: every layer's input and output, parameters and cost, without libtorch.

use super::layer::{Conv2d, Init, Layer, Linear, Pool2d};

/// A network whose shapes all fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Shape of one row: `[C, H, W]` or `[F]`.
    pub input: Vec<usize>,
    /// Numbers per row that come out.
    pub outputs: usize,
    /// The layers with their shapes; `output` layers have become linear ones.
    pub layers: Vec<LayerShape>,
    /// How weights start.
    pub init: Init,
}

/// One layer between two shapes (of one row, without batch and member dimensions).
#[derive(Debug, Clone, PartialEq)]
pub struct LayerShape {
    /// The layer.
    pub layer: Layer,
    /// What goes in.
    pub input: Vec<usize>,
    /// What comes out.
    pub output: Vec<usize>,
}

/// A learned tensor of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterShape {
    /// The name PyTorch's `nn.Sequential` of these layers would give it, such as `3.weight`.
    pub name: String,
    /// Its shape in PyTorch's layout: `[out, in]`, `[out, in, kh, kw]` or `[channels]`.
    pub shape: Vec<usize>,
}

/// Trainable numbers of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParameterCount {
    /// All of them.
    pub total: u64,
    /// Those that belong to batch normalization.
    pub batch_norm: u64,
}

/// Why a network does not fit its data or itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Not exactly one of the three forms.
    #[error("give exactly one of `mlp`, `cnn` and `layers`")]
    NotOneForm,
    /// A layer that needs pictures got a vector, or the other way round.
    #[error("layer {index} ({layer}) needs {needs}, but gets {got:?}: {hint}")]
    Rank {
        /// Position in the list, from 0.
        index: usize,
        /// The layer's name.
        layer: &'static str,
        /// The shape it needs, in words.
        needs: &'static str,
        /// The shape it gets.
        got: Vec<usize>,
        /// What to do.
        hint: &'static str,
    },
    /// A window larger than the padded picture, or of no size.
    #[error(
        "layer {index} ({layer}) has a {kernel:?} window with padding {padding:?} and stride {stride:?}, which does not fit the picture it gets, {got:?}"
    )]
    Window {
        /// Position in the list, from 0.
        index: usize,
        /// The layer's name.
        layer: &'static str,
        /// Kernel height and width.
        kernel: [usize; 2],
        /// Stride.
        stride: [usize; 2],
        /// Padding.
        padding: [usize; 2],
        /// The shape it gets.
        got: Vec<usize>,
    },
    /// The last layer's shape is not what the data needs.
    #[error(
        "the network ends in {got:?}, but the data needs [{outputs}]: end with `\"output\"`, or with `flatten` and a linear layer of {outputs} units"
    )]
    Output {
        /// The last shape.
        got: Vec<usize>,
        /// What the data needs.
        outputs: usize,
    },
    /// Too many numbers for a machine to count.
    #[error("layer {index} ({layer}) is too large: its size overflows")]
    Overflow {
        /// Position in the list, from 0.
        index: usize,
        /// The layer's name.
        layer: &'static str,
    },
}

/// More numbers than this in one layer's input, output or weights cannot be meant.
const LAYER_NUMBERS_MAX: usize = 1 << 32;

impl Network {
    pub(super) fn new(
        layers: Vec<Layer>,
        init: Init,
        input: &[usize],
        outputs: usize,
    ) -> Result<Self, NetworkError> {
        bounded(input, &NetworkError::Overflow { index: 0, layer: "input" })?;
        let mut shape = input.to_vec();
        let mut shaped = Vec::with_capacity(layers.len());
        for (index, layer) in layers.into_iter().enumerate() {
            let layer = match layer {
                Layer::Output => Layer::Linear(Linear { units: outputs, bias: true }),
                other => other,
            };
            let output = infer(index, &layer, &shape)?;
            shaped.push(LayerShape { layer, input: shape, output: output.clone() });
            shape = output;
        }
        if shape != [outputs] {
            return Err(NetworkError::Output { got: shape, outputs });
        }
        Ok(Self { input: input.to_vec(), outputs, layers: shaped, init })
    }

    /// Learned tensors in PyTorch's order, names and shapes, those of batch norm included (its running
    /// statistics are buffers, not parameters).
    #[must_use]
    pub fn parameters(&self) -> Vec<ParameterShape> {
        let mut all = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            for (name, shape) in layer.parameters() {
                all.push(ParameterShape { name: format!("{index}.{name}"), shape });
            }
        }
        all
    }

    /// Trainable numbers.
    #[must_use]
    pub fn parameter_count(&self) -> ParameterCount {
        let mut count = ParameterCount::default();
        for layer in &self.layers {
            let numbers: u64 =
                layer.parameters().iter().map(|(_, shape)| shape.iter().product::<usize>() as u64).sum();
            count.total += numbers;
            if layer.layer == Layer::BatchNorm {
                count.batch_norm += numbers;
            }
        }
        count
    }

    /// Multiply-accumulates of one row's forward pass through linear and convolutional layers.
    #[must_use]
    pub fn multiply_accumulates(&self) -> u64 {
        self.layers.iter().map(LayerShape::multiply_accumulates).fold(0, u64::saturating_add)
    }

    /// Numbers that one row's forward pass keeps for the backward pass, about.
    #[must_use]
    pub fn activations(&self) -> u64 {
        let outputs: usize = self.layers.iter().map(|layer| layer.output.iter().product::<usize>()).sum();
        (outputs + self.input.iter().product::<usize>()) as u64
    }

    /// Whether a layer works on pictures.
    #[must_use]
    pub fn has_convolution(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer.layer, Layer::Conv2d(_)))
    }
}

impl LayerShape {
    /// Names and PyTorch shapes of this layer's parameters, in PyTorch's order.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, Vec<usize>)> {
        match &self.layer {
            Layer::Linear(linear) => with_bias(vec![linear.units, self.input[0]], linear.units, linear.bias),
            Layer::Conv2d(conv) => {
                let [height, width] = conv.kernel.sides();
                with_bias(vec![conv.channels, self.input[0], height, width], conv.channels, conv.bias)
            }
            Layer::BatchNorm => vec![("weight", vec![self.input[0]]), ("bias", vec![self.input[0]])],
            _ => Vec::new(),
        }
    }

    fn multiply_accumulates(&self) -> u64 {
        match &self.layer {
            Layer::Linear(linear) => (linear.units * self.input[0]) as u64,
            Layer::Conv2d(conv) => {
                let [height, width] = conv.kernel.sides();
                // Each side of this product is bounded by a layer's size, the product is not.
                let window = (self.input[0] * height * width) as u64;
                (self.output.iter().product::<usize>() as u64).saturating_mul(window)
            }
            _ => 0,
        }
    }
}

fn with_bias(weight: Vec<usize>, units: usize, bias: bool) -> Vec<(&'static str, Vec<usize>)> {
    let mut parameters = vec![("weight", weight)];
    if bias {
        parameters.push(("bias", vec![units]));
    }
    parameters
}

fn infer(index: usize, layer: &Layer, input: &[usize]) -> Result<Vec<usize>, NetworkError> {
    let name = layer.name();
    let overflow = NetworkError::Overflow { index, layer: name };
    let output = match layer {
        Layer::Linear(linear) => {
            let &[features] = input else {
                return Err(NetworkError::Rank {
                    index,
                    layer: name,
                    needs: "a vector [F]",
                    got: input.to_vec(),
                    hint: "put `\"flatten\"` or `\"global_avg_pool\"` before it",
                });
            };
            bounded(&[features, linear.units], &overflow)?;
            vec![linear.units]
        }
        Layer::Conv2d(conv) => {
            let [channels, height, width] = picture(index, layer, input)?;
            let Conv2d { kernel, stride, padding, .. } = conv;
            let sides = [kernel.sides(), stride.sides(), padding.sides()];
            let [height, width] = windows(index, layer, [channels, height, width], sides)?;
            let [kernel_height, kernel_width] = kernel.sides();
            bounded(&[conv.channels, channels, kernel_height, kernel_width], &overflow)?;
            vec![conv.channels, height, width]
        }
        Layer::MaxPool(pool) | Layer::AvgPool(pool) => {
            let [channels, height, width] = picture(index, layer, input)?;
            let Pool2d { kernel, stride, padding } = pool;
            let sides = [kernel.sides(), stride.unwrap_or(*kernel).sides(), padding.sides()];
            let [height, width] = windows(index, layer, [channels, height, width], sides)?;
            vec![channels, height, width]
        }
        Layer::GlobalAvgPool => vec![picture(index, layer, input)?[0]],
        Layer::Flatten => vec![input.iter().product()],
        Layer::Output | Layer::BatchNorm | Layer::Relu | Layer::Sigmoid | Layer::Tanh | Layer::Dropout(_) => {
            input.to_vec()
        }
    };
    bounded(&output, &overflow)?;
    Ok(output)
}

fn bounded(shape: &[usize], overflow: &NetworkError) -> Result<(), NetworkError> {
    let numbers = shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
    match numbers {
        Some(numbers) if numbers <= LAYER_NUMBERS_MAX => Ok(()),
        _ => Err(overflow.clone()),
    }
}

fn picture(index: usize, layer: &Layer, input: &[usize]) -> Result<[usize; 3], NetworkError> {
    <[usize; 3]>::try_from(input).map_err(|_| NetworkError::Rank {
        index,
        layer: layer.name(),
        needs: "pictures [C, H, W]",
        got: input.to_vec(),
        hint: "use it before `\"flatten\"`, on data whose rows are pictures",
    })
}

fn windows(
    index: usize,
    layer: &Layer,
    input: [usize; 3],
    [kernel, stride, padding]: [[usize; 2]; 3],
) -> Result<[usize; 2], NetworkError> {
    let misfit =
        || NetworkError::Window { index, layer: layer.name(), kernel, stride, padding, got: input.to_vec() };
    // PyTorch asks of pooling that the padding be at most half the kernel.
    let pooling = matches!(layer, Layer::MaxPool(_) | Layer::AvgPool(_));
    let side = |axis: usize| {
        let padded = padding[axis].checked_mul(2)?.checked_add(input[axis + 1])?;
        if pooling && padding[axis] * 2 > kernel[axis] {
            return None;
        }
        let room = padded.checked_sub(kernel[axis])?;
        (kernel[axis] > 0).then_some(())?;
        Some(room.checked_div(stride[axis])? + 1)
    };
    Ok([side(0).ok_or_else(misfit)?, side(1).ok_or_else(misfit)?])
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
            Self::Relu => "relu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::MaxPool(_) => "max_pool",
            Self::AvgPool(_) => "avg_pool",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::Flatten => "flatten",
            Self::Dropout(_) => "dropout",
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::network::{Activation, Cnn, Mlp, NetworkSpec, Pooling, Square};

    const PICTURE: [usize; 3] = [1, 28, 28];

    fn mlp(hidden: &[usize]) -> NetworkSpec {
        let mlp =
            Mlp { hidden: hidden.to_vec(), activation: Activation::Relu, batch_norm: true, dropout: 0.3 };
        NetworkSpec { mlp: Some(mlp), ..NetworkSpec::default() }
    }

    fn cnn(channels: &[usize], hidden: &[usize]) -> Cnn {
        Cnn {
            channels: channels.to_vec(),
            kernel: Square::Side(3),
            padding: Square::Side(0),
            activation: Activation::Relu,
            batch_norm: false,
            pool: Pooling::Max,
            global_avg_pool: false,
            hidden: hidden.to_vec(),
            dropout: 0.3,
        }
    }

    fn without_batch_norm(spec: &NetworkSpec) -> u64 {
        let count = spec.resolve(&PICTURE, 10).expect("fits").parameter_count();
        count.total - count.batch_norm
    }

    #[test]
    fn counts_of_study_a_are_the_published_ones() {
        let dense = [[224, 112], [96, 48], [64, 32]].map(|hidden| without_batch_norm(&mlp(&hidden)));
        assert_eq!(dense, [202_170, 80_506, 52_650]);
        let convolutional = [([16, 32], 120), ([8, 16], 120), ([6, 12], 60), ([4, 8], 45)]
            .map(|(channels, hidden)| NetworkSpec {
                cnn: Some(cnn(&channels, &[hidden])),
                ..Default::default()
            })
            .map(|spec| without_batch_norm(&spec));
        assert_eq!(convolutional, [102_130, 50_578, 19_390, 9_841]);
    }

    #[test]
    fn count_of_study_b_is_the_published_one() {
        let form = Cnn {
            padding: Square::Side(1),
            batch_norm: true,
            global_avg_pool: true,
            ..cnn(&[32, 64, 128], &[])
        };
        let network =
            NetworkSpec { cnn: Some(form), ..Default::default() }.resolve(&PICTURE, 10).expect("fits");
        assert_eq!(network.parameter_count().total, 94_410);
        assert_eq!(network.parameters()[0].name, "0.weight");
        assert_eq!(network.parameters()[0].shape, [32, 1, 3, 3]);
    }

    #[test]
    fn a_window_too_large_names_the_layer_and_the_shape() {
        let spec = NetworkSpec { cnn: Some(cnn(&[4, 4, 4, 4], &[])), ..Default::default() };
        let error = spec.resolve(&PICTURE, 10).expect_err("too deep").to_string();
        assert!(error.starts_with("layer 9 (conv2d) has a [3, 3] window"), "{error}");
        assert!(error.ends_with("[4, 1, 1]"), "{error}");
    }
}
