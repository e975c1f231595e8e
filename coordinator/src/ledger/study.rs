//! A study: what it is, and where its runs stand.

use std::collections::VecDeque;
use std::sync::Arc;

use foldwise_study::outcome::EpochRecord;
use foldwise_study::plan::RunId;
use foldwise_study::selection::Rule;
use foldwise_study::spec::{DeviceKind, Spec};
use foldwise_study::trials::{RowFacts, Trials};

use super::change::EndedAs;
use super::cohort::{Cohort, CohortState};
use super::{CohortId, LeaseName, StudyId, run_index};

/// Everything about a study that is fixed at its submission.
#[derive(Debug, Clone)]
pub struct StudyRecord {
    /// Chosen by the submitter; makes submission idempotent.
    pub request_id: String,
    /// The text as it was submitted.
    pub spec_text: String,
    /// The spec.
    pub spec: Spec,
    /// The spec as canonical JSON.
    pub spec_json: String,
    /// Shapes and counts of the data.
    pub rows: RowFacts,
    /// (train, validation) rows of each fold.
    pub sizes: Vec<(usize, usize)>,
    /// Digest of the data.
    pub data_digest: String,
    /// Digest of the folds.
    pub folds_digest: String,
    /// How trials are compared.
    pub rule: Rule,
    /// The trials.
    pub trials: Trials,
    /// When it was submitted, ms since 1970; set by the ledger.
    pub created_unix_ms: u64,
}

impl PartialEq for StudyRecord {
    fn eq(&self, other: &Self) -> bool {
        self.request_id == other.request_id && self.spec_json == other.spec_json
    }
}

impl StudyRecord {
    /// How many folds each trial has.
    #[must_use]
    pub fn folds(&self) -> u32 {
        u32::try_from(self.sizes.len()).expect("folds are bounded by the spec's check")
    }
}

/// A study and its runs.
#[derive(Debug)]
pub struct Study {
    /// Its number.
    pub number: StudyId,
    /// What it is.
    pub record: Arc<StudyRecord>,
    /// Where it stands.
    pub phase: StudyPhase,
    /// The kind of device it is planned for.
    pub device: Option<DeviceKind>,
    /// Its cohorts by number.
    pub cohorts: Vec<Cohort>,
    /// Its runs, by trial and then fold.
    pub runs: Vec<RunEntry>,
    /// The cohort of the final stage.
    pub final_cohort: Option<CohortId>,
    /// How far it is.
    pub progress: Progress,
    pub(super) ready: VecDeque<CohortId>,
    /// Cohorts of the search that have not ended.
    pub(super) open: usize,
}

/// Where a study stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StudyPhase {
    /// Runs wait or train.
    Searching,
    /// The winner is trained and tested.
    Finishing {
        /// The winner.
        trial: u32,
    },
    /// Over.
    Ended {
        /// How.
        end: EndedAs,
        /// Why, if not well.
        message: String,
        /// When, ms since 1970.
        unix_ms: u64,
    },
}

/// What the ledger keeps of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunEntry {
    /// The cohort it is in; meaningless before the plan.
    pub cohort: CohortId,
    /// How it ended.
    pub end: RunEnd,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RunEnd {
    /// It did not yet.
    Open,
    /// With a score.
    Finished {
        /// By the study's selection rule.
        score: f64,
        /// The epoch that the score is of.
        epoch: u32,
    },
    /// In a loss that is not finite.
    Diverged {
        /// The epoch.
        epoch: u32,
    },
}

/// Work done and work to do, in multiply-accumulates; volatile, for estimates alone.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Progress {
    /// All of it.
    pub total: f64,
    /// Done since the coordinator started or before.
    pub done: f64,
    /// Done before the first report since the coordinator started.
    pub done_at_start: f64,
    /// When the first report came, monotonic ms.
    pub started_ms: Option<u64>,
    /// When the last report came, monotonic ms.
    pub last_ms: u64,
}

impl Progress {
    /// Seconds that are left at the pace so far.
    #[must_use]
    pub fn seconds_left(&self) -> Option<f64> {
        let done = self.done - self.done_at_start;
        let elapsed_ms = self.last_ms.saturating_sub(self.started_ms?);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let pace = done / elapsed_ms as f64;
        (done > 0.0 && elapsed_ms > 0).then(|| ((self.total - self.done) / pace / 1000.0).max(0.0))
    }
}

impl Study {
    pub(super) fn new(number: StudyId, record: Arc<StudyRecord>) -> Self {
        let runs = record.trials.len() * record.sizes.len();
        let mut study = Self {
            number,
            phase: StudyPhase::Searching,
            device: None,
            cohorts: Vec::new(),
            runs: vec![RunEntry { cohort: 0, end: RunEnd::Open }; runs],
            final_cohort: None,
            progress: Progress::default(),
            ready: VecDeque::new(),
            open: 0,
            record,
        };
        study.progress.total = study.all_work();
        study
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.phase, StudyPhase::Ended { .. })
    }

    /// The kind of device that its cohorts may go to: the plan's, or the spec's before the plan.
    #[must_use]
    pub fn device_wanted(&self) -> Option<DeviceKind> {
        self.device.or(self.record.spec.plan.device)
    }

    pub(super) fn leases_of(&self, id: &str) -> impl Iterator<Item = (LeaseName, u32)> {
        self.cohorts.iter().zip(0..).filter_map(move |(cohort, number)| match &cohort.state {
            CohortState::Leased { worker, slot, .. } if worker == id => {
                Some((LeaseName { study: self.number, cohort: number, attempt: cohort.attempt }, *slot))
            }
            _ => None,
        })
    }

    /// A run of the search, or `None` where there is none.
    #[must_use]
    pub fn run(&self, run: RunId) -> Option<&RunEntry> {
        (run.fold < self.record.folds()).then(|| self.runs.get(run_index(run, self.record.folds()))).flatten()
    }

    pub(super) fn run_mut(&mut self, run: RunId) -> Option<&mut RunEntry> {
        let folds = self.record.folds();
        if run.fold >= folds { None } else { self.runs.get_mut(run_index(run, folds)) }
    }

    /// Counts epochs of a cohort that is under way.
    pub(super) fn count_epochs(&mut self, cohort: CohortId, epochs: &[(RunId, EpochRecord)], now_ms: u64) {
        if self.progress.started_ms.is_none() {
            // The time that these epochs took is not known, so they count as done before.
            self.progress.done_at_start = self.progress.done;
            self.progress.started_ms = Some(now_ms);
        }
        let work: f64 = epochs.iter().map(|(run, _)| self.epoch_work(*run)).sum();
        self.progress.done += work;
        self.progress.last_ms = now_ms;
        if let Some(cohort) = self.cohorts.get_mut(cohort as usize) {
            cohort.work_done += work;
        }
    }

    /// Counts a cohort as done, or as not begun.
    pub(super) fn settle_work(&mut self, cohort: CohortId, done: bool) {
        let Some(entry) = self.cohorts.get(cohort as usize) else { return };
        let whole = if done { entry.runs.iter().map(|&run| self.run_work(run)).sum() } else { 0.0 };
        let entry = &mut self.cohorts[cohort as usize];
        self.progress.done += whole - entry.work_done;
        entry.work_done = whole;
    }

    /// Multiply-accumulates of one epoch's forward passes; none for the final stage, which is not estimated.
    fn epoch_work(&self, run: RunId) -> f64 {
        let facts = self.record.trials.facts().get(run.trial as usize);
        let (Some(facts), Some(size)) = (facts, self.record.sizes.get(run.fold as usize)) else { return 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let work = facts.multiply_accumulates.max(1) as f64 * size.0 as f64;
        work
    }

    fn run_work(&self, run: RunId) -> f64 {
        let epochs = self.record.trials.facts().get(run.trial as usize).map_or(0, |facts| facts.epochs);
        self.epoch_work(run) * f64::from(epochs)
    }

    fn all_work(&self) -> f64 {
        let narrow = |number: usize| u32::try_from(number).expect("trials and folds are bounded");
        let (trials, folds) = (self.record.trials.len(), self.record.folds());
        let runs = (0..narrow(trials)).flat_map(|trial| (0..folds).map(move |fold| RunId { trial, fold }));
        runs.map(|run| self.run_work(run)).sum()
    }
}
