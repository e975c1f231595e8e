//! Norms of gradients by trial, epoch, layer and step.

use foldwise_study::outcome::StepMeasurements;

use super::epochs::{Epochs, mean};
use super::part::unmeasured;
use super::points::shortest;
use super::run::{Run, Scope, folds_of, named};
use crate::TrialReport;
use crate::page::Page;
use crate::sheet::{Field, Sheet};

/// Trials whose epochs are shown at most.
const TRIALS_MAX: usize = 12;

/// A table of all trials, and one per trial with a column per layer.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    page.title("Gradients: L2 norm of a step's gradient before clipping, mean over steps and folds");
    let trials: Vec<&TrialReport> =
        scope.trials().filter(|trial| folds_of(trial).any(|run| run_mean(&run).is_some())).collect();
    if trials.is_empty() {
        return unmeasured(page, "norm of gradients", "measure.gradients = \"epoch\"");
    }
    let mut all = Sheet::new(["trial", "gradient norm"]);
    for trial in &trials {
        let norm = mean(folds_of(trial).map(|run| run_mean(&run)));
        all.push(vec![Field::Text(named(trial)), Field::or_none(norm, Field::Real)]);
    }
    page.gap();
    page.block(&all.text(scope.options));
    for trial in trials.iter().take(TRIALS_MAX) {
        by_epoch(scope, trial, page);
    }
    let more = trials.len().saturating_sub(TRIALS_MAX);
    if more > 0 {
        page.line(&format!("… and {more} more trials (use --trial N or --format csv)"));
    }
    let has_steps = |run: &Run<'_>| run.measurements.is_some_and(|measured| measured.steps.is_some());
    if scope.runs().iter().any(has_steps) {
        page.gap();
        page.line("Every step was measured: --format csv has them.");
    }
}

fn run_mean(run: &Run<'_>) -> Option<f64> {
    mean(run.measurements?.epochs.iter().map(|measured| measured.gradient_norm))
}

fn by_epoch(scope: Scope<'_>, trial: &TrialReport, page: &mut Page) {
    let runs: Vec<Run<'_>> = folds_of(trial).collect();
    let layers = layers(&runs);
    page.gap();
    page.line(&named(trial));
    let epochs = Epochs::of(&runs);
    let heads = layers.iter().map(|layer| format!("layer {layer}"));
    let mut sheet = Sheet::new(["epoch".to_owned(), "all".to_owned()].into_iter().chain(heads));
    for &epoch in &epochs.shown {
        let measured: Vec<_> = runs.iter().filter_map(|run| run.measured(epoch)).collect();
        let norm = mean(measured.iter().map(|measured| measured.gradient_norm));
        let of_layer =
            |layer| mean(measured.iter().map(|measured| measured.layer_gradient_norms.get(layer).copied()?));
        let norms = (0..layers.len()).map(of_layer);
        let norms = [norm].into_iter().chain(norms).map(|norm| Field::or_none(norm, Field::Real));
        sheet.push([Field::Count(epoch.into())].into_iter().chain(norms).collect());
    }
    page.block(&sheet.without_empty_columns().text(scope.options));
    epochs.note(page);
}

/// The layers of the first run that tells them; the runs of a trial have the same network.
pub(crate) fn layers<'a>(runs: &[Run<'a>]) -> &'a [String] {
    runs.iter().find_map(|run| run.measurements).map_or(&[], |measured| &measured.layers)
}

/// One line per run and epoch, one per layer of it, and one per step. Layer and step are empty for the whole.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let mut sheet = Sheet::new(["trial", "fold", "epoch", "step", "layer", "loss", "gradient_norm"]);
    for run in scope.runs() {
        let Some(measured) = run.measurements else { continue };
        for epoch in &measured.epochs {
            let place = [Field::Count(epoch.epoch.into()), Field::None];
            let mut put = |layer: Field, norm: Option<f64>| {
                if let Some(norm) = norm {
                    let rest = [layer, Field::None, Field::Real(norm)];
                    sheet.push(run.fields().into_iter().chain(place.clone()).chain(rest).collect());
                }
            };
            put(Field::None, epoch.gradient_norm);
            for (layer, norm) in measured.layers.iter().zip(&epoch.layer_gradient_norms) {
                put(Field::text(layer), *norm);
            }
        }
        if let Some(steps) = &measured.steps {
            put_steps(&run, steps, &mut sheet);
        }
    }
    sheet
}

/// Steps count from 1 over the whole run.
fn put_steps(run: &Run<'_>, steps: &StepMeasurements, sheet: &mut Sheet) {
    for ((loss, norm), step) in steps.losses.iter().zip(&steps.gradient_norms).zip(0_u64..) {
        let real = |value: Option<f32>| Field::or_none(value.map(shortest), Field::Real);
        let mut line = run.fields();
        line.extend([Field::Count(step / steps.per_epoch.max(1) + 1), Field::Count(step + 1), Field::None]);
        line.extend([real(*loss), real(*norm)]);
        sheet.push(line);
    }
}
