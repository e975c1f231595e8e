//! A network whose shapes all fit, without libtorch.

use super::NetworkError;
use super::infer::{bounded, infer};
use super::init::Init;
use super::layer::{Layer, Linear, Residual};
use super::module::ModuleSpec;
use super::operation::{LayerShape, Operation};

/// A network whose shapes all fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Shape of one row: `[C, H, W]` or `[F]`.
    pub input: Vec<usize>,
    /// Numbers per row that come out.
    pub outputs: usize,
    /// The operations in order: `output` layers have become linear ones, repeats are written out and residual layers
    /// taken apart.
    pub layers: Vec<LayerShape>,
    /// What computes in place of layers, of which there are none then.
    pub module: Option<ModuleSpec>,
}

/// A learned tensor of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterShape {
    /// The name PyTorch's `nn.Sequential` of these layers would give it, such as `3.weight`.
    pub name: String,
    /// Its shape in PyTorch's layout: `[out, in]`, `[out, in, kh, kw]`, `[channels]` or a row's.
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

/// The most layers of a network, repeats written out.
const LAYERS_MAX: usize = 10_000;

impl Network {
    pub(super) fn new(
        layers: &[Layer],
        init: Init,
        input: &[usize],
        outputs: usize,
    ) -> Result<Self, NetworkError> {
        bounded(input, &NetworkError::Overflow { at: "0".to_owned(), layer: "input" })?;
        let mut maker = Maker { outputs, init, made: Vec::new() };
        let shape = maker.sequence("", layers, input.to_vec())?;
        if shape != [outputs] {
            return Err(NetworkError::Output { got: shape, outputs });
        }
        Ok(Self { input: input.to_vec(), outputs, layers: maker.made, module: None })
    }

    pub(super) fn of_module(
        module: ModuleSpec,
        input: &[usize],
        outputs: usize,
    ) -> Result<Self, NetworkError> {
        bounded(input, &NetworkError::Overflow { at: "0".to_owned(), layer: "input" })?;
        Ok(Self { input: input.to_vec(), outputs, layers: Vec::new(), module: Some(module) })
    }

    /// Learned tensors in PyTorch's order, names and shapes, those of batch norm included (its running
    /// statistics are buffers, not parameters).
    #[must_use]
    pub fn parameters(&self) -> Vec<ParameterShape> {
        let mut all = Vec::new();
        for layer in &self.layers {
            for (name, shape) in layer.parameters() {
                all.push(ParameterShape { name: format!("{}.{name}", layer.path), shape });
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
            if layer.is_batch_norm() {
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

    /// Whether batch normalization takes values of which a row has one per channel, so that a step needs two rows.
    #[must_use]
    pub fn normalizes_vectors(&self) -> bool {
        let lone = |layer: &LayerShape| layer.input[1..].iter().product::<usize>() == 1;
        self.layers.iter().any(|layer| layer.is_batch_norm() && lone(layer))
    }

    /// Whether a layer works on pictures.
    #[must_use]
    pub fn has_convolution(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer.layer(), Some(Layer::Conv2d(_))))
    }
}

/// A network in the making.
struct Maker {
    outputs: usize,
    init: Init,
    made: Vec<LayerShape>,
}

impl Maker {
    /// Adds layers, whose names begin with `prefix`; the shape that comes out.
    fn sequence(
        &mut self,
        prefix: &str,
        layers: &[Layer],
        mut shape: Vec<usize>,
    ) -> Result<Vec<usize>, NetworkError> {
        let mut position = 0;
        self.extend(prefix, layers, &mut shape, &mut position)?;
        Ok(shape)
    }

    fn extend(
        &mut self,
        prefix: &str,
        layers: &[Layer],
        shape: &mut Vec<usize>,
        position: &mut usize,
    ) -> Result<(), NetworkError> {
        for layer in layers {
            if *position >= LAYERS_MAX || self.made.len() >= LAYERS_MAX {
                return Err(NetworkError::TooManyLayers { most: LAYERS_MAX });
            }
            if let Layer::Repeat(repeat) = layer {
                let times = if repeat.layers.is_empty() { 0 } else { repeat.times };
                for _ in 0..times {
                    self.extend(prefix, &repeat.layers, shape, position)?;
                }
                continue;
            }
            let at = format!("{prefix}{position}");
            *position += 1;
            *shape = match layer {
                Layer::Residual(residual) => self.residual(&at, residual, shape.clone())?,
                layer => self.layer(at, layer, shape.clone())?,
            };
        }
        Ok(())
    }

    fn layer(&mut self, at: String, layer: &Layer, input: Vec<usize>) -> Result<Vec<usize>, NetworkError> {
        let own = match layer {
            Layer::Linear(linear) => linear.init,
            Layer::Conv2d(conv) => conv.init,
            _ => None,
        };
        let init = own.unwrap_or(self.init);
        if let Some(reason) = init.misfit() {
            return Err(NetworkError::Init { at, layer: layer.name(), reason });
        }
        let layer = match layer {
            Layer::Output => Layer::Linear(Linear { units: self.outputs, bias: true, init: None }),
            other => other.clone(),
        };
        let output = infer(&at, &layer, &input)?;
        let operation = Operation::Layer(layer);
        self.made.push(LayerShape { path: at, operation, input, output: output.clone(), init });
        Ok(output)
    }

    fn residual(
        &mut self,
        at: &str,
        residual: &Residual,
        input: Vec<usize>,
    ) -> Result<Vec<usize>, NetworkError> {
        self.own(at, Operation::Fork, &input);
        let body = self.sequence(&format!("{at}.body."), &residual.body, input.clone())?;
        let mut shortcut = input.clone();
        if !residual.shortcut.is_empty() {
            self.own(at, Operation::Exchange, &input);
            shortcut = self.sequence(&format!("{at}.shortcut."), &residual.shortcut, input)?;
        }
        if body != shortcut {
            let way = if residual.shortcut.is_empty() { "input" } else { "shortcut" };
            return Err(NetworkError::Residual { at: at.to_owned(), body, shortcut, way });
        }
        self.own(at, Operation::Add, &body);
        Ok(body)
    }

    fn own(&mut self, at: &str, operation: Operation, shape: &[usize]) {
        let (input, output) = (shape.to_vec(), shape.to_vec());
        self.made.push(LayerShape { path: at.to_owned(), operation, input, output, init: self.init });
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

    fn layers(text: &str) -> NetworkSpec {
        toml::from_str(&format!("layers = {text}")).expect("a network")
    }

    #[test]
    fn residual_layers_are_named_as_pytorch_names_them_and_counted() {
        let spec = layers(
            r#"[
                { conv2d = { channels = 4, kernel = 3, padding = 1 } },
                { residual = { body = [{ conv2d = { channels = 8, kernel = 3, padding = 1, bias = false } }, "batch_norm"],
                               shortcut = [{ conv2d = { channels = 8, kernel = 1 } }] } },
                { residual = { body = ["layer_norm"] } },
                "global_avg_pool", "output",
            ]"#,
        );
        let network = spec.resolve(&[3, 8, 8], 5).expect("fits");
        let names: Vec<String> = network.parameters().into_iter().map(|parameter| parameter.name).collect();
        let expected = [
            "0.weight",
            "0.bias",
            "1.body.0.weight",
            "1.body.1.weight",
            "1.body.1.bias",
            "1.shortcut.0.weight",
            "1.shortcut.0.bias",
            "2.body.0.weight",
            "2.body.0.bias",
            "4.weight",
            "4.bias",
        ];
        assert_eq!(names, expected);
        let count = (3 * 4 * 9 + 4) + 4 * 8 * 9 + 16 + (4 * 8 + 8) + 2 * 8 * 64 + (8 * 5 + 5);
        assert_eq!(network.parameter_count().total, count);
    }

    #[test]
    fn repeats_are_written_out() {
        let spec = layers(
            r#"[{ repeat = { times = 3, layers = [{ linear = { units = 7 } }, "gelu"] } }, "output"]"#,
        );
        let network = spec.resolve(&[5], 2).expect("fits");
        assert_eq!(network.parameter_count().total, (5 * 7 + 7) + 2 * (7 * 7 + 7) + 2 * 8);
        assert_eq!(network.layers.last().expect("layers").path, "6");
    }

    #[test]
    fn ways_that_do_not_meet_and_groups_that_do_not_divide_are_told_with_both_shapes() {
        let conv = r#"{ conv2d = { channels = 8, kernel = 3, stride = 2, padding = 1 } }"#;
        let error = |text: &str| layers(text).resolve(&[3, 8, 8], 5).expect_err("misfit").to_string();
        let found = error(&format!("[{{ residual = {{ body = [{conv}] }} }}]"));
        assert!(
            found.starts_with("layer 0 (residual) adds [8, 4, 4] (its body) and [3, 8, 8] (its input)"),
            "{found}"
        );
        let found = error(r#"[{ conv2d = { channels = 8, kernel = 3, groups = 2 } }]"#);
        assert!(found.contains("3 channels into 8 in 2 groups"), "{found}");
        let found =
            error(r#"[{ residual = { body = ["flatten", { conv2d = { channels = 8, kernel = 3 } }] } }]"#);
        assert!(found.starts_with("layer 0.body.1 (conv2d) needs pictures"), "{found}");
        let many =
            r#"[{ repeat = { times = 9999, layers = [{ repeat = { times = 9999, layers = ["relu"] } }] } }]"#;
        assert!(error(many).contains("more than 10000 layers"));
        let found =
            error(r#"["flatten", { linear = { units = 5, init = { weights = "zeros", gain = 2.0 } } }]"#);
        assert!(found.contains("init: `gain` is a setting of xavier and kaiming rules"), "{found}");
    }
}
