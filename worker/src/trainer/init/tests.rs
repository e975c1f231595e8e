//! Initial weights are drawn from PyTorch's distributions (`tests/golden/init.py`).

use foldwise_study::network::{Conv2d, Distribution, Init, InitRule, Layer, Network, NetworkSpec, Square};
use foldwise_study::seed::Source;
use serde::Deserialize;
use tch::Tensor;

use super::initial;

const SOURCE: Source = Source { study: 9, train: None, trial: None, fold: 0 };

/// Kolmogorov's and Smirnov's statistic times √n that one sample in 10,000 passes.
const KOLMOGOROV: f64 = 2.226;
/// Standard errors that one sample in 10,000 is off.
const ERRORS: f64 = 3.9;

#[derive(Debug, Deserialize)]
struct Case {
    layer: Layer,
    input: Vec<usize>,
    init: Init,
    /// Of the weights and the bias.
    expected: Vec<Expected>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expected {
    Constant(f64),
    /// The bound.
    Uniform(f64),
    /// The deviation.
    Normal(f64),
}

impl Expected {
    fn is(self, found: Distribution) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b;
        match (found, self) {
            (Distribution::Constant(a), Self::Constant(b)) => a == b,
            (Distribution::Uniform(a), Self::Uniform(b)) | (Distribution::Normal(a), Self::Normal(b)) => {
                close(a, b)
            }
            _ => false,
        }
    }

    fn deviation(self) -> f64 {
        match self {
            Self::Constant(_) => 0.0,
            Self::Uniform(bound) => bound / 3.0_f64.sqrt(),
            Self::Normal(deviation) => deviation,
        }
    }

    /// The share of numbers below each of these.
    fn below(self, values: &Tensor) -> Vec<f64> {
        let share = match self {
            Self::Constant(_) => values.zeros_like(),
            Self::Uniform(bound) => (values / (2.0 * bound) + 0.5).clamp(0.0, 1.0),
            Self::Normal(deviation) => (values / (deviation * 2.0_f64.sqrt())).erf() * 0.5 + 0.5,
        };
        Vec::try_from(share).expect("doubles")
    }

    fn check(self, values: &[f32], what: &str) {
        if let Self::Constant(constant) = self {
            assert!(values.iter().all(|&value| f64::from(value) == constant), "{what}");
            return;
        }
        let count = values.len() as f64;
        let wide: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        let mean = wide.iter().sum::<f64>() / count;
        let variance = wide.iter().map(|value| value.powi(2)).sum::<f64>() / count;
        let (expected, off) = (self.deviation(), ERRORS / count.sqrt());
        assert!(mean.abs() <= off * expected, "{what}: mean {mean}");
        // The error of a variance is √((κ − 1) / n) of it, with kurtosis κ 3 or 9/5.
        let kurtosis = if let Self::Normal(_) = self { 3.0 } else { 1.8_f64 };
        let relative = variance / expected.powi(2) - 1.0;
        assert!(relative.abs() <= off * (kurtosis - 1.0).sqrt(), "{what}: variance off by {relative}");
        let next = wide.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / count / variance;
        assert!(next.abs() <= off, "{what}: neighbours correlate by {next}");
        if let Self::Uniform(bound) = self {
            let share = wide.iter().fold(0.0_f64, |most, value| most.max(value.abs())) / bound;
            assert!(share <= 1.0 + 1e-7 && share >= 1.0 - 10.0 / count, "{what}: {share} of the bound");
        }
        let (sorted, _) = Tensor::from_slice(&wide).sort(0, false);
        let distance = self.below(&sorted).into_iter().zip(0..).fold(0.0_f64, |most, (below, rank)| {
            let rank = f64::from(rank);
            most.max(below - rank / count).max((rank + 1.0) / count - below)
        });
        assert!(distance * count.sqrt() <= KOLMOGOROV, "{what}: {distance} from the distribution");
    }
}

#[test]
fn weights_are_drawn_from_pytorchs_distributions() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../../../tests/golden/init.json")).expect("cases");
    assert_eq!(cases.len(), 80);
    for (case, study) in cases.into_iter().zip(0..) {
        let what = format!("{:?} of {:?}", case.init, case.layer);
        let layers = vec![case.layer, Layer::Flatten, Layer::Output];
        let spec = NetworkSpec { layers: Some(layers), init: case.init, ..NetworkSpec::default() };
        let network = spec.resolve(&case.input, 7).expect("fits");
        let found = network.layers[0].initial();
        assert_eq!(found.len(), case.expected.len(), "{what}");
        let drawn = initial(&network, &Source { study, ..SOURCE });
        for ((found, expected), values) in found.into_iter().zip(case.expected).zip(drawn) {
            assert!(expected.is(found), "{what}: {found:?} for {expected:?}");
            expected.check(&values, &what);
        }
    }
}

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

#[test]
fn biases_are_zero_but_with_pytorchs_default_and_batch_norm_starts_as_identity() {
    for init in [InitRule::Pytorch, InitRule::XavierNormal] {
        let weights = initial(&network(init), &SOURCE);
        assert_eq!(weights[1].iter().all(|&bias| bias == 0.0), init != InitRule::Pytorch);
        assert_eq!(weights[2], vec![1.0; 40]);
        assert_eq!(weights[3], vec![0.0; 40]);
    }
}
