//! A trunk gives what autograd gives. What that is is compared with PyTorch in `golden`.

use foldwise_study::network::{Conv2d, Layer, Network, NetworkSpec, Pool2d, Square};
use foldwise_study::seed::Source;
use foldwise_study::train::{Optimizer, OptimizerKind, Precision, TrainSpec};
use tch::{Device, Kind, Tensor, no_grad};

use super::passes::{Passes, Pooled};
use super::windows::{Frame, Line};
use crate::trainer::loss::Objective;
use crate::trainer::model::{Mode, Model};

const CLASSES: usize = 3;
/// Channels, height and width: the last two leave a row and a column over when they are halved.
const INPUT: [usize; 3] = [2, 9, 11];

fn conv(channels: usize, bias: bool, groups: usize) -> Layer {
    Layer::Conv2d(Conv2d {
        channels,
        kernel: Square::Side(3),
        stride: Square::Side(1),
        padding: Square::Side(1),
        groups,
        bias,
        init: None,
    })
}

fn max_pool(kernel: Square) -> Layer {
    Layer::MaxPool(Pool2d { kernel, stride: None, padding: Square::Side(0) })
}

fn networks() -> [Vec<Layer>; 6] {
    let two = max_pool(Square::Side(2));
    let norm = || Layer::BatchNorm;
    [
        // 20 channels are one vector and a rest.
        vec![
            conv(20, false, 1),
            norm(),
            Layer::Relu,
            two.clone(),
            conv(4, true, 1),
            norm(),
            Layer::Relu,
            two.clone(),
        ],
        vec![conv(5, true, 1), Layer::Relu, two.clone(), conv(6, true, 1), Layer::Relu],
        vec![conv(4, true, 1), norm(), conv(4, false, 2), norm(), Layer::Relu],
        vec![conv(4, true, 2), max_pool(Square::Sides([3, 2]))],
        // Only the first block is one: what follows the second convolution is autograd's.
        vec![conv(4, true, 1), Layer::Relu, conv(4, true, 1), Layer::Tanh],
        vec![conv(4, true, 1), norm(), two, Layer::Gelu],
    ]
}

fn model(network: &Network, members: u32, precision: Precision) -> Model {
    let source = |fold| Source { study: 1, train: None, trial: None, fold };
    let sources: Vec<Source> = (0..members).map(source).collect();
    let slots: Vec<(&Network, &Source)> = sources.iter().map(|source| (network, source)).collect();
    Model::new(&slots, precision, Device::Cpu).expect("memory")
}

fn resolved(mut layers: Vec<Layer>) -> Network {
    layers.extend([Layer::GlobalAvgPool, Layer::Output]);
    let spec = NetworkSpec { layers: Some(layers), ..NetworkSpec::default() };
    spec.resolve(&INPUT, CLASSES).expect("a network")
}

fn ramp(count: usize, start: f64) -> Tensor {
    ((Tensor::arange(count as i64, (Kind::Float, Device::Cpu)) + start) * 1.7).sin()
}

/// What counts as large where everything is small. The bias of a convolution before a normalization has a gradient of zero, and
/// what is computed of it is rounding: some 3e-8, by which autograd differs from itself between one thread and two.
const SMALL: f64 = 1e-2;

/// How far `a` is from `b`, as a share of the largest of `b`.
fn off(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    let number = |tensor: Tensor| f64::try_from(tensor).expect("a number");
    number((a - b).abs().max()) / number(b.abs().max()).max(SMALL)
}

/// Outputs, gradients and running statistics of a step, and the outputs of an evaluation after it.
fn stepped(model: &mut Model, streams: usize) -> Vec<Tensor> {
    let rows = 6;
    let inputs =
        ramp(streams * rows * INPUT.iter().product::<usize>(), 0.0).view(((streams * rows) as i64, -1));
    let targets =
        Tensor::arange((streams * rows) as i64, (Kind::Int64, Device::Cpu)).remainder(CLASSES as i64);
    let train = TrainSpec::new(1, 1, Optimizer::new(OptimizerKind::Sgd, 0.1));
    let objective = Objective::new(&train, true, Device::Cpu).expect("memory");
    let streams = streams as i64;
    let outputs = model.forward(&inputs, streams, Mode::Train { step: 0 }).expect("outputs");
    let losses = objective.losses(&outputs, &targets, streams).expect("losses");
    let gradients = model.gradients(&losses.total().expect("a sum")).expect("gradients");
    let mut all = vec![outputs.detach()];
    all.extend(gradients);
    all.extend(model.running().into_iter().map(Tensor::copy));
    all.push(no_grad(|| model.forward(&inputs, streams, Mode::Evaluate)).expect("outputs"));
    all
}

#[test]
fn a_trunk_gives_what_autograd_gives() {
    // As trainers compute, and whatever another test has set.
    tch::set_num_threads(1);
    for layers in networks() {
        let network = resolved(layers);
        for (streams, members) in [(1, 1), (1, 3), (2, 4), (3, 3)] {
            let mut written = model(&network, members, Precision::Fp32);
            assert!(written.has_trunk());
            let theirs = stepped(&mut model(&network, members, Precision::Fp32).derived(), streams);
            // The second step finds the first one's memory.
            for _ in 0..2 {
                let ours = stepped(&mut written, streams);
                assert_eq!(ours.len(), theirs.len());
            }
            let ours = stepped(&mut model(&network, members, Precision::Fp32), streams);
            for (position, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                let off = off(ours, theirs);
                assert!(off < 2e-5, "{position} of {:?}: {off}", network.layers);
            }
        }
    }
}

#[test]
fn in_bf16_it_is_as_near_to_32_bits_as_autograd() {
    for layers in networks() {
        let network = resolved(layers);
        let exact = stepped(&mut model(&network, 2, Precision::Fp32), 1);
        let ours = stepped(&mut model(&network, 2, Precision::Bf16), 1);
        let theirs = stepped(&mut model(&network, 2, Precision::Bf16).derived(), 1);
        let worst = |found: &[Tensor]| {
            found.iter().zip(&exact).map(|(found, exact)| off(found, exact)).fold(0.0, f64::max)
        };
        // Activations are rounded once more for each block than where they are widened in between.
        assert!(worst(&ours) < 3.0 * worst(&theirs).max(0.01), "{} and {}", worst(&ours), worst(&theirs));
    }
}

#[test]
fn threads_change_no_bit() {
    let frame = Frame { height: 5, width: 4, channels: 18, window: [2, 2] };
    let values: Vec<f32> = Vec::try_from(ramp(7 * frame.numbers(), 2.0)).expect("numbers");
    let delta: Vec<f32> = Vec::try_from(ramp(7 * frame.pooled_numbers(), 5.0)).expect("numbers");
    let found = |threads| {
        let mut passes = Passes::new(threads).expect("threads");
        let (mut mean, mut variance) = (Vec::new(), Vec::new());
        passes.moments(&values, &frame, [&mut mean, &mut variance]);
        let line = Line { slope: variance.clone(), from: mean.clone() };
        let mut out = vec![0.0_f32; delta.len()];
        let (mut at, mut peaks) = (vec![0; delta.len()], vec![0.0; delta.len()]);
        let into = Pooled { out: &mut out, at: &mut at, peaks: &mut peaks };
        passes.pool(&values, &frame, (Some(&line), true), into);
        let sums = passes.sums((&delta, &at), &frame, (&peaks, &values), &mean);
        let mut back = vec![0.0_f32; values.len()];
        passes.spread((&delta, &at), &frame, (&values, (Some(&line), &variance)), &mut back);
        (mean, variance, out, at, sums, back)
    };
    assert_eq!(found(1), found(2));
}
