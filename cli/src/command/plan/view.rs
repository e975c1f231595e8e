//! A plan in JSON.

use foldwise_coordinator::ledger::StudyRecord;
use foldwise_study::plan::{DeviceProfile, Plan, RunId};
use foldwise_study::spec::FinalSpec;
use foldwise_study::trials::TrialFacts;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value as Json;

use super::cost;

/// Everything that is known before a study starts.
#[derive(Debug, Serialize)]
pub(super) struct PlanView {
    pub(super) name: String,
    pub(super) dataset: String,
    /// `[C, H, W]` or `[F]`.
    pub(super) row_shape: Vec<usize>,
    /// Absent where the target is a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) classes: Option<usize>,
    /// Numbers to predict per row; 1 where there are classes.
    pub(super) targets: usize,
    pub(super) train_rows: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) test_rows: Option<usize>,
    /// Those that the winner is chosen by.
    pub(super) folds: Vec<FoldView>,
    /// Those that the search is judged by; within each there are as many as in `folds`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) outer_folds: Vec<OuterFoldView>,
    pub(super) runs: usize,
    pub(super) epochs: u64,
    /// Forward and backward on training rows, forward on validation rows, of the search alone.
    pub(super) multiply_accumulates: Json,
    #[serde(skip)]
    pub(super) cost: u128,
    pub(super) final_stage: &'static str,
    pub(super) device: &'static str,
    /// What the cohorts were planned with.
    pub(super) profile: String,
    /// BLAKE3 of what it says, in hexadecimal.
    pub(super) profile_digest: String,
    pub(super) trials: Vec<TrialView>,
    pub(super) cohorts: Vec<CohortView>,
}

#[derive(Debug, Serialize)]
pub(super) struct FoldView {
    pub(super) train_rows: usize,
    pub(super) validation_rows: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct OuterFoldView {
    pub(super) train_rows: usize,
    pub(super) test_rows: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct TrialView {
    pub(super) trial: usize,
    pub(super) parameters: IndexMap<String, Json>,
    /// 0 where it is not known, as that of a command is not.
    pub(super) parameter_count: u64,
    /// Those of them that belong to batch normalization.
    pub(super) batch_norm_parameter_count: u64,
    pub(super) epochs: u32,
    pub(super) batch_size: usize,
    /// Of one row's forward pass.
    pub(super) multiply_accumulates_per_row: u64,
    /// Of one epoch on one fold, as the search counts them; that of the largest fold.
    pub(super) multiply_accumulates_per_epoch: Json,
    #[serde(skip)]
    pub(super) epoch_cost: u128,
}

#[derive(Debug, Serialize)]
pub(super) struct CohortView {
    pub(super) width: usize,
    /// `[trial, fold]`.
    pub(super) runs: Vec<[u32; 2]>,
}

impl PlanView {
    /// A study's plan with a device profile.
    pub(super) fn new(study: &StudyRecord, profile: &DeviceProfile) -> Self {
        let StudyRecord { spec, rows, trials, sizes, .. } = study;
        let plan = Plan::new(trials, sizes, profile, spec.plan.width);
        let cost = cost::search(trials.facts(), sizes);
        let fold = |&(train_rows, validation_rows): &(usize, usize)| FoldView { train_rows, validation_rows };
        Self {
            name: spec.name.clone(),
            dataset: spec.data.rows_name(),
            row_shape: rows.shape.clone(),
            classes: rows.classes,
            targets: rows.targets,
            train_rows: rows.train_rows,
            test_rows: rows.test_rows,
            folds: sizes.iter().take(study.choosing() as usize).map(fold).collect(),
            outer_folds: (0..study.outer()).map(|outer| outer_fold(study, outer)).collect(),
            runs: plan.runs(),
            epochs: cost::epochs(trials.facts(), sizes.len()),
            multiply_accumulates: number(cost),
            cost,
            final_stage: final_stage(&spec.final_stage),
            device: profile.kind.word(),
            profile: profile.name.clone(),
            profile_digest: profile.digest(),
            trials: trial_views(study),
            cohorts: cohort_views(&plan),
        }
    }
}

fn outer_fold(study: &StudyRecord, outer: u32) -> OuterFoldView {
    let (train_rows, test_rows) = study.outer_size(outer);
    OuterFoldView { train_rows, test_rows }
}

fn trial_views(study: &StudyRecord) -> Vec<TrialView> {
    let StudyRecord { trials, sizes, .. } = study;
    let view = |(trial, facts): (usize, &TrialFacts)| {
        let epoch_cost = sizes.iter().map(|&size| cost::epoch(facts, size)).max().unwrap_or(0);
        TrialView {
            trial,
            parameters: trials.parameters(trial),
            parameter_count: facts.parameters.total,
            batch_norm_parameter_count: facts.parameters.batch_norm,
            epochs: facts.epochs,
            batch_size: facts.batch_size,
            multiply_accumulates_per_row: facts.multiply_accumulates,
            multiply_accumulates_per_epoch: number(epoch_cost),
            epoch_cost,
        }
    };
    trials.facts().iter().enumerate().map(view).collect()
}

fn cohort_views(plan: &Plan) -> Vec<CohortView> {
    let runs =
        |cohort: &Vec<RunId>| -> Vec<[u32; 2]> { cohort.iter().map(|run| [run.trial, run.fold]).collect() };
    plan.cohorts.iter().map(|cohort| CohortView { width: cohort.len(), runs: runs(cohort) }).collect()
}

fn final_stage(spec: &FinalSpec) -> &'static str {
    match spec {
        FinalSpec { skip: true, .. } => "skip",
        FinalSpec { hold_out: Some(_), .. } => "hold_out",
        FinalSpec { repeat: Some(_), .. } => "repeat",
        FinalSpec { .. } => "refit",
    }
}

/// A whole number where JSON's readers keep it exact, else the nearest they can.
fn number(value: u128) -> Json {
    #[expect(clippy::cast_precision_loss, reason = "only numbers too large to be kept exact anyway")]
    u64::try_from(value).map_or_else(|_| Json::from(value as f64), Json::from)
}
