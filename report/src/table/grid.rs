//! The table of trials.

use comfy_table::{Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table};
use indexmap::IndexSet;

use super::folds::folds;
use super::{ROWS_MAX, TableOptions};
use crate::heading::headings;
use crate::number::{NONE, count, mean_std, probability, with_unit};
use crate::ranking::Ranking;
use crate::sheet::{STYLE, cut};
use crate::value::value_text;
use crate::{Report, TrialReport};

/// Characters of a searched value; longer ones, such as lists of layers, are cut.
const VALUE_CHARS_MAX: usize = 24;

/// The best trials, one row each.
pub(super) fn grid(report: &Report, ranking: &Ranking<'_>, options: TableOptions) -> String {
    let paths: IndexSet<&str> =
        report.trials.iter().flat_map(|trial| trial.params.keys().map(String::as_str)).collect();
    let mut table = Table::new();
    table.load_style(STYLE).force_no_tty();
    if options.color {
        table.enforce_styling();
    }
    let header = ["#".to_owned(), "trial".to_owned()].into_iter().chain(headings(&paths));
    let rest = ["parameters", "mean ± std", "SE", "p", "folds"].map(str::to_owned);
    table.set_header(header.chain(rest).map(|text| marked(Cell::new(text), options, Attribute::Bold)));
    for (position, trial) in ranking.trials.iter().take(ROWS_MAX).enumerate() {
        let can_win = position < ranking.can_win;
        let rank = if can_win { (position + 1).to_string() } else { NONE.to_owned() };
        let cells = row(report, trial, rank, &paths).into_iter().map(Cell::new);
        table.add_row(cells.map(|cell| {
            if report.selection.winner == Some(trial.index) {
                marked(cell, options, Attribute::Bold)
            } else if can_win {
                cell
            } else {
                marked(cell, options, Attribute::Dim)
            }
        }));
    }
    arrange(&mut table, paths.len(), options.width);
    table.trim_fmt()
}

fn row(report: &Report, trial: &TrialReport, rank: String, paths: &IndexSet<&str>) -> Vec<String> {
    let metric = report.selection.rule.metric;
    let comparison = report.selection.comparisons.iter().find(|comparison| comparison.trial == trial.index);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    let values = paths
        .iter()
        .map(|path| or_none(trial.params.get(*path).map(|value| cut(&value_text(value), VALUE_CHARS_MAX))));
    let rest = [
        or_none(trial.learned_numbers().map(count)),
        or_none(trial.mean.map(|mean| mean_std(metric, mean, trial.std))),
        or_none(trial.std_error.map(|error| with_unit(metric, error))),
        or_none(comparison.and_then(|comparison| comparison.p).map(probability)),
        folds(metric, trial),
    ];
    [rank, trial.index.to_string()].into_iter().chain(values).chain(rest).collect()
}

fn marked(cell: Cell, options: TableOptions, attribute: Attribute) -> Cell {
    if options.color { cell.add_attribute(attribute) } else { cell }
}

/// Numbers stay on one line and to the right; searched values and folds give way where the width is short.
fn arrange(table: &mut Table, parameters: usize, width: Option<usize>) {
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    let values = 2..2 + parameters;
    let folds = values.end + 4;
    for (position, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, u16::from(position != folds)));
        if position != folds && !values.contains(&position) {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
}
