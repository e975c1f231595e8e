//! A study: what it is, and where its runs stand.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use foldwise_study::plan::{DeviceProfile, RunId};
use foldwise_study::selection::Rule;
use foldwise_study::spec::{DeviceKind, Spec};
use foldwise_study::trials::{RowFacts, Trials};

use super::change::EndedAs;
use super::cohort::{Cohort, CohortState, Stage};
use super::{CohortId, Progress, StudyId, run_index};

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
    /// The same of the specs that it had before it was extended, oldest first.
    pub earlier: Vec<String>,
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
    /// The device profile that it is planned with, where its spec names one or it is planned already; set by the ledger.
    pub profile: Option<Arc<DeviceProfile>>,
    /// When it was submitted, ms since 1970; set by the ledger.
    pub created_unix_ms: u64,
}

impl PartialEq for StudyRecord {
    fn eq(&self, other: &Self) -> bool {
        self.request_id == other.request_id && self.spec_json == other.spec_json
    }
}

impl StudyRecord {
    /// How many folds each trial has, those within outer folds counted.
    #[must_use]
    pub fn folds(&self) -> u32 {
        u32::try_from(self.sizes.len()).expect("folds are bounded by the spec's check")
    }

    /// How many of them choose the winner: the first.
    #[must_use]
    pub fn choosing(&self) -> u32 {
        u32::try_from(self.spec.validation.choosing_count()).expect("folds are bounded by the spec's check")
    }

    /// How many outer folds there are.
    #[must_use]
    pub fn outer(&self) -> u32 {
        u32::try_from(self.spec.validation.outer_count()).expect("folds are bounded by the spec's check")
    }

    /// The folds of the search within an outer fold.
    #[must_use]
    pub fn within(&self, outer: u32) -> Range<u32> {
        let first = self.choosing() * (outer + 1);
        first..first + self.choosing()
    }

    /// (train, test) rows of an outer fold: the search within it splits the former.
    #[must_use]
    pub fn outer_size(&self, outer: u32) -> (usize, usize) {
        let first = self.sizes.get(self.within(outer).start as usize);
        let train = first.map_or(0, |(train, validation)| train + validation);
        (train, self.rows.train_rows.saturating_sub(train))
    }

    /// The run of the final stage: its fold is the one after the last.
    #[must_use]
    pub fn final_run(&self, trial: u32) -> RunId {
        RunId { trial, fold: self.folds() }
    }

    /// The run of an outer fold's last training: its fold is that after the final stage's, and so on.
    #[must_use]
    pub fn outer_run(&self, trial: u32, outer: u32) -> RunId {
        RunId { trial, fold: self.folds() + 1 + outer }
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
    /// Whether a person holds it.
    pub paused: bool,
    /// The study with the highest comes first where slots are short.
    pub priority: i32,
    /// The kind of device it is planned for.
    pub device: Option<DeviceKind>,
    /// The device profile that it is planned with: that which its spec names, and from the plan on in any case. Absent
    /// where an earlier version planned it.
    pub profile: Option<Arc<DeviceProfile>>,
    /// Its cohorts by number.
    pub cohorts: Vec<Cohort>,
    /// Its runs, by trial and then fold.
    pub runs: Vec<RunEntry>,
    /// The cohort of the final stage.
    pub final_cohort: Option<CohortId>,
    /// The cohorts of the outer folds' last trainings, by outer fold. Once they are due, one is missing where no trial could
    /// be chosen.
    pub outer_cohorts: BTreeMap<u32, CohortId>,
    /// The trial that was chosen, once all runs are in.
    pub winner: Option<u32>,
    /// Digest of the winner's kept weights.
    pub weights: Option<String>,
    /// Digests of the kept files of copies of weights, of runs that have a result; the final stage's fold is the one
    /// after the last.
    pub snapshots: BTreeMap<RunId, String>,
    /// How far it is.
    pub progress: Progress,
    pub(super) best: Option<Best>,
    pub(super) counts: RunCounts,
    /// Cohorts that wait: those that were begun first, so that the first trials are whole first.
    pub(super) ready: BTreeSet<(Begun, CohortId)>,
    /// Cohorts that a slot holds.
    pub(super) leased: BTreeSet<CohortId>,
    /// The number of its last lease among all of the ledger's; volatile.
    pub(super) last_lease: u64,
    /// Cohorts of the search that have not ended.
    pub(super) open: usize,
}

/// Whether a cohort was begun; those that were come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Begun {
    Yes,
    No,
}

/// Runs of the search by where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunCounts {
    /// Not leased.
    pub queued: usize,
    /// With a worker.
    pub leased: usize,
    /// With a result.
    pub finished: usize,
    /// Diverged, or out of attempts.
    pub failed: usize,
}

/// The best of the trials that have a score on every fold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// The trial.
    pub trial: u32,
    /// Its mean score.
    pub mean: f64,
}

/// Where a study stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StudyPhase {
    /// Runs wait or train.
    Searching,
    /// The winner is trained and tested, and what was chosen within outer folds.
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

impl RunCounts {
    pub(super) fn zip(self, other: Self, with: impl Fn(usize, usize) -> usize) -> Self {
        Self {
            queued: with(self.queued, other.queued),
            leased: with(self.leased, other.leased),
            finished: with(self.finished, other.finished),
            failed: with(self.failed, other.failed),
        }
    }
}

impl Cohort {
    pub(super) fn begun(&self) -> Begun {
        if self.attempt > 0 { Begun::Yes } else { Begun::No }
    }
}

impl Study {
    pub(super) fn new(number: StudyId, record: Arc<StudyRecord>) -> Self {
        let runs = record.trials.len() * record.sizes.len();
        let mut study = Self {
            number,
            phase: StudyPhase::Searching,
            paused: false,
            priority: record.spec.priority,
            device: None,
            profile: record.profile.clone(),
            cohorts: Vec::new(),
            runs: vec![RunEntry { cohort: 0, end: RunEnd::Open }; runs],
            final_cohort: None,
            outer_cohorts: BTreeMap::new(),
            winner: None,
            weights: None,
            snapshots: BTreeMap::new(),
            progress: Progress::default(),
            best: None,
            counts: RunCounts::default(),
            ready: BTreeSet::new(),
            leased: BTreeSet::new(),
            last_lease: 0,
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

    /// Whether a slot could have work of it now.
    pub(crate) fn is_hungry(&self) -> bool {
        !self.is_over() && !self.paused && (self.device.is_none() || !self.ready.is_empty())
    }

    /// The kind of device that its cohorts may go to: the plan's, or before the plan that of the profile that the spec
    /// names, or the spec's.
    #[must_use]
    pub fn device_wanted(&self) -> Option<DeviceKind> {
        let named = self.profile.as_ref().map(|profile| profile.kind);
        self.device.or(named).or(self.record.spec.plan.device)
    }

    /// Runs of the search by where they stand.
    #[must_use]
    pub fn counts(&self) -> RunCounts {
        match self.device {
            Some(_) => self.counts,
            None => RunCounts { queued: self.runs.len(), ..RunCounts::default() },
        }
    }

    /// Cohorts that a slot holds, by number.
    pub fn leased(&self) -> impl Iterator<Item = CohortId> {
        self.leased.iter().copied()
    }

    /// Cohorts that wait for a slot.
    pub(crate) fn waiting_cohorts(&self) -> usize {
        self.ready.len()
    }

    /// The best trial so far.
    #[must_use]
    pub fn best(&self) -> Option<Best> {
        self.best
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

    /// Becomes a study with more trials or folds; what its runs came to is kept.
    pub(super) fn extend(&mut self, record: Arc<StudyRecord>) {
        let old_folds = self.record.folds();
        let mut runs =
            vec![RunEntry { cohort: 0, end: RunEnd::Open }; record.trials.len() * record.sizes.len()];
        for (index, entry) in self.runs.iter().enumerate() {
            let (trial, fold) = (index / old_folds as usize, index % old_folds as usize);
            runs[trial * record.sizes.len() + fold] = *entry;
        }
        self.runs = runs;
        self.record = record;
        self.progress.total = self.all_work();
        self.find_best();
    }

    /// The only way in which a cohort changes: what is counted and listed by its state follows.
    pub(super) fn change(&mut self, number: CohortId, change: impl FnOnce(&mut Cohort)) {
        self.uncount(number);
        change(&mut self.cohorts[number as usize]);
        self.count(number);
    }

    /// Takes a cohort into what is counted and listed by state.
    pub(super) fn count(&mut self, number: CohortId) {
        let cohort = &self.cohorts[number as usize];
        match cohort.state {
            CohortState::Ready => drop(self.ready.insert((cohort.begun(), number))),
            CohortState::Leased { .. } => drop(self.leased.insert(number)),
            CohortState::Done { .. } | CohortState::Failed { .. } | CohortState::Superseded { .. } => {}
        }
        let (counts, open) = self.share(number);
        self.open += open;
        self.counts = self.counts.zip(counts, usize::saturating_add);
    }

    /// Takes a cohort out of what is counted and listed by state.
    fn uncount(&mut self, number: CohortId) {
        self.ready.remove(&(self.cohorts[number as usize].begun(), number));
        self.leased.remove(&number);
        let (counts, open) = self.share(number);
        self.open -= open;
        self.counts = self.counts.zip(counts, usize::saturating_sub);
    }

    /// What a cohort adds to the counts of runs, and to the open cohorts of the search.
    pub(super) fn share(&self, number: CohortId) -> (RunCounts, usize) {
        let mut counts = RunCounts::default();
        let cohort = &self.cohorts[number as usize];
        if cohort.stage != Stage::Search {
            return (counts, 0);
        }
        match cohort.state {
            CohortState::Ready => counts.queued = cohort.runs.len(),
            CohortState::Leased { .. } => counts.leased = cohort.runs.len(),
            CohortState::Failed { split: false } => counts.failed = cohort.runs.len(),
            CohortState::Failed { split: true } | CohortState::Superseded { .. } => {}
            CohortState::Done { .. } => {
                let ends = cohort.runs.iter().filter_map(|&run| self.run(run));
                counts.finished = ends.filter(|run| matches!(run.end, RunEnd::Finished { .. })).count();
                counts.failed = cohort.runs.len() - counts.finished;
            }
        }
        (counts, usize::from(cohort.is_open()))
    }

    /// Looks through all trials for the best.
    pub(super) fn find_best(&mut self) {
        self.best = None;
        for trial in 0..u32::try_from(self.record.trials.len()).expect("trials are bounded") {
            self.consider(trial);
        }
    }

    /// Takes a trial as the best if it is whole and better.
    pub(super) fn consider(&mut self, trial: u32) {
        let folds = self.record.choosing();
        let scores = (0..folds).map(|fold| match self.run(RunId { trial, fold })?.end {
            RunEnd::Finished { score, .. } => Some(score),
            RunEnd::Open | RunEnd::Diverged { .. } => None,
        });
        let Some(sum) = scores.sum::<Option<f64>>() else { return };
        let mean = sum / f64::from(folds);
        let direction = self.record.rule.metric.direction();
        let parameters = |trial: u32| self.record.trials.facts()[trial as usize].parameters.total;
        let better = self.best.is_none_or(|best| {
            let smaller = (parameters(trial), trial) < (parameters(best.trial), best.trial);
            direction.is_better(mean, best.mean) || (mean == best.mean && smaller)
        });
        if better {
            self.best = Some(Best { trial, mean });
        }
    }
}
