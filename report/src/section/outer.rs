//! The outer folds of nested cross-validation.

use super::run::Scope;
use crate::number::{mean_std, measure, plural, with_unit};
use crate::page::Page;
use crate::sheet::{Field, Sheet};
use crate::{NestedReport, Report};

const COLUMNS: [&str; 10] = [
    "outer_fold",
    "state",
    "trial",
    "inner_mean",
    "score",
    "test_accuracy",
    "test_loss",
    "epochs",
    "train_rows",
    "test_rows",
];

/// A line per outer fold, and what they say together.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    page.title(&format!(
        "Outer folds: {} of the search's choice",
        measure(scope.report.selection.rule.metric)
    ));
    let Some(nested) = &scope.report.nested else {
        return page.line("The search was not judged: `validation.outer` asks for nested cross-validation.");
    };
    page.line(&sentence(scope.report, nested));
    page.gap();
    page.block(&sheet(scope).without_empty_columns().text(scope.options));
}

/// One line per outer fold.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let metric = scope.report.selection.rule.metric;
    let mut sheet = Sheet::new(COLUMNS);
    for outer in scope.report.nested.iter().flat_map(|nested| &nested.outer) {
        sheet.push(vec![
            Field::index(outer.fold),
            Field::text(outer.state.word()),
            Field::or_none(outer.trial, Field::index),
            Field::or_none(outer.inner_mean(), |mean| Field::metric(metric, mean)),
            Field::or_none(outer.score, |score| Field::metric(metric, score)),
            Field::or_none(outer.test_accuracy, Field::Share),
            Field::or_none(outer.test_loss, Field::Real),
            Field::or_none(outer.epochs, |epochs| Field::Index(epochs.into())),
            Field::Count(outer.train_rows as u64),
            Field::Count(outer.test_rows as u64),
        ]);
    }
    sheet
}

/// What the outer folds say of the search.
pub(crate) fn sentence(report: &Report, nested: &NestedReport) -> String {
    let metric = report.selection.rule.metric;
    let all = nested.outer.len();
    let ended = nested.outer.iter().filter(|outer| outer.state.has_ended()).count();
    if ended < all {
        return format!("{ended} of {} have ended.", plural(all, "outer fold"));
    }
    let Some(mean) = nested.mean else { return "no outer fold has a score.".to_owned() };
    let scored = nested.scored().count();
    let of = if scored < all {
        format!("{scored} of {}", plural(all, "outer fold"))
    } else {
        plural(all, "outer fold")
    };
    let interval = nested.low.zip(nested.high).map(|(low, high)| {
        format!(" (95 % confidence interval {} to {})", with_unit(metric, low), with_unit(metric, high))
    });
    let inner = nested.inner_mean.map(|inner| {
        format!(
            " The scores that chose within them have a mean of {}, which choosing makes optimistic.",
            with_unit(metric, inner)
        )
    });
    format!(
        "{} {} over {of}{}: what this search comes to on rows that had no part in it.{}{}",
        measure(metric),
        mean_std(metric, mean, nested.std),
        interval.unwrap_or_default(),
        inner.unwrap_or_default(),
        agreement(nested)
    )
}

/// Whether the outer folds chose the same.
fn agreement(nested: &NestedReport) -> String {
    let mut chosen: Vec<usize> = nested.outer.iter().filter_map(|outer| outer.trial).collect();
    let count = chosen.len();
    chosen.sort_unstable();
    chosen.dedup();
    match (count, &chosen[..]) {
        (0 | 1, _) | (_, []) => String::new(),
        (_, [trial]) => format!(" All of them chose trial {trial}."),
        (count, different) => {
            format!(" The {count} choices are of {}.", plural(different.len(), "different trial"))
        }
    }
}
