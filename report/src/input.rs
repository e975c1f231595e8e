//! What a report is built from: domain types, filled in by the coordinator.

use foldwise_study::outcome::RunOutcome;
use foldwise_study::plan::RunId;
use foldwise_study::selection::Rule;
use foldwise_study::spec::DeviceKind;
use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::{DataReport, FinalMode, ProfileReport, RunState, StudyState};

/// What a coordinator knows of a study. Empty texts count as none.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportInput {
    /// The study and where it stands.
    pub study: StudyInput,
    /// The spec as canonical JSON.
    pub spec: Json,
    /// How trials are compared.
    pub rule: Rule,
    /// (training, validation) rows of each fold that the winner is chosen by.
    pub sizes: Vec<(usize, usize)>,
    /// The trials in enumeration order.
    pub trials: Vec<TrialInput>,
    /// The runs of the search, in any order. A run that is missing counts as queued, of one that is there twice the
    /// last counts, and one beyond the trials or folds is left out.
    pub runs: Vec<RunInput>,
    /// The outer folds in their order; none without nested cross-validation.
    pub outer: Vec<OuterInput>,
    /// The final stage, once it is there.
    pub final_stage: Option<FinalInput>,
    /// Copies of weights that runs of the search kept, in any order; those of one run ascend by epoch.
    pub snapshots: Vec<SnapshotInput>,
    /// What the numbers are made from, and with.
    pub provenance: ProvenanceInput,
}

/// The weights of one run after one epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotInput {
    /// Whose.
    pub run: RunId,
    /// After which epoch, from 1; 0 is the start.
    pub epoch: u32,
    /// All learned numbers in PyTorch's order.
    pub weights: Vec<f32>,
}

/// A study and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyInput {
    /// `studies/{number}`.
    pub name: String,
    /// The spec's name.
    pub display_name: String,
    /// The spec's description.
    pub description: Option<String>,
    /// Where it stands.
    pub state: StudyState,
    /// Why it failed, or what a reader should know.
    pub message: Option<String>,
    /// When it was submitted, ms since 1970.
    pub created_unix_ms: u64,
    /// When it ended, ms since 1970.
    pub ended_unix_ms: Option<u64>,
}

/// One configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialInput {
    /// The searched values, by path, in the order of the space.
    pub params: IndexMap<String, Json>,
    /// Trainable numbers of its network; 0 where they are not known.
    pub parameters: u64,
    /// Those of them that belong to batch normalization.
    pub batch_norm_parameters: u64,
}

/// One run of the search.
#[derive(Debug, Clone, PartialEq)]
pub struct RunInput {
    /// Which.
    pub run: RunId,
    /// Where it stands. A finished run that diverged or has no finite score is reported as failed.
    pub state: RunState,
    /// Tries so far, the one under way included.
    pub attempts: u32,
    /// The worker that has it, or had it last.
    pub worker: Option<String>,
    /// Why its last failed attempt failed.
    pub error: Option<String>,
    /// What training handed back.
    pub outcome: Option<RunOutcome>,
}

/// An outer fold, and the last training in it.
#[derive(Debug, Clone, PartialEq)]
pub struct OuterInput {
    /// Rows that the search within it is made on.
    pub train_rows: usize,
    /// Rows that its choice is tested on.
    pub test_rows: usize,
    /// Mean score of each trial over the folds within; `None` where one failed or has not ended.
    pub inner_means: Vec<Option<f64>>,
    /// The trial that was chosen within it.
    pub trial: Option<usize>,
    /// Passes over the training rows.
    pub epochs: Option<u32>,
    /// Where the training stands. If it diverged, it is reported as failed.
    pub state: RunState,
    /// Tries so far, the one under way included.
    pub attempts: u32,
    /// Why its last failed attempt failed, or why nothing was chosen.
    pub error: Option<String>,
    /// What training handed back.
    pub outcome: Option<RunOutcome>,
}

/// The final stage.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalInput {
    /// How it is trained.
    pub mode: FinalMode,
    /// The trial that it is trained with.
    pub trial: usize,
    /// Where it stands. If it diverged, it is reported as failed.
    pub state: RunState,
    /// Tries so far, the one under way included.
    pub attempts: u32,
    /// Why its last failed attempt failed.
    pub error: Option<String>,
    /// What training handed back.
    pub outcome: Option<RunOutcome>,
    /// BLAKE3 of the weights file, in hexadecimal.
    pub weights_digest: Option<String>,
    /// Final stages that measured the test set: more than one where the study was reopened after its end.
    pub tests: usize,
}

/// What the numbers are made from, and with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenanceInput {
    /// The coordinator's version of Foldwise.
    pub foldwise: String,
    /// What each worker runs, in any order, repeated or not.
    pub software: Vec<String>,
    /// The kind of device that the cohorts were planned for.
    pub device: Option<DeviceKind>,
    /// The device profile that the cohorts were planned with.
    pub profile: Option<ProfileReport>,
    /// The names of the devices that trained, in any order, repeated or not.
    pub device_models: Vec<String>,
    /// The rows.
    pub data: DataReport,
    /// BLAKE3 of the folds, in hexadecimal.
    pub folds_digest: String,
    /// Cohorts as planned.
    pub cohorts: Option<usize>,
    /// Cohorts that were split in halves because memory ran out.
    pub cohort_splits: usize,
}
