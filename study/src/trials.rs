//! The trials of a study: enumerated once, at submission, each checked against the data.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::network::{Layer, Network, NetworkSpec, ParameterCount};
use crate::selection::Metric;
use crate::space::Axis;
use crate::spec::{Problem, Spec, check_trial, set_json};
use crate::train::{Loss, OptimizerKind, TrainSpec};

/// More trials than this are refused; larger spaces want a search, not a grid.
pub const TRIALS_MAX: usize = 100_000;

/// More problems than this are counted, not listed.
const PROBLEMS_LISTED_MAX: usize = 20;

/// What must be known of the data to check and plan a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFacts {
    /// Shape of one row: `[C, H, W]` or `[F]`.
    pub shape: Vec<usize>,
    /// Classes, or `None` where the target is a number.
    pub classes: Option<usize>,
    /// Training rows.
    pub train_rows: usize,
    /// Test rows, if there is a test set.
    pub test_rows: Option<usize>,
}

impl RowFacts {
    /// Numbers per row that a network must give.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.classes.unwrap_or(1)
    }
}

/// One configuration of the space.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Position in enumeration order, from 0.
    pub index: usize,
    /// The searched values, by path.
    pub parameters: IndexMap<String, Json>,
    /// How it is trained.
    pub train: TrainSpec,
    /// Its network.
    pub network: Network,
    /// The loss it is trained with.
    pub loss: Loss,
}

/// What planning needs of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialFacts {
    /// Trainable numbers.
    pub parameters: ParameterCount,
    /// Multiply-accumulates of one row's forward pass.
    pub multiply_accumulates: u64,
    /// Numbers one row keeps for the backward pass.
    pub activations: u64,
    /// Whether it convolves.
    pub convolutional: bool,
    /// Rows per step.
    pub batch_size: usize,
    /// Passes over the rows.
    pub epochs: u32,
    /// Trials with equal keys may train in one cohort, where their row counts agree too.
    pub fuse_key: [u8; 32],
}

/// All trials of a study.
#[derive(Debug, Clone)]
pub struct Trials {
    template: Json,
    axes: Vec<Axis>,
    /// Positions in the full grid of the trials that are not excluded.
    grid: Vec<u32>,
    facts: Vec<TrialFacts>,
    rows: RowFacts,
}

impl Trials {
    /// Enumerates and checks every trial.
    ///
    /// # Errors
    /// Every problem at once; of long lists the first, and how many more.
    pub fn enumerate(spec: &Spec, rows: &RowFacts) -> Result<Self, Vec<Problem>> {
        let axes = spec.space.axes();
        let size = axes.iter().try_fold(1_usize, |size, axis| size.checked_mul(axis.points.len()));
        let Some(size) = size.filter(|&size| size <= TRIALS_MAX) else {
            let message = format!("the grid has more than {TRIALS_MAX} points");
            return Err(vec![Problem::new("space", message).hint("try fewer values, or zip parameters")]);
        };
        let mut template = spec.to_json();
        if let Some(object) = template.as_object_mut() {
            object.retain(|key, _| key == "network" || key == "train");
        }
        let mut trials = Self { template, axes, grid: Vec::new(), facts: Vec::new(), rows: rows.clone() };
        let mut problems = Vec::new();
        if spec.selection.metric == Some(Metric::ValAccuracy) && rows.classes.is_none() {
            let problem =
                Problem::new("selection.metric", "val_accuracy needs classes, but the target is a number");
            problems.push(problem.hint("use val_loss"));
        }
        let mut failing = Failing::default();
        for position in 0..u32::try_from(size).unwrap_or(u32::MAX) {
            if spec.space.excludes(&trials.parameters_at(position)) {
                continue;
            }
            let index = trials.grid.len();
            trials.grid.push(position);
            match trials.build(index, spec.limits.parameters) {
                Ok(trial) => trials.facts.push(trial.facts()),
                Err(found) => failing.add(&trials.parameters(index), found),
            }
        }
        if trials.grid.is_empty() {
            problems.push(Problem::new("space.exclude", "leaves no trial"));
        }
        problems.extend(failing.into_problems(trials.len()));
        if problems.is_empty() { Ok(trials) } else { Err(problems) }
    }

    /// How many trials there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.grid.len()
    }

    /// Whether there is none; never so for a checked study.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.grid.is_empty()
    }

    /// What planning needs, by trial.
    #[must_use]
    pub fn facts(&self) -> &[TrialFacts] {
        &self.facts
    }

    /// The searched values of a trial, by path, in the order of the space.
    #[must_use]
    pub fn parameters(&self, trial: usize) -> IndexMap<String, Json> {
        self.grid.get(trial).map(|&position| self.parameters_at(position)).unwrap_or_default()
    }

    /// A trial, or `None` past the last.
    #[must_use]
    pub fn trial(&self, index: usize) -> Option<Trial> {
        (index < self.len()).then(|| self.build(index, None).ok()).flatten()
    }

    fn parameters_at(&self, position: u32) -> IndexMap<String, Json> {
        let mut rest = position as usize;
        let mut points = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            points.push((axis, &axis.points[rest % axis.points.len()]));
            rest /= axis.points.len();
        }
        let values = points.into_iter().rev().flat_map(|(axis, point)| axis.paths.iter().zip(point));
        values.map(|(path, value)| (path.clone(), value.clone())).collect()
    }

    fn build(&self, index: usize, parameters_max: Option<u64>) -> Result<Trial, Vec<Problem>> {
        #[derive(Deserialize)]
        struct Searched {
            network: NetworkSpec,
            train: TrainSpec,
        }
        let parameters = self.parameters_at(self.grid[index]);
        let mut json = self.template.clone();
        for (path, value) in &parameters {
            set_json(&mut json, path, value.clone());
        }
        let Searched { network, train } =
            serde_json::from_value(json).map_err(|error| vec![Problem::new("space", error.to_string())])?;
        let mut problems = check_trial(&train);
        let loss = train.loss.unwrap_or(match self.rows.classes {
            Some(_) => Loss::CrossEntropy,
            None => Loss::MeanSquaredError,
        });
        if loss == Loss::CrossEntropy && self.rows.classes.is_none() {
            let problem =
                Problem::new("train.loss", "cross_entropy needs classes, but the target is a number");
            problems.push(problem.hint("use mean_squared_error, or data.csv.task = \"classification\""));
        }
        match network.resolve(&self.rows.shape, self.rows.outputs()) {
            Err(error) => problems.push(Problem::new("network", error.to_string())),
            Ok(network) => {
                let count = network.parameter_count().total;
                if let Some(most) = parameters_max.filter(|&most| count > most) {
                    let message = format!("{count} parameters pass the budget of {most} (limits.parameters)");
                    problems.push(Problem::new("network", message));
                }
                if problems.is_empty() {
                    return Ok(Trial { index, parameters, train, network, loss });
                }
            }
        }
        Err(problems)
    }
}

impl Trial {
    fn facts(&self) -> TrialFacts {
        TrialFacts {
            parameters: self.network.parameter_count(),
            multiply_accumulates: self.network.multiply_accumulates(),
            activations: self.network.activations(),
            convolutional: self.network.has_convolution(),
            batch_size: self.train.batch_size,
            epochs: self.train.epochs,
            fuse_key: self.fuse_key(),
        }
    }

    /// Everything that members of a cohort must share, hashed: shapes, batch size, epochs, loss, the optimizer's
    /// rule. Rates, decays, dropout, schedules, initial weights and seeds may differ.
    fn fuse_key(&self) -> [u8; 32] {
        let rule = match self.train.optimizer.kind {
            OptimizerKind::Sgd => {
                let momentum = self.train.optimizer.momentum() > 0.0;
                format!("sgd {momentum} {}", self.train.optimizer.nesterov())
            }
            OptimizerKind::Adam => "adam".to_owned(),
            OptimizerKind::Adamw => "adamw".to_owned(),
        };
        let mut hasher = blake3::Hasher::new_derive_key("foldwise 1 fuse key");
        for layer in &self.network.layers {
            let shape = match &layer.layer {
                Layer::Dropout(_) => "dropout".to_owned(),
                layer => format!("{layer:?}"),
            };
            hasher.update(format!("{shape} {:?};", layer.input).as_bytes());
        }
        let train = &self.train;
        let rest = format!("{} {} {:?} {rule} {}", train.batch_size, train.epochs, self.loss, train.shuffle);
        hasher.update(rest.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

/// What is wrong with trials: each problem once, with the first trial that has it and how many do.
#[derive(Default)]
struct Failing {
    problems: IndexMap<(String, String), (Problem, String, usize)>,
}

impl Failing {
    fn add(&mut self, parameters: &IndexMap<String, Json>, problems: Vec<Problem>) {
        for problem in problems {
            let key = (problem.path.clone(), problem.message.clone());
            let entry = self.problems.entry(key).or_insert_with(|| {
                let values: Vec<String> =
                    parameters.iter().map(|(path, value)| format!("{path} = {value}")).collect();
                (problem, values.join(", "), 0)
            });
            entry.2 += 1;
        }
    }

    fn into_problems(self, trials: usize) -> impl Iterator<Item = Problem> {
        let rest = self.problems.len().saturating_sub(PROBLEMS_LISTED_MAX);
        let more = (rest > 0).then(|| Problem::new("space", format!("{rest} more problems of this kind")));
        let listed =
            self.problems.into_values().take(PROBLEMS_LISTED_MAX).map(move |(mut problem, values, count)| {
                if trials > 1 {
                    let first =
                        if count == trials { String::new() } else { format!(", first with {values}") };
                    problem.message = format!("{} [in {count} of {trials} trials{first}]", problem.message);
                }
                problem
            });
        listed.chain(more)
    }
}
