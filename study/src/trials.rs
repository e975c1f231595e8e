//! The trials of a study: enumerated once, at submission, each checked against the data.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::command::CommandSpec;
use crate::network::{Network, ParameterCount};
use crate::selection::Metric;
use crate::spec::{Problem, Spec};
use crate::train::{Loss, TrainSpec};

mod check;
mod failing;
mod grid;

use failing::Failing;
use grid::{Grid, Identity};

/// More trials than this are refused; larger spaces want a search, not a grid.
pub const TRIALS_MAX: usize = 100_000;

/// What must be known of the data to check and plan a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFacts {
    /// Shape of one row: `[C, H, W]` or `[F]`.
    pub shape: Vec<usize>,
    /// Classes, or `None` where the target is a number.
    pub classes: Option<usize>,
    /// Numbers per row to predict, where the target is a number; 1 where it is a class.
    #[serde(default = "one_target")]
    pub targets: usize,
    /// Training rows.
    pub train_rows: usize,
    /// Test rows, if there is a test set.
    pub test_rows: Option<usize>,
}

impl RowFacts {
    /// Numbers per row that a network trained with `loss` must give.
    #[must_use]
    pub fn outputs(&self, loss: Loss) -> usize {
        loss.outputs(self.classes, self.targets)
    }
}

/// What a study that was kept before there could be several has.
fn one_target() -> usize {
    1
}

/// One configuration of the space.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Position in enumeration order, from 0.
    pub index: usize,
    /// The searched values, by path.
    pub parameters: IndexMap<String, Json>,
    /// What trains, and how.
    pub method: Method,
}

/// What trains a trial.
#[derive(Debug, Clone)]
pub enum Method {
    /// Foldwise.
    Described(Box<Described>),
    /// A program of one's own.
    Command(CommandSpec),
}

/// A described network, which Foldwise trains.
#[derive(Debug, Clone)]
pub struct Described {
    /// The network.
    pub network: Network,
    /// How it is trained.
    pub train: TrainSpec,
    /// The loss it is trained with.
    pub loss: Loss,
}

/// What planning needs of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialFacts {
    /// Trainable numbers; none where they are not known.
    pub parameters: ParameterCount,
    /// Multiply-accumulates of one row's forward pass.
    pub multiply_accumulates: u64,
    /// Numbers one row keeps for the backward pass.
    pub activations: u64,
    /// Numbers per parameter that the optimizer keeps from step to step.
    pub optimizer_numbers: u64,
    /// Whether it convolves.
    pub convolutional: bool,
    /// Rows per step.
    pub batch_size: usize,
    /// Whether a last step that is not full is left out.
    pub drop_last: bool,
    /// Whether batch normalization takes vectors, of which a step needs two.
    pub normalizes_vectors: bool,
    /// Passes over the rows.
    pub epochs: u32,
    /// Trials with equal keys may train in one cohort, where their row counts agree too.
    pub fuse_key: [u8; 32],
    /// Whether each run is a cohort of its own, whatever its key.
    pub alone: bool,
}

/// All trials of a study: those of its spec, and after them what each extension of the spec added.
#[derive(Debug, Clone)]
pub struct Trials {
    grids: Vec<Grid>,
    facts: Vec<TrialFacts>,
    rows: RowFacts,
}

impl Trials {
    /// Enumerates and checks every trial.
    ///
    /// # Errors
    /// Every problem at once; of long lists the first, and how many more.
    pub fn enumerate(spec: &Spec, rows: &RowFacts) -> Result<Self, Vec<Problem>> {
        let trials = Self { grids: Vec::new(), facts: Vec::new(), rows: rows.clone() };
        let trials = trials.with(spec, &HashSet::new())?;
        if trials.is_empty() {
            return Err(vec![Problem::new("space.exclude", "leaves no trial")]);
        }
        Ok(trials)
    }

    /// Enumerates a spec that was extended: `versions` are its states, oldest first.
    ///
    /// # Errors
    /// As [`Self::enumerate`] and [`Self::extended`].
    pub fn of_versions<'a>(
        versions: impl IntoIterator<Item = &'a Spec>,
        rows: &RowFacts,
    ) -> Result<Self, Vec<Problem>> {
        let mut versions = versions.into_iter();
        let Some(first) = versions.next() else {
            return Err(vec![Problem::new("", "there is no spec")]);
        };
        versions.try_fold(Self::enumerate(first, rows)?, |trials, spec| trials.extended(spec))
    }

    /// These trials with their numbers, and after them those of a newer spec that are not among them.
    ///
    /// # Errors
    /// As [`Self::enumerate`]; and when the newer spec leaves one of these out, for an extension only adds.
    pub fn extended(self, spec: &Spec) -> Result<Self, Vec<Problem>> {
        let known: HashSet<Identity> = (0..self.len()).filter_map(|trial| self.identity(trial)).collect();
        let newer = Self::enumerate(spec, &self.rows)?;
        let kept: HashSet<Identity> = (0..newer.len()).filter_map(|trial| newer.identity(trial)).collect();
        let missing =
            (0..self.len()).find(|&trial| self.identity(trial).is_some_and(|id| !kept.contains(&id)));
        if let Some(trial) = missing {
            let values: Vec<String> =
                self.parameters(trial).iter().map(|(path, value)| format!("{path} = {value}")).collect();
            let message = format!("leaves out trial {trial} of the study ({})", values.join(", "));
            return Err(vec![
                Problem::new("space", message).hint("an extension can only add; submit another study"),
            ]);
        }
        self.with(spec, &known)
    }

    /// Adds the trials of a spec whose identity is not known yet.
    fn with(mut self, spec: &Spec, known: &HashSet<Identity>) -> Result<Self, Vec<Problem>> {
        let mut grid = Grid::of(spec)?;
        let mut problems = Vec::new();
        if spec.selection.metric == Some(Metric::ValAccuracy) && self.rows.classes.is_none() {
            let problem =
                Problem::new("selection.metric", "val_accuracy needs classes, but the target is a number");
            problems.push(problem.hint("use val_loss"));
        }
        let mut failing = Failing::default();
        let mut count = 0;
        let first = self.len();
        for position in 0..grid.size {
            let parameters = grid.parameters_at(position);
            if spec.space.excludes(&parameters) {
                continue;
            }
            count += 1;
            match grid.build(first + grid.positions.len(), position, &self.rows, spec.limits.parameters) {
                Ok(_) if !known.is_empty() && known.contains(&grid.identity(position)) => {}
                Ok(trial) => {
                    grid.positions.push(position);
                    self.facts.push(trial.facts());
                }
                Err(found) => failing.add(&parameters, found),
            }
        }
        if self.facts.len() > TRIALS_MAX {
            problems
                .push(Problem::new("space", format!("the study would have more than {TRIALS_MAX} trials")));
        }
        problems.extend(failing.into_problems(count));
        self.grids.push(grid);
        if problems.is_empty() { Ok(self) } else { Err(problems) }
    }

    /// How many trials there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// Whether there is none; never so for a checked study.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// What planning needs, by trial.
    #[must_use]
    pub fn facts(&self) -> &[TrialFacts] {
        &self.facts
    }

    /// The searched values of a trial, by path, in the order of the space.
    #[must_use]
    pub fn parameters(&self, trial: usize) -> IndexMap<String, Json> {
        self.place(trial).map(|(grid, position)| grid.parameters_at(position)).unwrap_or_default()
    }

    /// A trial, or `None` past the last.
    #[must_use]
    pub fn trial(&self, index: usize) -> Option<Trial> {
        let (grid, position) = self.place(index)?;
        grid.build(index, position, &self.rows, None).ok()
    }

    fn identity(&self, trial: usize) -> Option<Identity> {
        self.place(trial).map(|(grid, position)| grid.identity(position))
    }

    /// The grid that a trial comes from, and its position there.
    fn place(&self, trial: usize) -> Option<(&Grid, u32)> {
        let mut rest = trial;
        for grid in &self.grids {
            match grid.positions.get(rest) {
                Some(&position) => return Some((grid, position)),
                None => rest -= grid.positions.len(),
            }
        }
        None
    }
}

impl Trial {
    /// The described network, if it is one.
    #[must_use]
    pub fn described(&self) -> Option<&Described> {
        match &self.method {
            Method::Described(described) => Some(described),
            Method::Command(_) => None,
        }
    }

    fn facts(&self) -> TrialFacts {
        match &self.method {
            Method::Described(described) => described.facts(),
            Method::Command(command) => facts_of_command(command),
        }
    }
}

/// What is known of a command: how many epochs it takes. All commands count as equally dear.
fn facts_of_command(command: &CommandSpec) -> TrialFacts {
    TrialFacts {
        parameters: ParameterCount::default(),
        multiply_accumulates: 0,
        activations: 0,
        optimizer_numbers: 0,
        convolutional: false,
        batch_size: 1,
        drop_last: false,
        normalizes_vectors: false,
        epochs: command.epochs,
        fuse_key: blake3::derive_key("foldwise 1 command", &command.epochs.to_le_bytes()),
        alone: true,
    }
}

impl Described {
    fn facts(&self) -> TrialFacts {
        TrialFacts {
            parameters: self.network.parameter_count(),
            multiply_accumulates: self.network.multiply_accumulates(),
            activations: self.network.activations(),
            optimizer_numbers: self.train.optimizer.kept(),
            convolutional: self.network.has_convolution(),
            batch_size: self.train.batch_size,
            drop_last: self.train.drop_last,
            normalizes_vectors: self.network.normalizes_vectors(),
            epochs: self.train.epochs,
            fuse_key: self.fuse_key(),
            alone: self.network.module.is_some(),
        }
    }

    /// Everything that members of a cohort must share, hashed: shapes, batch size, epochs, loss, the optimizer's
    /// rule. Rates, decays, dropout, schedules, initial weights and seeds may differ.
    fn fuse_key(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("foldwise 1 fuse key");
        for layer in &self.network.layers {
            hasher.update(format!("{};", layer.fuse_key()).as_bytes());
        }
        hasher.update(self.train.fuse_key(self.loss).as_bytes());
        *hasher.finalize().as_bytes()
    }
}
