//! Predictions of a part of the rows, of one run or of all folds of a trial together.

use foldwise_study::measure::Part;
use foldwise_study::outcome::{ClassPredictions, WrongRow};

use super::run::{Run, Scope};
use crate::number::plural;
use crate::page::Page;
use crate::{ClassesReport, PredictionsReport, Report};

const PARTS: [Part; 3] = [Part::Train, Part::Validation, Part::Test];

/// Predictions of classes that a section for people shows together.
pub(crate) struct Together {
    /// Whose, and of which rows.
    pub(crate) name: String,
    pub(crate) classes: ClassesReport,
}

/// The measured parts of the chosen trial's folds, each over all folds that measured it, and of the final run.
pub(crate) fn together(scope: Scope<'_>) -> Vec<Together> {
    let runs = scope.chosen_runs();
    let (last, folds): (Vec<Run<'_>>, Vec<Run<'_>>) = runs.into_iter().partition(|run| run.fold.is_none());
    let groups = [folds, last];
    groups.iter().flat_map(|runs| PARTS.iter().filter_map(|part| of_part(runs, *part))).collect()
}

fn of_part(runs: &[Run<'_>], part: Part) -> Option<Together> {
    let found: Vec<(&Run<'_>, &ClassesReport)> = runs
        .iter()
        .flat_map(|run| predictions(run).map(move |predictions| (run, predictions)))
        .filter(|(_, predictions)| predictions.part == part)
        .filter_map(|(run, predictions)| Some((run, predictions.classes.as_ref()?)))
        .collect();
    let (run, first) = found.first()?;
    let who = match found.len() {
        1 => run.name(),
        many => format!("Trial {}, {} together", run.trial, plural(many, "fold")),
    };
    let mut all = (*first).clone();
    for (_, other) in &found[1..] {
        add(&mut all, other);
    }
    let predictions = ClassPredictions { confusion: all.confusion, first_wrong: all.first_wrong };
    Some(Together { name: format!("{who}: {} rows", part.word()), classes: predictions.into() })
}

/// Counts add up; of wrong rows the first stays.
fn add(all: &mut ClassesReport, other: &ClassesReport) {
    for (row, more) in all.confusion.iter_mut().zip(&other.confusion) {
        row.iter_mut().zip(more).for_each(|(count, more)| *count += more);
    }
    for (first, other) in all.first_wrong.iter_mut().zip(&other.first_wrong) {
        let later = |other: &WrongRow| first.as_ref().is_some_and(|first| first.row <= other.row);
        if let Some(other) = other.as_ref().filter(|other| !later(other)) {
            *first = Some(other.clone());
        }
    }
}

/// What a run predicted, by part.
pub(crate) fn predictions<'a>(run: &Run<'a>) -> impl Iterator<Item = &'a PredictionsReport> {
    run.measurements.into_iter().flat_map(|measured| &measured.predictions)
}

/// A class's name, or its number where it has none.
pub(crate) fn class_name(report: &Report, class: usize) -> String {
    report.provenance.data.classes.get(class).cloned().unwrap_or_else(|| class.to_string())
}

/// Says that there is no trial to show it of, that the target is of the other kind, or what would measure it.
pub(crate) fn nothing(scope: Scope<'_>, page: &mut Page, what: &str) {
    let first = scope.chosen_runs().iter().flat_map(predictions).next();
    match (scope.chosen(), first) {
        (None, _) => page.line("No trial has won yet; --trial N shows one."),
        (Some(_), None) => {
            unmeasured(page, what, "measure.predictions = [\"train\", \"validation\", \"test\"]");
        }
        (Some(_), Some(other)) if other.classes.is_some() => {
            page.line(&format!("No {what}: the target is a class."));
        }
        (Some(_), Some(_)) => page.line(&format!("No {what}: the target is a number.")),
    }
}

/// Says that nothing was measured and what would measure it.
pub(crate) fn unmeasured(page: &mut Page, what: &str, setting: &str) {
    page.line(&format!("No {what} here: `{setting}` in the study file measures it."));
}
