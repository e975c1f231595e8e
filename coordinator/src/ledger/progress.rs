//! How far a study is: work done and work to do, for estimates alone.

use foldwise_study::outcome::EpochRecord;
use foldwise_study::plan::RunId;

use super::{CohortId, CohortState, LeaseName, Study};

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
    /// When the last report or result came, monotonic ms.
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
    /// The most epochs that a run of this trial can have, in whatever stage.
    pub(super) fn epochs_max(&self, trial: u32) -> u32 {
        let own = self.record.trials.facts().get(trial as usize).map_or(0, |trial| trial.epochs);
        let stage = &self.record.spec.final_stage;
        let refit = stage.refit.as_ref().and_then(|refit| refit.epochs);
        own.max(refit.or(stage.hold_out.as_ref().and_then(|part| part.epochs)).unwrap_or(0))
    }

    /// What is wrong with epochs that are told of an open cohort: they are of other runs, or of none that there can be.
    pub(super) fn epochs_misfit(&self, cohort: CohortId, epochs: &[(RunId, EpochRecord)]) -> Option<String> {
        let wrong = |(run, record): &&(RunId, EpochRecord)| {
            !self.belongs(*run, cohort) || !(1..=self.epochs_max(run.trial)).contains(&record.epoch)
        };
        let (run, record) = epochs.iter().find(wrong)?;
        Some(format!("epoch {} of trial {}, fold {} is none of its", record.epoch, run.trial, run.fold))
    }

    /// Whether a run is one of a cohort that is open.
    fn belongs(&self, run: RunId, cohort: CohortId) -> bool {
        match self.run(run) {
            Some(entry) => entry.cohort == cohort,
            // Of a last training, of which a cohort has one.
            None => self.cohorts.get(cohort as usize).is_some_and(|cohort| cohort.runs.contains(&run)),
        }
    }

    /// Counts epochs of a cohort that is under way.
    pub(super) fn count_epochs(&mut self, lease: LeaseName, epochs: &[(RunId, EpochRecord)], now_ms: u64) {
        let current = self.cohorts.get(lease.cohort as usize).is_some_and(|cohort| {
            cohort.attempt == lease.attempt && matches!(cohort.state, CohortState::Leased { .. })
        });
        if !current {
            return;
        }
        if self.progress.started_ms.is_none() {
            // The time that these epochs took is not known, so they count as done before.
            self.progress.done_at_start = self.progress.done;
            self.progress.started_ms = Some(now_ms);
        }
        let work: f64 = epochs.iter().map(|(run, _)| self.epoch_work(*run)).sum();
        self.progress.done += work;
        self.progress.last_ms = now_ms;
        self.cohorts[lease.cohort as usize].work_done += work;
    }

    /// Counts a cohort as done, or as not begun. One that is done is whole, however few epochs its runs had: what is left is
    /// estimated as if others were to stop as early.
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

    pub(super) fn all_work(&self) -> f64 {
        let narrow = |number: usize| u32::try_from(number).expect("trials and folds are bounded");
        let (trials, folds) = (self.record.trials.len(), self.record.folds());
        let runs = (0..narrow(trials)).flat_map(|trial| (0..folds).map(move |fold| RunId { trial, fold }));
        runs.map(|run| self.run_work(run)).sum()
    }
}
