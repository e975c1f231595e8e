//! Which runs a section shows.

use foldwise_study::outcome::{EpochMeasurements, EpochRecord};

use super::Shown;
use crate::heading::searched;
use crate::sheet::Field;
use crate::{MeasurementsReport, Report, TableOptions, TrialReport};

/// A report and what is shown of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) report: &'a Report,
    pub(crate) options: TableOptions,
    trial: Option<usize>,
}

/// A run of the search, or the final one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) trial: usize,
    /// `None` for the final run.
    pub(crate) fold: Option<usize>,
    pub(crate) epochs: &'a [EpochRecord],
    pub(crate) measurements: Option<&'a MeasurementsReport>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(report: &'a Report, shown: Shown) -> Self {
        Self { report, options: shown.options, trial: shown.trial }
    }

    /// All trials, or the one that was asked for.
    pub(crate) fn trials(self) -> impl Iterator<Item = &'a TrialReport> {
        self.report.trials.iter().filter(move |trial| self.trial.is_none_or(|asked| asked == trial.index))
    }

    /// Whether no trial was asked for.
    pub(crate) fn is_whole(self) -> bool {
        self.trial.is_none()
    }

    /// The one trial that was asked for, or the winner, or the only one there is.
    pub(crate) fn chosen(self) -> Option<&'a TrialReport> {
        let only = Some(0).filter(|_| self.report.trials.len() == 1);
        self.report.trials.get(self.trial.or(self.report.selection.winner).or(only)?)
    }

    /// The folds of all shown trials, and the final run if it is of one of them.
    pub(crate) fn runs(self) -> Vec<Run<'a>> {
        self.trials().flat_map(folds_of).chain(self.last(self.trial)).collect()
    }

    /// The folds of the chosen trial, and the final run if it is of this trial.
    pub(crate) fn chosen_runs(self) -> Vec<Run<'a>> {
        let Some(trial) = self.chosen() else { return Vec::new() };
        folds_of(trial).chain(self.last(Some(trial.index))).collect()
    }

    /// The final run.
    pub(crate) fn final_run(self) -> Option<Run<'a>> {
        self.last(None)
    }

    fn last(self, trial: Option<usize>) -> Option<Run<'a>> {
        let stage = self.report.final_stage.as_ref()?;
        trial.is_none_or(|trial| trial == stage.trial).then_some(Run {
            trial: stage.trial,
            fold: None,
            epochs: &stage.epochs,
            measurements: stage.measurements.as_ref(),
        })
    }
}

/// The runs of a trial, by fold.
pub(crate) fn folds_of(trial: &TrialReport) -> impl Iterator<Item = Run<'_>> {
    trial.folds.iter().map(|fold| Run {
        trial: trial.index,
        fold: Some(fold.fold),
        epochs: &fold.epochs,
        measurements: fold.measurements.as_ref(),
    })
}

impl Run<'_> {
    /// Its trial and its fold or `final`, which begin the lines of many sheets.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let fold = self.fold.map_or_else(|| Field::text("final"), Field::index);
        vec![Field::index(self.trial), fold]
    }

    /// What it is called in a heading.
    pub(crate) fn name(&self) -> String {
        match self.fold {
            Some(fold) => format!("Trial {} fold {fold}", self.trial),
            None => format!("Final model (trial {})", self.trial),
        }
    }

    pub(crate) fn record(&self, epoch: u32) -> Option<&EpochRecord> {
        let place = self.epochs.binary_search_by_key(&epoch, |record| record.epoch).ok()?;
        self.epochs.get(place)
    }

    pub(crate) fn measured(&self, epoch: u32) -> Option<&EpochMeasurements> {
        let epochs = &self.measurements?.epochs;
        let place = epochs.binary_search_by_key(&epoch, |measured| measured.epoch).ok()?;
        epochs.get(place)
    }
}

/// A trial in a heading, with what was searched.
pub(crate) fn named(trial: &TrialReport) -> String {
    let values = searched(trial);
    if values.is_empty() {
        format!("Trial {}", trial.index)
    } else {
        format!("Trial {}: {values}", trial.index)
    }
}
