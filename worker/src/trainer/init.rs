//! Initial weights, drawn on the host so that they depend on the member alone.

use foldwise_study::network::{Distribution, Network};
use foldwise_study::seed::{Purpose, Source};
use rand_core::Rng;
use rand_distr::{Distribution as _, StandardNormal};

#[cfg(test)]
mod tests;

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
