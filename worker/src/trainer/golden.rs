//! What PyTorch does with the same weights, rows and settings (`tests/golden/train.py`), matched.

use std::collections::BTreeMap;

use foldwise_study::measure::MeasureSpec;
use foldwise_study::network::{Conv2d, Layer, Linear, Network, NetworkSpec, Pool2d, Square};
use foldwise_study::seed::Source;
use foldwise_study::train::{Loss, Optimizer as Settings, OptimizerKind, Pace, Precision, TrainSpec};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use tch::{Device, Kind, Tensor};

use super::Member;
use super::data::{DeviceData, Features, Part, Source as Data, Targets};
use super::evaluate::evaluate;
use super::intake::Intake;
use super::loss::Objective;
use super::measure::Recorder;
use super::model::Model;
use super::optimizer::Optimizer;
use super::parameters::to_held;
use super::step::{Learner, Paces};
use super::tally::Tally;
use super::weights::{Values, Weights};

const GOLDEN: &[u8] = include_bytes!("../../tests/golden/train.safetensors");
const STEPS: usize = 10;
const BATCH: i64 = 8;
const SEED: Source = Source { study: 0, train: None, trial: None, fold: 0 };

fn golden() -> SafeTensors<'static> {
    SafeTensors::deserialize(GOLDEN).expect("a safetensors file")
}

fn floats(view: &TensorView<'_>) -> Vec<f32> {
    assert_eq!(view.dtype(), Dtype::F32);
    view.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four"))).collect()
}

fn integers(view: &TensorView<'_>) -> Vec<u32> {
    assert_eq!(view.dtype(), Dtype::I64);
    let number = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().expect("eight"));
    view.data().chunks_exact(8).map(|bytes| u32::try_from(number(bytes)).expect("a label")).collect()
}

fn conv(channels: usize, kernel: Square, stride: usize, padding: Square, bias: bool) -> Layer {
    Layer::Conv2d(Conv2d {
        channels,
        kernel,
        stride: Square::Side(stride),
        padding,
        groups: 1,
        bias,
        init: None,
    })
}

fn linear(units: usize, bias: bool) -> Layer {
    Layer::Linear(Linear { units, bias, init: None })
}

fn pool(kernel: usize, stride: Option<usize>, padding: usize) -> Pool2d {
    Pool2d { kernel: Square::Side(kernel), stride: stride.map(Square::Side), padding: Square::Side(padding) }
}

/// The same layers as the script's.
fn network(name: &str) -> Network {
    let (input, outputs, layers): (&[usize], usize, Vec<Layer>) = match name {
        "mlp" => (
            &[6],
            3,
            vec![
                linear(8, false),
                Layer::BatchNorm,
                Layer::Relu,
                linear(5, true),
                Layer::Sigmoid,
                Layer::Output,
            ],
        ),
        "cnn" => (
            &[2, 9, 9],
            3,
            vec![
                conv(4, Square::Side(3), 1, Square::Side(1), false),
                Layer::BatchNorm,
                Layer::Relu,
                Layer::MaxPool(pool(2, None, 0)),
                conv(5, Square::Sides([2, 3]), 1, Square::Sides([0, 1]), true),
                Layer::Sigmoid,
                Layer::AvgPool(pool(2, Some(1), 0)),
                Layer::Flatten,
                linear(7, false),
                Layer::BatchNorm,
                Layer::Relu,
                Layer::Output,
            ],
        ),
        "gap" => (
            &[2, 9, 9],
            3,
            vec![
                conv(6, Square::Side(3), 2, Square::Side(0), false),
                Layer::BatchNorm,
                Layer::Relu,
                Layer::AvgPool(pool(2, None, 1)),
                Layer::GlobalAvgPool,
                Layer::Flatten,
                Layer::Output,
            ],
        ),
        _ => (&[2], 1, vec![linear(8, true), Layer::Tanh, Layer::Output]),
    };
    let spec = NetworkSpec { layers: Some(layers), ..NetworkSpec::default() };
    spec.resolve(input, outputs).expect("fits")
}

fn settings(name: &str) -> Settings {
    let plain = Settings { weight_decay: Some(0.01), ..Settings::new(OptimizerKind::Sgd, 0.05) };
    match name {
        "sgd" => Settings { lr: 0.1, ..plain },
        "momentum" => Settings { momentum: Some(0.9), ..plain },
        "nesterov" => Settings { momentum: Some(0.9), nesterov: Some(true), weight_decay: None, ..plain },
        "adam" => Settings { kind: OptimizerKind::Adam, lr: 0.02, weight_decay: Some(0.1), ..plain },
        _ => Settings {
            kind: OptimizerKind::Adamw,
            lr: 0.02,
            weight_decay: Some(0.1),
            betas: Some([0.8, 0.95]),
            eps: Some(1e-4),
            ..plain
        },
    }
}

/// Other numbers for the same rule, for the members beside the golden one.
fn other(settings: &Settings) -> Settings {
    Settings {
        lr: settings.lr * 0.3,
        weight_decay: Some(0.2),
        momentum: settings.momentum.map(|momentum| momentum * 0.5),
        betas: Some([0.7, 0.9]),
        eps: Some(1e-6),
        ..settings.clone()
    }
}

fn data(name: &str) -> DeviceData {
    let golden = golden();
    let rows = floats(&golden.tensor(&format!("{name}/rows")).expect("rows"));
    let view = golden.tensor(&format!("{name}/targets")).expect("targets");
    let (labels, numbers);
    let targets = if view.dtype() == Dtype::F32 {
        numbers = floats(&view);
        Targets::Numbers(&numbers)
    } else {
        labels = integers(&view);
        Targets::Classes { labels: &labels, count: 3 }
    };
    let shape = network(name).input;
    let train = Part { features: Features::Floats(&rows), targets };
    DeviceData::new(Data { shape: &shape, train, test: None, normalize: None, raw: false }, Device::Cpu)
        .expect("fits")
}

/// Puts the script's initial weights in `slot`.
fn start(model: &Model, name: &str, slot: i64) {
    let golden = golden();
    tch::no_grad(|| {
        for block in model.parameters.blocks() {
            let values = floats(&golden.tensor(&format!("{name}/start/{}", block.name)).expect("weights"));
            let held = to_held(block, &Tensor::from_slice(&values)).expect("layout");
            let flat = model.parameters.values();
            block.of(flat, model.parameters.members()).expect("block").select(0, slot).copy_(&held);
        }
    });
}

/// What a case gives: the loss of each step, the weights at the end and the loss in evaluation.
struct Found {
    losses: Vec<f64>,
    weights: Weights,
    evaluated: f64,
}

fn trained(name: &str, optimizer: &str, members: usize, slot: usize) -> Found {
    let (data, network) = (data(name), network(name));
    let mut model =
        Model::new(&vec![(&network, &SEED); members], Precision::Fp32, Device::Cpu).expect("memory");
    start(&model, name, slot as i64);
    let own = settings(optimizer);
    let all: Vec<Settings> =
        (0..members).map(|index| if index == slot { own.clone() } else { other(&own) }).collect();
    let steps = Optimizer::new(all.clone(), &model.parameters, Device::Cpu).expect("memory");
    let paces: Vec<Pace> = all.iter().map(|settings| Pace { lr: settings.lr, momentum: None }).collect();
    let loss = if matches!(name, "gap" | "regression") { Loss::MeanSquaredError } else { Loss::CrossEntropy };
    let train = TrainSpec { loss: Some(loss), ..TrainSpec::new(1, 8, own.clone()) };
    let objective = Objective::new(&train, name != "regression", Device::Cpu).expect("memory");
    let mut tally = Tally::new(members as i64, BATCH, &objective, Device::Cpu).expect("memory");
    let mut recorder = Recorder::new(&MeasureSpec::default(), &model, 1).expect("memory");
    let mut learner =
        Learner { model, optimizer: steps, objective, clipping: None, batch_size: BATCH, steps: 0 };
    let member = Member {
        network: network.clone(),
        train,
        source: SEED,
        train_rows: (0..80).collect(),
        validation_rows: Vec::new(),
    };
    let all_rows = Tensor::arange(80, (Kind::Int64, Device::Cpu)).view((1, -1));
    let intake = Intake::new(&data, &[&member], &all_rows).expect("memory");
    let paces = Paces { at: &|_| paces.clone(), vary: false, should_stop: &|| false };
    let mut losses = Vec::new();
    for step in 0..STEPS as i64 {
        let index = Tensor::arange_start(step * BATCH, (step + 1) * BATCH, (Kind::Int64, Device::Cpu));
        learner.epoch(&intake, &index.view((1, -1)), &paces, (&mut tally, &mut recorder)).expect("step");
        losses.push(tally.totals(&vec![8; members]).expect("totals")[slot].loss);
    }
    model = learner.model;
    let objective = &learner.objective;
    let counts = vec![80; members];
    let evaluated = evaluate(&mut model, &intake, objective, &all_rows, &counts, None).expect("totals");
    let running: Vec<Tensor> = model.running().into_iter().map(Tensor::shallow_clone).collect();
    let flat = (model.parameters.values(), running.as_slice());
    let weights = Weights::of(&network, &model, flat, slot as i64, STEPS as i64).expect("weights");
    Found { losses, weights, evaluated: evaluated[slot].loss }
}

fn close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let allowed = TOLERANCE * (0.1 + expected.abs());
        assert!((found - expected).abs() <= allowed, "{what}: {found} for {expected}");
    }
}

const TOLERANCE: f32 = 2e-4;

fn matches_pytorch(name: &str) {
    let golden = golden();
    for optimizer in ["sgd", "momentum", "nesterov", "adam", "adamw"] {
        for (members, slot) in [(1, 0), (3, 1)] {
            let case = format!("{name}/{optimizer}");
            let found = trained(name, optimizer, members, slot);
            #[allow(clippy::cast_possible_truncation, reason = "compared as PyTorch's 32-bit numbers")]
            let (losses, evaluated) =
                (found.losses.iter().map(|&loss| loss as f32).collect::<Vec<f32>>(), found.evaluated as f32);
            let of = |what: &str| golden.tensor(&format!("{case}/{what}")).expect("in the file");
            close(&format!("{case} losses of {members}"), &losses, &floats(&of("losses")));
            close(&format!("{case} evaluated of {members}"), &[evaluated], &floats(&of("evaluated")));
            for tensor in &found.weights.tensors {
                let expected = of(&format!("end/{}", tensor.name));
                assert_eq!(tensor.shape, expected.shape(), "{case}/{}", tensor.name);
                match &tensor.values {
                    Values::Float(values) => {
                        let what = format!("{case}/{} of {members}", tensor.name);
                        close(&what, values, &floats(&expected));
                    }
                    Values::Integer(number) => {
                        assert_eq!(u32::try_from(*number).expect("small"), integers(&expected)[0]);
                    }
                }
            }
        }
    }
}

#[test]
fn a_perceptron_trains_as_in_pytorch() {
    matches_pytorch("mlp");
}

#[test]
fn a_convolutional_network_trains_as_in_pytorch() {
    matches_pytorch("cnn");
}

#[test]
fn a_network_with_global_pooling_and_squared_error_of_classes_trains_as_in_pytorch() {
    matches_pytorch("gap");
}

#[test]
fn a_regression_trains_as_in_pytorch() {
    matches_pytorch("regression");
}

#[test]
fn the_file_holds_what_state_dict_holds() {
    let golden = golden();
    let expected: BTreeMap<String, Vec<usize>> = golden
        .iter()
        .filter_map(|(name, view)| {
            Some((name.strip_prefix("cnn/adamw/end/")?.to_owned(), view.shape().to_vec()))
        })
        .collect();
    let bytes = trained("cnn", "adamw", 3, 1).weights.to_safetensors().expect("a file");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let found: BTreeMap<String, Vec<usize>> =
        file.iter().map(|(name, view)| (name.to_owned(), view.shape().to_vec())).collect();
    assert_eq!(found, expected);
    assert_eq!(integers(&file.tensor("1.num_batches_tracked").expect("named")), [10]);
}
