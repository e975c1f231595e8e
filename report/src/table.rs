//! The report for people: a table of trials, and below it what it says in sentences.

use crate::Report;
use crate::optimism::optimism;
use crate::page::Page;
use crate::ranking::Ranking;
use crate::summary::summary;

mod folds;
mod grid;
pub(crate) mod sentences;

/// Trials shown at most; more do not help a reader.
const ROWS_MAX: usize = 30;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TableOptions {
    /// Columns to fit into; without it every row and sentence is one line.
    pub width: Option<usize>,
    /// Whether to mark what matters with ANSI escapes.
    pub color: bool,
}

/// The trials by mean, best first, and what follows from them. Numbers are rounded for reading; [`crate::json()`] and
/// [`crate::csv()`] have all digits.
#[must_use]
pub fn table(report: &Report, options: TableOptions) -> String {
    let ranking = Ranking::new(report);
    let mut page = Page::new(options);
    sentences::title(report).iter().for_each(|line| page.line(line));
    page.gap();
    page.block(&grid::grid(report, &ranking, options));
    let more = ranking.trials.len().saturating_sub(ROWS_MAX);
    if more > 0 {
        page.line(&format!("… and {more} more (use --format csv)"));
    }
    page.gap();
    for (label, text) in sentences::findings(report, &ranking) {
        page.labelled(label, &text);
    }
    if let Some(sheet) = optimism(report) {
        page.gap();
        page.line("What each way to take an epoch would have chosen, and how much of a mean it is:");
        page.block(&sheet.text(options));
    }
    page.gap();
    page.labelled("In short", &summary(report));
    page.into_text()
}
