//! Initial weights, drawn on the host so that they depend on the member alone.

use foldwise_study::network::{Distribution, Network};
use foldwise_study::seed::{Purpose, Source};
use rand_core::Rng;
use rand_distr::{Distribution as _, StandardNormal};

/// Initial values of every parameter of one member, in [`Network::parameters`]' order and layout.
///
/// Each parameter has its own stream, keyed by its position.
pub(super) fn initial(network: &Network, source: &Source) -> Vec<Vec<f32>> {
    let mut all = Vec::new();
    for layer in &network.layers {
        for ((_, shape), distribution) in layer.parameters().iter().zip(layer.initial()) {
            let mut stream = source.stream(Purpose::Weights, all.len() as u64);
            all.push(draw(distribution, shape.iter().product(), &mut stream));
        }
    }
    all
}

#[allow(clippy::cast_possible_truncation, reason = "weights are 32-bit")]
fn draw(distribution: Distribution, numbers: usize, stream: &mut impl Rng) -> Vec<f32> {
    match distribution {
        Distribution::Constant(value) => vec![value as f32; numbers],
        Distribution::Uniform(bound) => (0..numbers)
            .map(|_| {
                let share = f64::from(stream.next_u32() >> 8) / f64::from(1 << 24);
                ((2.0 * share - 1.0) * bound) as f32
            })
            .collect(),
        Distribution::Normal(deviation) => (0..numbers)
            .map(|_| {
                let standard: f64 = StandardNormal.sample(stream);
                (standard * deviation) as f32
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use foldwise_study::network::{Conv2d, InitRule, Layer, Network, NetworkSpec, Square};
    use foldwise_study::seed::Source;

    use super::initial;

    const SOURCE: Source = Source { study: 9, train: None, trial: None, fold: 0 };

    fn network(init: InitRule) -> Network {
        let conv = Conv2d {
            channels: 40,
            kernel: Square::Side(3),
            stride: Square::Side(1),
            padding: Square::Side(0),
            groups: 1,
            bias: true,
            init: None,
        };
        let layers = vec![Layer::Conv2d(conv), Layer::BatchNorm, Layer::Flatten, Layer::Output];
        let spec = NetworkSpec { layers: Some(layers), init: init.into(), ..NetworkSpec::default() };
        spec.resolve(&[30, 5, 5], 100).expect("fits")
    }

    fn deviation(values: &[f32]) -> f64 {
        (values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    }

    #[test]
    fn weights_have_the_deviation_of_pytorchs_formulas() {
        // Fans of the convolution: 30·9 = 270 in, 40·9 = 360 out.
        let cases = [
            (InitRule::Pytorch, 1.0 / (3.0_f64 * 270.0).sqrt()),
            (InitRule::XavierUniform, (2.0_f64 / 630.0).sqrt()),
            (InitRule::XavierNormal, (2.0_f64 / 630.0).sqrt()),
            (InitRule::KaimingUniform, (2.0_f64 / 270.0).sqrt()),
            (InitRule::KaimingNormal, (2.0_f64 / 270.0).sqrt()),
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
        assert!((0.999..=1.0).contains(&(largest(InitRule::KaimingUniform) / bound)));
        assert!(largest(InitRule::KaimingNormal) > 1.5 * bound);
    }

    #[test]
    fn biases_are_zero_but_with_pytorchs_default_and_batch_norm_starts_as_identity() {
        for init in [InitRule::Pytorch, InitRule::XavierNormal] {
            let weights = initial(&network(init), &SOURCE);
            assert_eq!(weights[1].iter().all(|&bias| bias == 0.0), init != InitRule::Pytorch);
            assert_eq!(weights[2], vec![1.0; 40]);
            assert_eq!(weights[3], vec![0.0; 40]);
        }
    }
}
