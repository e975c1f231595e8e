//! The searches that are measured: study files of `studies/`, cut down and planned as a coordinator plans them.

use foldwise_study::network::{Layer, Network};
use foldwise_study::plan::{DeviceProfile, Plan};
use foldwise_study::seed;
use foldwise_study::spec::{DeviceKind, Format, Spec};
use foldwise_study::split::Rows;
use foldwise_study::train::{OptimizerKind, Order};
use foldwise_study::trials::{Described, Method, RowFacts, Trial, TrialFacts, Trials};
use foldwise_worker::trainer::{Cohort, Member, TestRows};
use serde_json::{Value as Json, json};

use crate::Outcome;
use crate::rows::{CLASSES, SHAPE};

/// A search to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload {
    /// What a slot's process is told.
    pub(crate) name: &'static str,
    /// What a reader is told.
    pub(crate) label: &'static str,
    /// The text of a study file.
    pub(crate) study: &'static str,
    /// What is changed in it: JSON pointers and JSON.
    pub(crate) changes: &'static [(&'static str, &'static str)],
    /// Rows that are split into folds.
    pub(crate) rows: usize,
    /// Epochs of each run.
    pub(crate) epochs: u32,
}

const B: &str = include_str!("../../studies/b-selection/compact-cnn.toml");
const FIVE_FOLDS: (&str, &str) = ("/validation", r#"{"k_fold": {"folds": 5, "shuffle": true, "seed": 42}}"#);
const THREE_RATES: (&str, &str) = ("/space", r#"{"train.optimizer.lr": [0.001, 0.0005, 0.0001]}"#);
const PLAIN: (&str, &str) = ("/train/augment", "[]");
const BF16: (&str, &str) = ("/train/precision", r#""bf16""#);

/// Every search that a benchmark measures.
pub(crate) const WORKLOADS: [Workload; 15] = [
    Workload {
        name: "b",
        label: "B, compact CNN, 5 folds × 3 rates",
        study: B,
        changes: &[THREE_RATES, PLAIN],
        rows: 960,
        epochs: 2,
    },
    Workload {
        name: "b-augmented",
        label: "B with flips and rotations",
        study: B,
        changes: &[THREE_RATES],
        rows: 960,
        epochs: 2,
    },
    Workload {
        name: "b-bf16",
        label: "B in bf16",
        study: B,
        changes: &[THREE_RATES, PLAIN, BF16],
        rows: 960,
        epochs: 2,
    },
    Workload {
        name: "b-seeds",
        label: "B, 5 folds × 1,000 seeds",
        study: B,
        changes: &[("/space", r#"{"train.seed": {"linear": [0, 999], "steps": 1000}}"#), PLAIN],
        rows: 4_000,
        epochs: 2,
    },
    Workload {
        name: "a-64-32",
        label: "A, 64-32, 5 folds × 3 rates",
        study: include_str!("../../studies/a-capacity/fc-64-32.toml"),
        changes: &[FIVE_FOLDS],
        rows: 10_240,
        epochs: 2,
    },
    Workload {
        name: "a-96-48",
        label: "A, 96-48, 5 folds × 3 rates",
        study: include_str!("../../studies/a-capacity/fc-96-48.toml"),
        changes: &[FIVE_FOLDS],
        rows: 10_240,
        epochs: 2,
    },
    Workload {
        name: "a-224-112",
        label: "A, 224-112, 5 folds × 3 rates",
        study: include_str!("../../studies/a-capacity/fc-224-112.toml"),
        changes: &[FIVE_FOLDS],
        rows: 5_120,
        epochs: 2,
    },
    Workload {
        name: "a-cnn-10k",
        label: "A, CNN of 9,841 parameters, 5 folds × 3 rates",
        study: include_str!("../../studies/a-capacity/cnn-10k.toml"),
        changes: &[FIVE_FOLDS],
        rows: 2_560,
        epochs: 2,
    },
    Workload {
        name: "a-cnn-102k",
        label: "A, CNN of 102,130 parameters, 5 folds × 3 rates",
        study: include_str!("../../studies/a-capacity/cnn-102k.toml"),
        changes: &[FIVE_FOLDS],
        rows: 1_280,
        epochs: 2,
    },
    Workload {
        name: "a-cnn-19k",
        label: "A, CNN of 19,390 parameters, 5 folds × 3 rates",
        study: include_str!("../../studies/a-capacity/cnn-19k.toml"),
        changes: &[FIVE_FOLDS],
        rows: 1_920,
        epochs: 2,
    },
    Workload {
        name: "a-cnn-51k",
        label: "A, CNN of 50,578 parameters, 5 folds × 3 rates",
        study: include_str!("../../studies/a-capacity/cnn-51k.toml"),
        changes: &[FIVE_FOLDS],
        rows: 1_280,
        epochs: 2,
    },
    Workload {
        name: "d-batch-1",
        label: "D, 784-256-10, batch 1",
        study: include_str!("../../studies/d-plain-sgd/batch-1.toml"),
        changes: &[],
        rows: 8_192,
        epochs: 2,
    },
    Workload {
        name: "d-batch-10",
        label: "D, widths 8 to 512, batch 10",
        study: include_str!("../../studies/d-plain-sgd/widths.toml"),
        changes: &[],
        rows: 8_192,
        epochs: 2,
    },
    Workload {
        name: "e-softmax",
        label: "E, softmax regression, 4 rates, batch 256",
        study: include_str!("../../studies/e-linear-to-lenet/1-softmax-rates.toml"),
        changes: &[],
        rows: 40_960,
        epochs: 2,
    },
    Workload {
        name: "e-lenet",
        label: "E, LeNet with ReLU, batch 256",
        study: include_str!("../../studies/e-linear-to-lenet/7-lenet-relu.toml"),
        changes: &[("/space", r#"{"train.optimizer.lr": [0.1, 0.05]}"#)],
        rows: 4_096,
        epochs: 2,
    },
];

/// A workload with every trial and cohort worked out.
#[derive(Debug)]
pub(crate) struct Search {
    /// What plans know of its first trial.
    pub(crate) facts: TrialFacts,
    /// Cohorts in the order in which they are leased.
    pub(crate) cohorts: Vec<Cohort>,
    /// Whether rows are held as they are, which augmentation needs.
    pub(crate) raw: bool,
    /// Mean and deviation that rows are normalized with.
    pub(crate) normalize: Option<(Vec<f32>, Vec<f32>)>,
}

impl Workload {
    /// The workload of this name.
    pub(crate) fn named(name: &str) -> Outcome<Self> {
        let found = WORKLOADS.iter().find(|workload| workload.name == name);
        found.copied().ok_or_else(|| format!("there is no workload {name:?}").into())
    }

    /// The spec that is measured.
    fn spec(&self) -> Outcome<Spec> {
        let mut tree = Spec::read(self.study, Format::Toml)?.to_json();
        for (pointer, value) in self.changes {
            set(&mut tree, pointer, serde_json::from_str(value)?)?;
        }
        // Only training is measured, on both sides.
        set(&mut tree, "/measure", json!({}))?;
        set(&mut tree, "/train/epochs", json!(self.epochs))?;
        Ok(Spec::from_json(&tree.to_string())?)
    }

    /// Trials, folds and plan; `width` in place of the profile's where a sweep asks for it.
    pub(crate) fn search(&self, device: DeviceKind, width: Option<usize>) -> Outcome<Search> {
        let spec = self.spec()?;
        let rows = RowFacts {
            shape: SHAPE.to_vec(),
            classes: Some(CLASSES),
            targets: 1,
            train_rows: self.rows,
            // A test set that validates is asked how large it is; nothing of it is used.
            test_rows: Some(1),
        };
        let problems = |problems: Vec<_>| format!("{}: {problems:?}", self.name);
        let trials = Trials::enumerate(&spec, &rows).map_err(problems)?;
        let folds =
            spec.validation.folds(&Rows { count: self.rows, classes: None, groups: None, test: 1 })?;
        let sizes: Vec<(usize, usize)> =
            folds.iter().map(|fold| (fold.train.len(), fold.validation.len())).collect();
        let mut profile = DeviceProfile::shipped(device);
        if width.is_some() {
            // Who asks for a width looks for memory's end as well.
            profile.memory_mib = 16_777_216;
        }
        let plan = Plan::new(&trials, &sizes, &profile, width.or(spec.plan.width));
        let cohorts = plan.cohorts.iter().map(|runs| {
            let members = runs.iter().map(|run| {
                let trial =
                    trials.trial(run.trial as usize).ok_or("the plan names a trial that there is not")?;
                member(&spec, trial, run.fold, folds[run.fold as usize].train.clone())
            });
            Ok(cohort(members.collect::<Outcome<Vec<_>>>()?, &spec))
        });
        let normalize = spec.data.fixed_normalize().map(|fixed| (fixed.mean.clone(), fixed.std.clone()));
        let facts = trials.facts().first().cloned().ok_or("a search without trials")?;
        Ok(Search { facts, cohorts: cohorts.collect::<Outcome<_>>()?, raw: spec.may_augment(), normalize })
    }
}

fn member(spec: &Spec, trial: Trial, fold: u32, train_rows: Vec<u32>) -> Outcome<Member> {
    let Method::Described(described) = trial.method else {
        return Err("a benchmark trains networks alone".into());
    };
    let Described { network, mut train, loss } = *described;
    train.loss = Some(loss);
    let source = seed::Source { study: spec.seed, train: train.seed, trial: None, fold };
    Ok(Member { network, train, source, train_rows, validation_rows: Vec::new() })
}

fn cohort(members: Vec<Member>, spec: &Spec) -> Cohort {
    let selection = spec.selection.rule(true);
    Cohort { members, selection, test: TestRows::None, keep_weights: false, measure: spec.measure.clone() }
}

impl Search {
    /// Every run.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.cohorts.iter().flat_map(|cohort| &cohort.members)
    }

    /// Images that the whole search trains on.
    pub(crate) fn images(&self) -> f64 {
        self.members().map(|member| (member.train_rows.len() * member.train.epochs as usize) as f64).sum()
    }

    /// Floating-point operations of the whole search's matrix products and convolutions.
    pub(crate) fn operations(&self) -> f64 {
        let of_member = |member: &Member| {
            let images = member.train_rows.len() * member.train.epochs as usize;
            images as f64 * operations(&member.network)
        };
        self.members().map(of_member).sum()
    }

    /// Bytes that the whole search moves at the least, were every operation to find its operands in memory once: each value
    /// that is kept for the backward pass written and read, and its gradient too; and in each step the weights read twice,
    /// their gradients written and read, and weights and running means read and written.
    pub(crate) fn bytes(&self) -> f64 {
        const NUMBER_BYTES: f64 = 4.0;
        let of_member = |member: &Member| {
            let (rows, epochs) = (member.train_rows.len(), f64::from(member.train.epochs));
            let means = match member.train.optimizer.kind {
                OptimizerKind::Adam | OptimizerKind::Adamw => 4.0,
                _ => 0.0,
            };
            let activations = 4.0 * member.network.activations() as f64 * rows as f64;
            let weights = (6.0 + means) * member.network.parameter_count().total as f64;
            epochs * NUMBER_BYTES * (activations + weights * member.train.steps(rows) as f64)
        };
        self.members().map(of_member).sum()
    }

    /// How the plan put the runs together, for people.
    pub(crate) fn shape(&self) -> String {
        let mut widths: Vec<usize> = self.cohorts.iter().map(|cohort| cohort.members.len()).collect();
        widths.dedup();
        let widths: Vec<String> = widths.iter().map(ToString::to_string).collect();
        format!("{} × {}", self.cohorts.len(), widths.join(", "))
    }
}

/// Floating-point operations of one row's training step: two for each multiply-accumulate of the forward pass, as many
/// for the gradients of weights, and as many for those of inputs, but for the first layer, whose input needs none.
pub(crate) fn operations(network: &Network) -> f64 {
    let first = network.layers.iter().position(|layer| !layer.parameters().is_empty());
    let mut head = network.clone();
    head.layers.truncate(first.map_or(0, |first| first + 1));
    2.0 * (3.0 * network.multiply_accumulates() as f64 - head.multiply_accumulates() as f64)
}

/// A run as a peer is told of it: layers with the shapes that go in, and how it learns.
pub(crate) fn described(member: &Member) -> Outcome<Json> {
    let layers = member.network.layers.iter().map(|layer| match layer.layer() {
        Some(known) => Ok(json!({ "input": layer.input, "layer": layer_json(known)? })),
        None => Err("a residual layer is not described to peers".into()),
    });
    let layers: Outcome<Vec<Json>> = layers.collect();
    Ok(json!({
        "layers": layers?,
        "optimizer": member.train.optimizer,
        "batch": member.train.batch_size,
        "rows": member.train_rows.len(),
        "shuffle": member.train.order == Order::Shuffled,
    }))
}

/// A layer as `[name, settings]`.
fn layer_json(layer: &Layer) -> Outcome<Json> {
    Ok(match serde_json::to_value(layer)? {
        Json::Object(entry) => {
            entry.into_iter().next().map_or(Json::Null, |(name, settings)| json!([name, settings]))
        }
        word => json!([word, {}]),
    })
}

/// Sets a value in a tree of objects, making those that are missing.
fn set(tree: &mut Json, pointer: &str, value: Json) -> Outcome<()> {
    let mut place = tree;
    for key in pointer.split('/').skip(1) {
        let object = place.as_object_mut().ok_or_else(|| format!("{pointer} leads into no table"))?;
        place = object.entry(key).or_insert_with(|| json!({}));
    }
    *place = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use foldwise_study::spec::DeviceKind;

    use super::{WORKLOADS, Workload, described, operations};

    #[test]
    fn every_workload_resolves_and_can_be_described() {
        for workload in WORKLOADS {
            let search = workload.search(DeviceKind::Cpu, None).expect("resolves");
            assert!(search.images() > 0.0, "{}", workload.name);
            for member in search.members() {
                described(member).expect("is a plain list of layers");
            }
        }
    }

    #[test]
    fn the_first_layers_input_needs_no_gradient() {
        let search = Workload::named("a-64-32").and_then(|found| found.search(DeviceKind::Cpu, None));
        let search = search.expect("resolves");
        let network = &search.cohorts[0].members[0].network;
        let (first, rest) = (784.0 * 64.0, 64.0 * 32.0 + 32.0 * 10.0);
        assert!((operations(network) - 2.0 * (2.0 * first + 3.0 * rest)).abs() < 0.5);
        assert_eq!(search.members().count(), 15);
    }
}
