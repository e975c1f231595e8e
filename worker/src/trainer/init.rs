//! Initial weights, drawn on the host so that they depend on the member alone.

use foldwise_study::network::{Init, LayerShape, Network};
use foldwise_study::seed::{Purpose, Source};
use rand_core::Rng;
use rand_distr::{Distribution, StandardNormal};

/// Initial values of every parameter of one member, in [`Network::parameters`]' order and layout.
///
/// Each parameter has its own stream, keyed by its position.
pub(super) fn initial(network: &Network, source: &Source) -> Vec<Vec<f32>> {
    let mut all = Vec::new();
    for layer in &network.layers {
        let shapes = layer.parameters();
        let fans = shapes.first().map(|(_, shape)| Fans::of(shape));
        for (name, shape) in &shapes {
            let numbers = shape.iter().product();
            let rule = rule(layer, name, network.init, fans.as_ref());
            let mut stream = source.stream(Purpose::Weights, all.len() as u64);
            all.push(rule.draw(numbers, &mut stream));
        }
    }
    all
}

/// PyTorch's `fan_in` and `fan_out` of a weight.
struct Fans {
    inward: f64,
    outward: f64,
}

impl Fans {
    fn of(shape: &[usize]) -> Self {
        let window: usize = shape.iter().skip(2).product();
        let channels = shape.get(1).copied().unwrap_or(1);
        Self { inward: (channels * window) as f64, outward: (shape[0] * window) as f64 }
    }
}

/// A distribution of initial values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    Constant(f32),
    /// Uniform within ± the bound.
    Uniform(f64),
    /// Normal with mean 0 and the standard deviation.
    Normal(f64),
}

/// Formulas of `torch.nn.init` and of `reset_parameters` of `nn.Linear` and `nn.Conv2d`.
fn rule(layer: &LayerShape, name: &str, init: Init, fans: Option<&Fans>) -> Rule {
    let bias = name == "bias";
    let Some(fans) = fans.filter(|_| layer.layer != foldwise_study::network::Layer::BatchNorm) else {
        return Rule::Constant(if bias { 0.0 } else { 1.0 });
    };
    match init {
        Init::Pytorch => Rule::Uniform(1.0 / fans.inward.sqrt()),
        _ if bias => Rule::Constant(0.0),
        Init::XavierUniform => Rule::Uniform((6.0 / (fans.inward + fans.outward)).sqrt()),
        Init::XavierNormal => Rule::Normal((2.0 / (fans.inward + fans.outward)).sqrt()),
        Init::KaimingUniform => Rule::Uniform((6.0 / fans.inward).sqrt()),
        Init::KaimingNormal => Rule::Normal((2.0 / fans.inward).sqrt()),
    }
}

impl Rule {
    #[allow(clippy::cast_possible_truncation, reason = "weights are 32-bit")]
    fn draw(self, numbers: usize, stream: &mut impl Rng) -> Vec<f32> {
        match self {
            Self::Constant(value) => vec![value; numbers],
            Self::Uniform(bound) => (0..numbers)
                .map(|_| {
                    let share = f64::from(stream.next_u32() >> 8) / f64::from(1 << 24);
                    ((2.0 * share - 1.0) * bound) as f32
                })
                .collect(),
            Self::Normal(deviation) => (0..numbers)
                .map(|_| {
                    let standard: f64 = StandardNormal.sample(stream);
                    (standard * deviation) as f32
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use foldwise_study::network::{Conv2d, Init, Layer, Network, NetworkSpec, Square};
    use foldwise_study::seed::Source;

    use super::initial;

    const SOURCE: Source = Source { study: 9, train: None, trial: None, fold: 0 };

    fn network(init: Init) -> Network {
        let conv = Conv2d {
            channels: 40,
            kernel: Square::Side(3),
            stride: Square::Side(1),
            padding: Square::Side(0),
            bias: true,
        };
        let layers = vec![Layer::Conv2d(conv), Layer::BatchNorm, Layer::Flatten, Layer::Output];
        let spec = NetworkSpec { layers: Some(layers), init, ..NetworkSpec::default() };
        spec.resolve(&[30, 5, 5], 100).expect("fits")
    }

    fn deviation(values: &[f32]) -> f64 {
        (values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    }

    #[test]
    fn weights_have_the_deviation_of_pytorchs_formulas() {
        // Fans of the convolution: 30·9 = 270 in, 40·9 = 360 out.
        let cases = [
            (Init::Pytorch, 1.0 / (3.0_f64 * 270.0).sqrt()),
            (Init::XavierUniform, (2.0_f64 / 630.0).sqrt()),
            (Init::XavierNormal, (2.0_f64 / 630.0).sqrt()),
            (Init::KaimingUniform, (2.0_f64 / 270.0).sqrt()),
            (Init::KaimingNormal, (2.0_f64 / 270.0).sqrt()),
        ];
        for (init, expected) in cases {
            let weights = initial(&network(init), &SOURCE);
            let found = deviation(&weights[0]);
            assert!((found / expected - 1.0).abs() < 0.02, "{init:?}: {found} for {expected}");
        }
    }

    #[test]
    fn uniform_weights_fill_their_bounds_and_normal_ones_pass_them() {
        let largest = |init| initial(&network(init), &SOURCE)[0].iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        let bound = (6.0_f32 / 270.0).sqrt();
        assert!((0.999..=1.0).contains(&(largest(Init::KaimingUniform) / bound)));
        assert!(largest(Init::KaimingNormal) > 1.5 * bound);
    }

    #[test]
    fn biases_are_zero_but_with_pytorchs_default_and_batch_norm_starts_as_identity() {
        for init in [Init::Pytorch, Init::XavierNormal] {
            let weights = initial(&network(init), &SOURCE);
            assert_eq!(weights[1].iter().all(|&bias| bias == 0.0), init != Init::Pytorch);
            assert_eq!(weights[2], vec![1.0; 40]);
            assert_eq!(weights[3], vec![0.0; 40]);
        }
    }
}
