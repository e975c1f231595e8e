//! Both engines take the same steps. What the steps are is compared with PyTorch's in `golden`.

use foldwise_study::network::{Activation, Mlp, Network, NetworkSpec};
use foldwise_study::seed::Source;
use foldwise_study::train::{Optimizer as Settings, OptimizerKind, Pace};
use tch::{Device, Kind, Tensor, no_grad};

use super::{Engine, Host, Optimizer, Tensors};
use crate::trainer::parameters::Parameters;

const MEMBERS: usize = 3;
const STEPS: usize = 4;

fn network() -> Network {
    let mlp = Mlp { hidden: vec![5], activation: Activation::Relu, batch_norm: true, dropout: 0.0 };
    NetworkSpec { mlp: Some(mlp), ..NetworkSpec::default() }.resolve(&[7], 3).expect("a network")
}

/// Values after some steps along the same gradients.
fn trained(engine: impl Fn(&Settings, &Parameters) -> Engine, settings: &[Settings]) -> Vec<f32> {
    let network = network();
    let sources: Vec<Source> =
        (0..3).map(|fold| Source { study: 1, train: None, trial: None, fold }).collect();
    let slots: Vec<(&Network, &Source)> = sources.iter().map(|source| (&network, source)).collect();
    let parameters = Parameters::new(&slots, Device::Cpu).expect("memory");
    let engine = engine(&settings[0], &parameters);
    let mut optimizer = Optimizer::with(engine, settings.to_vec(), &parameters).expect("memory");
    for step in 0..STEPS {
        let pace = |slot: usize| Pace { lr: 0.01 / (slot + step + 1) as f64, momentum: None };
        optimizer.set_paces((0..MEMBERS).map(pace).collect());
        let gradient = |(position, leaf): (usize, &Tensor)| {
            let count = leaf.numel() as i64;
            let ramp = Tensor::arange(count, (Kind::Float, Device::Cpu)) + (step * 31 + position) as f64;
            ramp.sin().view(&leaf.size()[..])
        };
        let gradients: Vec<Tensor> = parameters.leaves().iter().enumerate().map(gradient).collect();
        no_grad(|| optimizer.step(&gradients)).expect("a step");
    }
    Vec::try_from(parameters.values()).expect("floats")
}

fn settings() -> Vec<Settings> {
    let new = |kind| Settings::new(kind, 0.01);
    use OptimizerKind::{Adagrad, Adam, Adamw, Rmsprop, Sgd};
    vec![
        new(Sgd),
        Settings { momentum: Some(0.9), dampening: Some(0.1), weight_decay: Some(0.01), ..new(Sgd) },
        Settings { momentum: Some(0.9), nesterov: Some(true), ..new(Sgd) },
        Settings { weight_decay: Some(0.01), ..new(Adam) },
        Settings { amsgrad: Some(true), ..new(Adam) },
        Settings { weight_decay: Some(0.1), ..new(Adamw) },
        new(Rmsprop),
        Settings { centered: Some(true), ..new(Rmsprop) },
        Settings { centered: Some(true), momentum: Some(0.5), weight_decay: Some(0.1), ..new(Rmsprop) },
        Settings { lr_decay: Some(0.1), initial_accumulator: Some(0.2), ..new(Adagrad) },
    ]
}

#[test]
fn both_engines_take_the_same_steps() {
    for settings in settings() {
        // The third member has numbers of its own.
        let own = Settings { weight_decay: Some(0.05), ..settings.clone() };
        let members = [settings.clone(), settings.clone(), own];
        let host = trained(|_, _| Engine::Host(Host::new(1).expect("threads")), &members);
        let threads = trained(|_, _| Engine::Host(Host::new(2).expect("threads")), &members);
        let tensors = trained(
            |settings, parameters| {
                Engine::Tensors(Tensors::new(settings, parameters, Device::Cpu).expect("memory"))
            },
            &members,
        );
        assert_eq!(host, threads, "{settings:?}");
        for (host, tensors) in host.iter().zip(&tensors) {
            assert!((host - tensors).abs() <= 2e-6 * (1.0 + tensors.abs()), "{host} {tensors} {settings:?}");
        }
    }
}
