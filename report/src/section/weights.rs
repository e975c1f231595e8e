//! Norms of weights beside the losses.

use super::epochs::Epochs;
use super::gradients::layers;
use super::part::unmeasured;
use super::run::{Run, Scope, named};
use crate::number::plural;
use crate::page::Page;
use crate::sheet::{Field, Sheet};

/// Runs whose epochs are shown at most.
const RUNS_MAX: usize = 12;
const VALUES: [&str; 4] = ["weight_norm", "train_loss", "val_loss", "val_accuracy"];

/// A table per run, by epoch.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    page.title("Weights: L2 norm after each epoch, beside the losses");
    let runs: Vec<Run<'_>> = scope.runs().into_iter().filter(|run| !norms(run).is_empty()).collect();
    if runs.is_empty() {
        return unmeasured(page, "norm of weights", "measure.weights = true");
    }
    for run in runs.iter().take(RUNS_MAX) {
        by_epoch(scope, run, page);
    }
    let more = runs.len().saturating_sub(RUNS_MAX);
    if more > 0 {
        page.line(&format!("… and {} more (use --trial N or --format csv)", plural(more, "run")));
    }
}

/// The epochs that have a norm.
fn norms(run: &Run<'_>) -> Vec<u32> {
    let measured = run.measurements.into_iter().flat_map(|measured| &measured.epochs);
    measured.filter(|measured| measured.weight_norm.is_some()).map(|measured| measured.epoch).collect()
}

fn by_epoch(scope: Scope<'_>, run: &Run<'_>, page: &mut Page) {
    page.gap();
    let trial = scope.report.trials.get(run.trial).filter(|_| run.fold.is_some());
    let values = trial.map(named).and_then(|name| Some(format!(": {}", name.split_once(": ")?.1)));
    page.line(&format!("{}{}", run.name(), values.unwrap_or_default()));
    let epochs = Epochs::of(&[*run]);
    let heads = layers(&[*run]).iter().map(|layer| format!("layer {layer}"));
    let mut sheet = Sheet::new(["epoch"].into_iter().chain(VALUES).map(str::to_owned).chain(heads.clone()));
    for &epoch in &epochs.shown {
        let layers = (0..heads.len()).map(|layer| {
            let norm =
                run.measured(epoch).and_then(|measured| measured.layer_weight_norms.get(layer).copied()?);
            Field::or_none(norm, Field::Real)
        });
        sheet.push(
            [Field::Count(epoch.into())].into_iter().chain(values_of(run, epoch)).chain(layers).collect(),
        );
    }
    page.block(&sheet.without_empty_columns().text(scope.options));
    epochs.note(page);
}

/// In the order of [`VALUES`].
fn values_of(run: &Run<'_>, epoch: u32) -> [Field; 4] {
    let (record, measured) = (run.record(epoch), run.measured(epoch));
    [
        Field::or_none(measured.and_then(|measured| measured.weight_norm), Field::Real),
        Field::or_none(record.map(|record| record.train_loss), Field::Real),
        Field::or_none(record.and_then(|record| record.val_loss), Field::Real),
        Field::or_none(record.and_then(|record| record.val_accuracy), Field::Share),
    ]
}

/// One line per run and epoch, and one per layer of it. The layer is empty for the whole network.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let mut sheet = Sheet::new(["trial", "fold", "epoch", "layer"].into_iter().chain(VALUES));
    for run in scope.runs() {
        for epoch in norms(&run) {
            let mut line = run.fields();
            line.extend([Field::Count(epoch.into()), Field::None]);
            line.extend(values_of(&run, epoch));
            sheet.push(line);
            let Some((measured, all)) = run.measured(epoch).zip(run.measurements) else { continue };
            for (layer, norm) in all.layers.iter().zip(&measured.layer_weight_norms) {
                let mut line = run.fields();
                line.extend([
                    Field::Count(epoch.into()),
                    Field::text(layer),
                    Field::or_none(*norm, Field::Real),
                ]);
                line.extend([Field::None, Field::None, Field::None]);
                sheet.push(line);
            }
        }
    }
    sheet
}
