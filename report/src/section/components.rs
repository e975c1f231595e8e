//! Kept copies of weights on their first two principal components.

use super::part::unmeasured;
use super::run::Scope;
use crate::number::{count, plural};
use crate::page::Page;
use crate::sheet::{Field, Sheet};
use crate::{ComponentPoint, ComponentsReport};

const COLUMNS: [&str; 9] =
    ["trial", "fold", "epoch", "first", "second", "norm", "train_loss", "val_loss", "val_accuracy"];
/// Copies shown at most.
const POINTS_MAX: usize = 60;

/// A table per size of network, with the share of variance that the components hold.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    page.title("Components: kept copies of weights on their first two principal components");
    if scope.report.components.is_empty() {
        return unmeasured(page, "copy of weights", "measure.snapshots = { every = 3 }");
    }
    for group in &scope.report.components {
        page.gap();
        page.line(&heading(group));
        let points: Vec<&ComponentPoint> = points(scope, group).collect();
        let mut sheet = Sheet::new(COLUMNS);
        points.iter().take(POINTS_MAX).for_each(|point| sheet.push(fields(point)));
        page.block(&sheet.without_empty_columns().text(scope.options));
        let more = points.len().saturating_sub(POINTS_MAX);
        if more > 0 {
            page.line(&format!("… and {} more (use --trial N or --format csv)", count(more as u64)));
        }
    }
}

fn heading(group: &ComponentsReport) -> String {
    let shares: Vec<String> = group.explained.iter().map(|share| Field::Share(*share).short()).collect();
    let left_out = match group.left_out {
        0 => String::new(),
        some => format!("; {} left out", plural(some, "copy").replace("copys", "copies")),
    };
    format!(
        "Networks of {} numbers: the components hold {} of the variance{left_out}.",
        count(group.weights),
        shares.join(" and ")
    )
}

fn points<'a>(scope: Scope<'a>, group: &'a ComponentsReport) -> impl Iterator<Item = &'a ComponentPoint> {
    let shown: Vec<usize> = scope.trials().map(|trial| trial.index).collect();
    group.points.iter().filter(move |point| shown.contains(&point.trial))
}

fn fields(point: &ComponentPoint) -> Vec<Field> {
    vec![
        Field::index(point.trial),
        Field::index(point.fold),
        Field::Count(point.epoch.into()),
        Field::Real(point.first),
        Field::Real(point.second),
        Field::Real(point.norm),
        Field::or_none(point.train_loss, Field::Real),
        Field::or_none(point.val_loss, Field::Real),
        Field::or_none(point.val_accuracy, Field::Share),
    ]
}

/// One line per copy.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let mut sheet = Sheet::new(["weights", "explained_first", "explained_second"].into_iter().chain(COLUMNS));
    for group in &scope.report.components {
        let share = |place: usize| Field::or_none(group.explained.get(place).copied(), Field::Share);
        for point in points(scope, group) {
            let before = [Field::Count(group.weights), share(0), share(1)];
            sheet.push(before.into_iter().chain(fields(point)).collect());
        }
    }
    sheet
}
