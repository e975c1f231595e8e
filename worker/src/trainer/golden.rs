//! What PyTorch does with the same weights, rows and settings (`tests/golden/train.py`), matched.
//!
//! A case is a piece of a spec in the file's metadata, which both sides read. Each is trained alone and in cohorts
//! whose other members have other numbers.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use foldwise_study::measure::{Detail, MeasureSpec, Part as Rows};
use foldwise_study::network::{Dropout, Layer, Network, NetworkSpec, Operation};
use foldwise_study::outcome::{EpochMeasurements, Predictions};
use foldwise_study::seed::Source;
use foldwise_study::train::{Clip, Loss, Optimizer as Settings, Pace, Rate, Schedule, TrainSpec};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::Deserialize;
use tch::{Device, Tensor};

use super::Member;
use super::chain::Chain;
use super::clip::Clipping;
use super::data::{DeviceData, Features, Part, Source as Data, Targets};
use super::evaluate::evaluate;
use super::intake::Intake;
use super::loss::Objective;
use super::measure::Recorder;
use super::model::Model;
use super::optimizer::Optimizer;
use super::parameters::to_held;
use super::predictions::predictions;
use super::step::{Learner, Paces};
use super::tally::Tally;
use super::weights::{Values, Weights};

const GOLDEN: &[u8] = include_bytes!("../../tests/golden/train.safetensors");
const STEPS: usize = 10;
const BATCH: usize = 8;
const ROWS: usize = STEPS * BATCH;
const SEED: Source = Source { study: 0, train: None, trial: None, fold: 0 };

/// What the script says of a case.
#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    /// Which rows and targets it is trained on.
    data: String,
    input: Vec<usize>,
    classes: Option<usize>,
    outputs: usize,
    layers: Vec<Layer>,
    train: TrainSpec,
    /// How far a number may be off, as a share of `0.1 + |number|`.
    tolerance: f32,
    scores: Scores,
}

/// What scikit-learn says of the predictions at the end.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scores {
    Classes {
        confusion: Vec<Vec<u64>>,
        /// Row and the class it was taken for.
        first_wrong: Vec<Option<(u32, u32)>>,
        accuracy: f64,
        precision: Vec<f64>,
        recall: Vec<f64>,
        f1: Vec<f64>,
    },
    Numbers {
        r2: Vec<f32>,
        mean_absolute_error: Vec<f32>,
        mean_squared_error: Vec<f32>,
    },
}

/// How a cohort is put together, and where in it the case is trained.
#[derive(Debug, Clone, Copy)]
struct Layout {
    members: usize,
    /// Row streams; those without the case's member see the rows in other order.
    streams: usize,
    slot: usize,
}

const LAYOUTS: [Layout; 4] = [
    Layout { members: 1, streams: 1, slot: 0 },
    Layout { members: 3, streams: 1, slot: 1 },
    Layout { members: 3, streams: 3, slot: 1 },
    Layout { members: 4, streams: 2, slot: 2 },
];

/// What a case gives.
struct Found {
    /// Of each step.
    losses: Vec<f64>,
    measured: Vec<EpochMeasurements>,
    /// At the end.
    weights: Weights,
    evaluated: f64,
    predictions: Predictions,
}

/// Read once: it names some thousands of tensors.
fn golden() -> &'static SafeTensors<'static> {
    static READ: LazyLock<SafeTensors<'static>> =
        LazyLock::new(|| SafeTensors::deserialize(GOLDEN).expect("a safetensors file"));
    &READ
}

fn cases(group: &str) -> Vec<Case> {
    let (_, metadata) = SafeTensors::read_metadata(GOLDEN).expect("a safetensors file");
    let text = &metadata.metadata().as_ref().expect("metadata")["cases"];
    let all: Vec<Case> = serde_json::from_str(text).expect("cases");
    let own: Vec<Case> = all.into_iter().filter(|case| case.name.starts_with(group)).collect();
    assert!(!own.is_empty(), "no case of {group}");
    own
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

impl Case {
    fn network(&self) -> Network {
        let targets = match self.classes {
            Some(_) => 1,
            None => golden().tensor(&format!("targets/{}", self.data)).expect("targets").shape()[1],
        };
        let usual = if self.classes.is_some() { Loss::CrossEntropy } else { Loss::MeanSquaredError };
        assert_eq!(self.train.loss.unwrap_or(usual).outputs(self.classes, targets), self.outputs);
        let spec = NetworkSpec { layers: Some(self.layers.clone()), ..NetworkSpec::default() };
        spec.resolve(&self.input, self.outputs).expect("fits")
    }

    fn data(&self) -> DeviceData {
        let golden = golden();
        let rows = floats(&golden.tensor(&format!("rows/{}", self.data)).expect("rows"));
        let view = golden.tensor(&format!("targets/{}", self.data)).expect("targets");
        let (labels, numbers);
        let targets = match self.classes {
            Some(count) => {
                labels = integers(&view);
                Targets::Classes { labels: &labels, count }
            }
            None => {
                numbers = floats(&view);
                Targets::Numbers(&numbers)
            }
        };
        let train = Part { features: Features::Floats(&rows), targets };
        let source = Data { shape: &self.input, train, test: None, normalize: None, raw: false };
        DeviceData::new(source, Device::Cpu).expect("fits")
    }

    /// Puts the script's initial weights in `slot`.
    fn start(&self, model: &Model, slot: usize) {
        let golden = golden();
        tch::no_grad(|| {
            for block in model.parameters.blocks() {
                let start = golden.tensor(&format!("{}/start/{}", self.name, block.name)).expect("weights");
                assert_eq!(start.shape(), block.shape, "{}/{}", self.name, block.name);
                let held = to_held(block, &Tensor::from_slice(&floats(&start))).expect("layout");
                let flat = model.parameters.values();
                let own = block.of(flat, model.parameters.members()).expect("block");
                own.select(0, slot as i64).copy_(&held);
            }
        });
    }

    fn trained(&self, Layout { members, streams, slot }: Layout) -> Found {
        let (data, network, others) = (self.data(), self.network(), other_network(self.network()));
        let own = |index: usize| index == slot;
        let networks: Vec<_> =
            (0..members).map(|index| (if own(index) { &network } else { &others }, &SEED)).collect();
        let model = Model::new(&networks, self.train.precision, Device::Cpu).expect("memory");
        self.start(&model, slot);
        let trains: Vec<TrainSpec> = (0..members)
            .map(|index| if own(index) { self.train.clone() } else { other(&self.train) })
            .collect();
        let rates: Vec<Rate> = trains.iter().map(|train| Rate::new(train, STEPS as u64)).collect();
        let settings = trains.iter().map(|train| train.optimizer.clone()).collect();
        let optimizer = Optimizer::new(settings, &model.parameters, Device::Cpu).expect("memory");
        let objective = Objective::new(&self.train, self.classes.is_some(), Device::Cpu).expect("memory");
        let mut tally = Tally::new(members as i64, BATCH as i64, &objective, Device::Cpu).expect("memory");
        let measure = MeasureSpec { gradients: Some(Detail::Step), weights: true, ..MeasureSpec::default() };
        let mut recorder = Recorder::new(&measure, &model, 1).expect("memory");
        let clipping = Clipping::new(trains.iter(), Device::Cpu).expect("memory");
        let batch_size = BATCH as i64;
        let chain = Chain::new(&model, &objective, Device::Cpu).expect("memory");
        let mut learner = Learner { model, chain, optimizer, objective, clipping, batch_size, steps: 0 };
        let index = orders(streams, slot * streams / members);
        let member = Member {
            network: network.clone(),
            train: self.train.clone(),
            source: SEED,
            train_rows: (0..).take(ROWS).collect(),
            validation_rows: Vec::new(),
        };
        let intake = Intake::new(&data, &vec![&member; streams], &index).expect("memory");
        let mut losses = Vec::new();
        let slots: Vec<usize> = (0..members).collect();
        for (epoch, step) in (1..).zip(0..STEPS) {
            let at = |_: u64| rates.iter().map(|rate| rate.at(step as u64)).collect::<Vec<Pace>>();
            let paces = Paces { at: &at, vary: false, should_stop: &|| false };
            let batch = index.narrow(1, (step * BATCH) as i64, BATCH as i64);
            learner.epoch(&intake, &batch, &paces, (&mut tally, &mut recorder)).expect("step");
            recorder.end_epoch((epoch, u32::MAX), (&slots, &[]), None, &learner.model).expect("norms");
            losses.push(tally.totals(&vec![BATCH; members]).expect("totals")[slot].loss);
        }
        let Learner { model, objective, .. } = &mut learner;
        let counts = vec![ROWS; members];
        let evaluated = evaluate(model, &intake, objective, &index, &counts, None).expect("totals");
        let running: Vec<Tensor> = model.running().into_iter().map(Tensor::shallow_clone).collect();
        let flat = (model.parameters.values(), running.as_slice());
        let weights = Weights::of(&network, model, flat, slot as i64, STEPS as i64).expect("weights");
        let (measured, _) = recorder.measured(slot).expect("measured");
        check_steps(&measured.steps.expect("steps").losses, &losses);
        let rows = (Rows::Train, &index, counts.as_slice());
        let mut predictions =
            predictions(model, &intake, objective, rows, &vec![1; members]).expect("totals");
        let predictions = predictions.swap_remove(slot);
        Found { losses, measured: measured.epochs, weights, evaluated: evaluated[slot].loss, predictions }
    }

    fn close(&self, what: &str, found: impl IntoIterator<Item = f64>, expected: &[f32]) {
        let found: Vec<f64> = found.into_iter().collect();
        assert_eq!(found.len(), expected.len(), "{}: {what}", self.name);
        for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
            let expected = f64::from(*expected);
            let allowed = f64::from(self.tolerance) * (0.1 + expected.abs());
            let off = (found - expected).abs();
            assert!(off <= allowed, "{}: {what}: {found} for {expected} at {place}", self.name);
        }
    }

    fn matches(&self, layout: Layout) {
        let golden = golden();
        let found = self.trained(layout);
        let of = |what: &str| golden.tensor(&format!("{}/{what}", self.name)).expect("in the file");
        let named = |what: &str| format!("{what} of {layout:?}");
        self.close(&named("losses"), found.losses, &floats(&of("losses")));
        let norms = |of: fn(&EpochMeasurements) -> &Vec<Option<f64>>| {
            found.measured.iter().flat_map(of).map(|norm| norm.expect("finite")).collect::<Vec<f64>>()
        };
        let (gradients, weights) =
            (norms(|epoch| &epoch.layer_gradient_norms), norms(|epoch| &epoch.layer_weight_norms));
        self.close(&named("norms of gradients"), gradients.clone(), &floats(&of("gradient_norms")));
        self.close(&named("norms of weights"), weights, &floats(&of("weight_norms")));
        for (epoch, layers) in found.measured.iter().zip(gradients.chunks(gradients.len() / STEPS)) {
            let whole = layers.iter().map(|norm| norm.powi(2)).sum::<f64>().sqrt();
            let told = epoch.gradient_norm.expect("finite");
            assert!((told - whole).abs() <= 1e-4 * (0.1 + whole), "{}: {told} for {whole}", self.name);
        }
        let mut names = BTreeMap::new();
        for tensor in &found.weights.tensors {
            let expected = of(&format!("end/{}", tensor.name));
            assert_eq!(tensor.shape, expected.shape(), "{}/{}", self.name, tensor.name);
            names.insert(tensor.name.clone(), tensor.shape.clone());
            match &tensor.values {
                Values::Float(values) => {
                    let values = values.iter().map(|&value| f64::from(value));
                    self.close(&named(&tensor.name), values, &floats(&expected));
                }
                Values::Integer(number) => {
                    assert_eq!(u32::try_from(*number).expect("small"), integers(&expected)[0]);
                }
            }
        }
        self.close(&named("evaluated"), [found.evaluated], &floats(&of("evaluated")));
        assert_eq!(names, self.state_dict(), "{}", self.name);
        assert!((found.predictions.loss - found.evaluated).abs() < 1e-9, "{}", self.name);
        self.scored(&found.predictions);
    }

    /// Compares with scikit-learn.
    fn scored(&self, found: &Predictions) {
        match (&self.scores, &found.classes, &found.numbers) {
            (
                Scores::Classes { confusion, first_wrong, accuracy, precision, recall, f1 },
                Some(found_classes),
                None,
            ) => {
                assert_eq!(&found_classes.confusion, confusion, "{}", self.name);
                let wrong = found_classes
                    .first_wrong
                    .iter()
                    .map(|wrong| wrong.as_ref().map(|wrong| (wrong.row, wrong.predicted)));
                assert_eq!(&wrong.collect::<Vec<_>>(), first_wrong, "{}", self.name);
                let same = |found: Option<f64>, expected: f64| {
                    assert!(
                        (found.unwrap_or(0.0) - expected).abs() < 1e-12,
                        "{}: {found:?} for {expected}",
                        self.name
                    );
                };
                same(found.accuracy, *accuracy);
                for (index, score) in found_classes.scores().iter().enumerate() {
                    same(score.precision, precision[index]);
                    same(score.recall, recall[index]);
                    same(score.f1, f1[index]);
                }
                same(found_classes.macro_f1(), f1.iter().sum::<f64>() / f1.len() as f64);
            }
            (Scores::Numbers { r2, mean_absolute_error, mean_squared_error }, None, Some(found)) => {
                let found_r2 = found.r2.iter().map(|r2| r2.expect("targets differ"));
                self.close("R²", found_r2, r2);
                self.close("mean absolute errors", found.mean_absolute_error.clone(), mean_absolute_error);
                self.close("mean squared errors", found.mean_squared_error.clone(), mean_squared_error);
            }
            other => panic!("{}: {other:?}", self.name),
        }
    }

    /// Names and shapes of everything in PyTorch's `state_dict`.
    fn state_dict(&self) -> BTreeMap<String, Vec<usize>> {
        let prefix = format!("{}/end/", self.name);
        let entry = |(name, view): (&str, TensorView<'_>)| {
            Some((name.strip_prefix(&prefix)?.to_owned(), view.shape().to_vec()))
        };
        golden().iter().filter_map(entry).collect()
    }
}

/// Row numbers `[G, rows]`: as they lie for one stream, for the others from other places on.
fn orders(streams: usize, own: usize) -> Tensor {
    let order = |stream: usize| {
        let from = if stream == own { 0 } else { 13 * (stream + 1) };
        (0..ROWS).map(move |row| ((row + from) % ROWS) as i64)
    };
    let all: Vec<i64> = (0..streams).flat_map(order).collect();
    Tensor::from_slice(&all).view((streams as i64, -1))
}

/// The same layers with another dropout rate.
fn other_network(mut network: Network) -> Network {
    for layer in &mut network.layers {
        if let Operation::Layer(Layer::Dropout(Dropout { rate })) = &mut layer.operation {
            *rate = 0.4;
        }
    }
    network
}

/// Other numbers for the same rule, for the members beside the case's.
fn other(train: &TrainSpec) -> TrainSpec {
    let own = &train.optimizer;
    let settings = Settings {
        lr: own.lr * 0.3,
        weight_decay: Some(0.2),
        momentum: own.momentum.map(|momentum| momentum * 0.5),
        dampening: (!own.nesterov()).then_some(0.3),
        betas: Some([0.75, 0.9]),
        alpha: Some(0.7),
        lr_decay: Some(0.5),
        initial_accumulator: Some(0.6),
        eps: Some(1e-6),
        ..own.clone()
    };
    let clip = train.clip.map(|clip| match clip {
        Clip::Norm(most) => Clip::Norm(most * 0.1),
        Clip::Value(most) => Clip::Value(most * 0.1),
    });
    TrainSpec { optimizer: settings, clip, schedule: Schedule::Constant, ..train.clone() }
}

/// The losses of single steps are those that the epochs of one step were tallied with.
fn check_steps(told: &[Option<f32>], losses: &[f64]) {
    assert_eq!(told.len(), losses.len());
    for (told, loss) in told.iter().zip(losses) {
        let told = f64::from(told.expect("finite"));
        assert!((told - loss).abs() <= 1e-5 * (0.1 + loss), "{told} for {loss}");
    }
}

fn all_match(group: &str) {
    // Networks this small take longer on several threads.
    tch::set_num_threads(1);
    let failed: Vec<String> = cases(group)
        .iter()
        .flat_map(|case| LAYOUTS.map(|layout| (case, layout)))
        .filter_map(|(case, layout)| {
            let found = std::panic::catch_unwind(|| case.matches(layout));
            found.err().map(|_| format!("{} in {layout:?}", case.name))
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn layers_train_as_in_pytorch() {
    all_match("layers/");
}

#[test]
fn optimizers_step_as_in_pytorch() {
    all_match("optimizers/");
}

#[test]
fn losses_are_pytorchs() {
    all_match("losses/");
}

#[test]
fn clipped_scheduled_and_warmed_up_steps_are_pytorchs() {
    all_match("steps/");
}

#[test]
fn narrow_numbers_round_as_in_pytorch() {
    all_match("precision/");
}

#[test]
fn the_file_of_weights_holds_what_state_dict_holds() {
    let all = cases("layers/");
    let case = all.iter().find(|case| case.name == "layers/convolutional").expect("in the file");
    let bytes = case.trained(LAYOUTS[1]).weights.to_safetensors().expect("a file");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let found: BTreeMap<String, Vec<usize>> =
        file.iter().map(|(name, view)| (name.to_owned(), view.shape().to_vec())).collect();
    assert_eq!(found, case.state_dict());
    assert_eq!(integers(&file.tensor("1.num_batches_tracked").expect("named")), [10]);
}
