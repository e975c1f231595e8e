//! `job.json`: what a command is told of its run.

use std::path::{Path, PathBuf};

use foldwise_study::command::Parameter;
use foldwise_study::selection::{EpochRule, Metric};
use indexmap::IndexMap;
use serde::Serialize;

/// The version of the protocol between Foldwise and commands.
pub(crate) const VERSION: u32 = 1;

/// A run, as a command reads it. `docs/own-code.md` describes each field.
#[derive(Debug, Serialize)]
pub(crate) struct Job<'a> {
    pub(crate) version: u32,
    pub(crate) study: &'a str,
    pub(crate) trial: u32,
    pub(crate) fold: u32,
    pub(crate) attempt: u32,
    pub(crate) stage: Stage,
    pub(crate) seed: u32,
    pub(crate) epochs: u32,
    pub(crate) parameters: &'a IndexMap<String, Parameter>,
    pub(crate) target: Target,
    pub(crate) row_shape: &'a [usize],
    pub(crate) data: Data,
    pub(crate) metric: Metric,
    pub(crate) selected_epoch: EpochRule,
    pub(crate) device: String,
    pub(crate) threads: u32,
    pub(crate) checkpoint: Option<Resume>,
    pub(crate) checkpoint_seconds: u64,
}

/// Why the run is trained.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// To be compared with others.
    Search,
    /// As the study's final model.
    Final,
    /// To be tested on the rows that an outer fold keeps apart.
    Outer,
}

/// What is predicted.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// One of so many classes.
    Classes(usize),
    /// So many numbers.
    Numbers(usize),
}

/// Where the rows lie: NumPy's files of single arrays.
#[derive(Debug, Serialize)]
pub(crate) struct Data {
    pub(crate) train: Arrays,
    /// Where the run is tested.
    pub(crate) test: Option<Arrays>,
    /// The numbers of the rows of `test` to test on; all by default.
    pub(crate) test_rows: Option<PathBuf>,
    /// The numbers of the rows of `train` to train on.
    pub(crate) train_rows: PathBuf,
    /// The numbers of the rows of `train` to validate on.
    pub(crate) validation_rows: Option<PathBuf>,
}

/// A table of rows.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Arrays {
    pub(crate) x: PathBuf,
    pub(crate) y: PathBuf,
    pub(crate) groups: Option<PathBuf>,
}

/// Where an earlier attempt came to.
#[derive(Debug, Serialize)]
pub(crate) struct Resume {
    pub(crate) path: PathBuf,
    pub(crate) epoch: u32,
}

impl Job<'_> {
    /// Writes it.
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        std::fs::write(path, serde_json::to_vec_pretty(self)?)
    }
}
