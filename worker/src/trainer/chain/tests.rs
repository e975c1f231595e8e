//! A chain gives what autograd gives. What that is is compared with PyTorch in `golden`.

use foldwise_study::network::{Activation, Layer, LeakyRelu, Linear, Mlp, Network, NetworkSpec};
use foldwise_study::seed::Source;
use foldwise_study::train::{Loss, Optimizer, OptimizerKind, Precision, TrainSpec};
use tch::{Device, Kind, Tensor, no_grad};

use super::Chain;
use crate::trainer::loss::Objective;
use crate::trainer::model::{Mode, Model};

const FEATURES: i64 = 7;
const OUTPUTS: usize = 4;

fn mlp(activation: Activation, batch_norm: bool, dropout: f64) -> NetworkSpec {
    let mlp = Mlp { hidden: vec![6, 5], activation, batch_norm, dropout };
    NetworkSpec { mlp: Some(mlp), ..NetworkSpec::default() }
}

fn layers(layers: Vec<Layer>) -> NetworkSpec {
    NetworkSpec { layers: Some(layers), ..NetworkSpec::default() }
}

fn leaky() -> NetworkSpec {
    let linear = Layer::Linear(Linear { units: 6, bias: false, init: None });
    layers(vec![linear, Layer::LeakyRelu(LeakyRelu { slope: 0.1 }), Layer::Output])
}

fn resolved(spec: &NetworkSpec) -> Network {
    spec.resolve(&[7], OUTPUTS).expect("a network")
}

fn objective(classes: bool, loss: Option<Loss>, smoothing: Option<f64>) -> Objective {
    let plain = TrainSpec::new(1, 1, Optimizer::new(OptimizerKind::Sgd, 0.1));
    let train = TrainSpec { loss, label_smoothing: smoothing, ..plain };
    Objective::new(&train, classes, Device::Cpu).expect("memory")
}

fn model(network: &Network, members: u32, precision: Precision) -> Model {
    let source = |fold| Source { study: 1, train: None, trial: None, fold };
    let sources: Vec<Source> = (0..members).map(source).collect();
    let slots: Vec<(&Network, &Source)> = sources.iter().map(|source| (network, source)).collect();
    Model::new(&slots, precision, Device::Cpu).expect("memory")
}

fn ramp(count: i64, start: f64) -> Tensor {
    ((Tensor::arange(count, (Kind::Float, Device::Cpu)) + start) * 1.7).sin()
}

fn assert_close(a: &Tensor, b: &Tensor, what: &str) {
    assert_eq!(a.size(), b.size(), "{what}");
    let furthest = f64::try_from((a - b).abs().max()).expect("a number");
    assert!(furthest < 2e-6 * (1.0 + f64::try_from(b.abs().max()).expect("a number")), "{what}: {furthest}");
}

#[test]
fn a_chain_gives_what_autograd_gives() {
    let networks = [
        mlp(Activation::Relu, true, 0.3),
        mlp(Activation::Sigmoid, false, 0.0),
        mlp(Activation::Tanh, true, 0.5),
        leaky(),
        layers(vec![Layer::Output]),
    ];
    for spec in &networks {
        for (streams, members, classes) in [(1, 1, true), (1, 3, true), (2, 4, true), (3, 3, false)] {
            let network = resolved(spec);
            let objective = objective(classes, None, None);
            let (written, mut derived) =
                (model(&network, members, Precision::Fp32), model(&network, members, Precision::Fp32));
            let mut chain = Chain::new(&written, &objective, Device::Cpu).expect("memory").expect("a chain");
            // The second step has fewer rows, the third as many as the first again.
            for (step, rows) in [(0, 9_i64), (1, 4), (2, 9)] {
                let inputs = ramp(streams * rows * FEATURES, step as f64).view((-1, FEATURES));
                let targets = if classes {
                    Tensor::arange(streams * rows, (Kind::Int64, Device::Cpu)).remainder(OUTPUTS as i64)
                } else {
                    ramp(streams * rows * OUTPUTS as i64, 3.0).view((-1, OUTPUTS as i64))
                };
                let stepped =
                    no_grad(|| chain.step((&inputs, &targets), streams, step, None)).expect("a step");
                let outputs = derived.forward(&inputs, streams, Mode::Train { step }).expect("outputs");
                let losses = objective.losses(&outputs, &targets, streams).expect("losses");
                let gradients = derived.gradients(&losses.total().expect("a sum")).expect("gradients");
                let what = format!("{spec:?}, {members} members of {streams} streams, step {step}");
                assert_close(&stepped.losses.values, &losses.values.detach(), &what);
                for (own, other) in stepped.gradients.expect("gradients").iter().zip(&gradients) {
                    assert_close(own, other, &what);
                }
                let hits = objective.hits(&outputs, &targets, streams).expect("hits");
                assert_eq!(stepped.hits.is_some(), hits.is_some());
                if let (Some(own), Some(other)) = (stepped.hits, hits) {
                    assert_close(&own, &other.to_kind(Kind::Float), &what);
                }
                for (own, other) in written.running().iter().zip(derived.running()) {
                    assert_close(own, other, &what);
                }
            }
        }
    }
}

#[test]
fn a_descent_on_the_way_is_one_along_the_gradients() {
    for spec in [mlp(Activation::Relu, true, 0.3), mlp(Activation::Sigmoid, false, 0.0), leaky()] {
        let network = resolved(&spec);
        let objective = objective(true, None, None);
        let (apart, together) = (model(&network, 4, Precision::Fp32), model(&network, 4, Precision::Fp32));
        let chain =
            |model: &Model| Chain::new(model, &objective, Device::Cpu).expect("memory").expect("a chain");
        let (mut written, mut on_the_way) = (chain(&apart), chain(&together));
        let descent = [-0.1_f32, -0.2, -0.3, -0.4];
        for step in 0..3 {
            let inputs = ramp(2 * 5 * FEATURES, step as f64).view((-1, FEATURES));
            let targets = Tensor::arange(2 * 5, (Kind::Int64, Device::Cpu)).remainder(OUTPUTS as i64);
            let of = |chain: &mut Chain, descent| {
                no_grad(|| chain.step((&inputs, &targets), 2, step, descent)).expect("a step")
            };
            let gradients = of(&mut written, None).gradients.expect("gradients");
            for (leaf, gradient) in apart.parameters.leaves().iter().zip(&gradients) {
                let mut rates = vec![1; gradient.dim()];
                rates[0] = -1;
                let moved = gradient * Tensor::from_slice(&descent).view(&rates[..]);
                let _ = no_grad(|| leaf.detach().f_add_(&moved)).expect("the same shape");
            }
            assert!(of(&mut on_the_way, Some(&descent)).gradients.is_none());
            assert_close(
                together.parameters.values(),
                apart.parameters.values(),
                &format!("{spec:?}, step {step}"),
            );
        }
    }
}

#[test]
fn other_networks_precisions_and_losses_are_no_chains() {
    let chain = |spec: &NetworkSpec, objective: &Objective, precision| {
        let model = model(&resolved(spec), 2, precision);
        Chain::new(&model, objective, Device::Cpu).expect("memory").is_some()
    };
    let plain = || objective(true, None, None);
    let relu = mlp(Activation::Relu, true, 0.3);
    assert!(chain(&relu, &plain(), Precision::Fp32));
    assert!(!chain(&relu, &plain(), Precision::Bf16));
    assert!(!chain(&relu, &objective(true, None, Some(0.1)), Precision::Fp32));
    assert!(!chain(&relu, &objective(true, Some(Loss::MeanSquaredError), None), Precision::Fp32));
    assert!(!chain(&relu, &objective(false, Some(Loss::Huber), None), Precision::Fp32));
    assert!(!chain(&layers(vec![Layer::LayerNorm, Layer::Output]), &plain(), Precision::Fp32));
}
