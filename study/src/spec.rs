//! The spec: what a person writes in a study file.
//!
//! A text becomes a tree of placed values ([`Format`]), is checked against the schema of the types below and then
//! for contradictions between fields, with every problem found at once, and only then becomes a [`Spec`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::CommandSpec;
use crate::measure::MeasureSpec;
use crate::network::NetworkSpec;
use crate::selection::SelectionSpec;
use crate::space::Space;
use crate::split::{HoldOut, SplitError, Validation};
use crate::train::TrainSpec;
use crate::trials::RowFacts;

mod check;
pub mod data;
mod problem;
mod read;
pub mod scale;
pub(crate) mod schema;
pub(crate) mod source;

pub use data::DataSpec;
pub use problem::{Problem, Problems};
pub use schema::json_schema;
pub use source::Format;

pub(crate) use read::set_json;
pub use read::{SPEC_BYTES_MAX, SpecFile};

/// The highest priority of a study; the lowest is the same below zero.
pub const PRIORITY_MAX: i32 = 1000;

/// One submitted search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What people call the study: letters, digits, `-`, `_` and `.`.
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"))]
    pub name: String,
    /// A sentence about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 10_000))]
    pub description: String,
    /// The key of every random stream.
    #[serde(default)]
    pub seed: u64,
    /// Which study comes first where slots are short: a study gets no slot while another of a higher priority has work for
    /// it, and studies of equal priority share the slots. `foldwise priority` changes it while the study runs.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = -1000, max = 1000))]
    pub priority: i32,
    /// The rows.
    pub data: DataSpec,
    /// How the training rows are split into folds.
    pub validation: Validation,
    /// The network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkSpec>,
    /// How it learns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<TrainSpec>,
    /// A program of one's own that trains, instead of `network` and `train`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandSpec>,
    /// What is searched: paths into this spec, and the values to try.
    #[serde(default, skip_serializing_if = "Space::is_empty")]
    pub space: Space,
    /// What is measured beside losses and accuracies.
    #[serde(default, skip_serializing_if = "MeasureSpec::is_empty")]
    pub measure: MeasureSpec,
    /// How a trial is chosen.
    #[serde(default)]
    pub selection: SelectionSpec,
    /// What is trained with the chosen trial.
    #[serde(default, rename = "final")]
    pub final_stage: FinalSpec,
    /// What must not be passed.
    #[serde(default)]
    pub limits: Limits,
    /// How runs are put together and where they run.
    #[serde(default)]
    pub plan: PlanSpec,
}

/// The final stage: at most one of the fields. By default the winner is refitted on all training rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FinalSpec {
    /// Train on all training rows for a fixed number of epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refit: Option<Refit>,
    /// Train on a part of the training rows and keep the epoch that is best on the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_out: Option<FinalHoldOut>,
    /// Train the winner on one of its folds once more, with the same random numbers as in the search, and test the
    /// epoch that the selection picks: the checkpoint that a hand-written loop would have kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<FinalRepeat>,
    /// Train nothing more: the study ends with the selection.
    #[serde(default, skip_serializing_if = "is_false")]
    pub skip: bool,
}

/// A refit on all training rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refit {
    /// Epochs; by default the mean of the winner's best epochs over its folds, rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub epochs: Option<u32>,
}

/// A hold-out split for the final training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FinalHoldOut {
    /// Share of the training rows that is held out.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub fraction: f64,
    /// Seed of the split.
    #[serde(default)]
    pub seed: u32,
    /// Epochs; by default the spec's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub epochs: Option<u32>,
}

impl FinalHoldOut {
    /// The split.
    #[must_use]
    pub fn split(&self) -> HoldOut {
        HoldOut { fraction: self.fraction, stratified: false, shuffle: true, seed: self.seed }
    }
}

/// A run of the search that is trained once more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FinalRepeat {
    /// The fold, from 0.
    #[serde(default)]
    pub fold: u32,
}

/// Limits of a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Attempts at a run before it counts as failed.
    #[serde(default = "attempts")]
    #[schemars(range(min = 1, max = 100))]
    pub attempts: u32,
    /// The most trainable numbers a trial's network may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Seconds between checkpoints of a cohort under way, taken at the ends of epochs; 0 takes none. 60 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86_400))]
    pub checkpoint_seconds: Option<u32>,
    /// Seconds without a finished epoch after which a trainer counts as hung and is killed. By default ten times the
    /// longest epoch of its cohort so far, at least a minute, and an hour for the first epoch. A trainer that is to be
    /// started has the same time to come up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800))]
    pub hang_seconds: Option<u32>,
}

/// Seconds between checkpoints where a spec does not say.
const CHECKPOINT_SECONDS: u32 = 60;

impl Limits {
    /// Time between checkpoints of a cohort under way; `None` for none.
    #[must_use]
    pub fn checkpoint_interval(&self) -> Option<std::time::Duration> {
        let seconds = self.checkpoint_seconds.unwrap_or(CHECKPOINT_SECONDS);
        (seconds > 0).then(|| std::time::Duration::from_secs(seconds.into()))
    }
}

/// How runs are put together and where they run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanSpec {
    /// The kind of device; by default that of the first worker that asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceKind>,
    /// The most runs that train fused in one cohort; 1 turns fusing off. By default what pays on the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4096))]
    pub width: Option<usize>,
    /// The device profile that widths are read from, by its name: one that the coordinator was given, `shipped-cpu` or
    /// `shipped-cuda`. By default the coordinator's for the kind of device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub profile: Option<String>,
}

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Processor cores.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

/// Code that a study brings. A worker runs none of it unless its operator says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnCode {
    /// A program.
    Command,
    /// A TorchScript module.
    Module,
}

impl DeviceKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::Cuda];

    /// The word a spec uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { attempts: attempts(), parameters: None, checkpoint_seconds: None, hang_seconds: None }
    }
}

impl Spec {
    /// Reads a text and checks everything that does not need the data.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn read(text: &str, format: Format) -> Result<Self, Problems> {
        SpecFile::read(text, format).map(|file| file.spec)
    }

    /// Whether a trial may change training rows, so that they are needed as they were before normalization.
    #[must_use]
    pub fn may_augment(&self) -> bool {
        let searched =
            self.space.dimensions().any(|(path, _)| path == "train" || path.starts_with("train.augment"));
        searched || self.train.as_ref().is_some_and(|train| !train.augment.is_empty())
    }

    /// The code of its own that it brings, which not every worker runs.
    #[must_use]
    pub fn own_code(&self) -> Option<OwnCode> {
        let network = self.network.as_ref().is_some_and(|network| network.torchscript.is_some());
        let searched = || {
            let networks = self.space.dimensions().filter(|(path, _)| *path == "network");
            networks.flat_map(|(_, values)| values.list()).any(|value| value.get("torchscript").is_some())
        };
        match (self.command.is_some(), network || searched()) {
            (true, _) => Some(OwnCode::Command),
            (false, true) => Some(OwnCode::Module),
            (false, false) => None,
        }
    }

    /// Training rows of the final stage; none where it trains on a fold's, or not at all.
    ///
    /// # Errors
    /// When a hold-out leaves nothing to train on.
    pub fn final_train_rows(&self, rows: &RowFacts) -> Result<Option<usize>, SplitError> {
        if self.final_stage.skip { Ok(None) } else { self.last_train_rows(rows.train_rows) }
    }

    /// Training rows of a last training, as the final stage's, on `rows` rows: of an outer fold there is one whether or not
    /// there is a final stage. None where it trains on a fold's.
    ///
    /// # Errors
    /// When a hold-out leaves nothing to train on.
    pub fn last_train_rows(&self, rows: usize) -> Result<Option<usize>, SplitError> {
        match &self.final_stage.hold_out {
            _ if self.final_stage.repeat.is_some() => Ok(None),
            Some(hold_out) => hold_out.split().sizes_of(rows).map(|(train, _)| Some(train)),
            None => Ok(Some(rows)),
        }
    }

    /// The spec as canonical JSON: what is stored, sent to workers and hashed.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a spec has text keys and finite numbers alone")
    }

    /// The same with nothing at the paths that are searched in `other` too, where a spec holds the first of the values
    /// to try: equal for specs that differ in those values alone.
    #[must_use]
    pub fn to_json_but_searched(&self, other: &Self) -> serde_json::Value {
        let mut json = self.to_json();
        let searched = |path: &str| other.space.dimensions().any(|(other, _)| other == path);
        for (path, _) in self.space.dimensions().filter(|(path, _)| searched(path)) {
            read::clear_json(&mut json, path);
        }
        json
    }

    /// Reads what [`Spec::to_json`] wrote.
    ///
    /// # Errors
    /// When the text is not such JSON.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

fn attempts() -> u32 {
    3
}

fn is_zero(value: &i32) -> bool {
    *value == 0
}

fn is_false(value: &bool) -> bool {
    !*value
}
