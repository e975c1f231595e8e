//! A table in memory: named columns, rows that are kept, and where each of them stood in the file.

use std::borrow::Cow;
use std::collections::BTreeSet;

use csv::StringRecord;

use crate::tabular::cell::Cell;
use crate::tabular::roles::{self, Roles};
use crate::tabular::{Spot, TableProblem};

/// The values of a table.
#[derive(Debug)]
pub(super) struct Grid {
    header: Vec<String>,
    body: Body,
    /// The rows of the body that count.
    kept: Vec<usize>,
    /// Texts that mean that there is no value.
    missing_words: BTreeSet<String>,
}

/// Where values lie.
#[derive(Debug)]
pub(super) enum Body {
    /// Lines of a text, as many fields in each as there are columns.
    Lines {
        /// The fields.
        records: Vec<StringRecord>,
        /// The line of each record, from 1.
        lines: Vec<u64>,
    },
    /// Columns of equal length, in the order of the header; `None` where a column was not asked for.
    #[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "only Parquet has columns"))]
    Columns {
        /// The columns.
        columns: Vec<Option<Column>>,
        /// Their length.
        rows: usize,
    },
}

/// Values of one type.
#[derive(Debug)]
#[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "only Parquet has columns"))]
pub(super) enum Column {
    Truths(Vec<Option<bool>>),
    Integers(Vec<Option<i64>>),
    /// NaN where there is no value.
    Numbers(Vec<f64>),
    Texts(Vec<Option<Box<str>>>),
}

impl Grid {
    /// A table of at least one row.
    pub(super) fn new(
        header: Vec<String>,
        body: Body,
        missing_words: &[String],
    ) -> Result<Self, TableProblem> {
        let rows = match &body {
            Body::Lines { records, .. } => records.len(),
            Body::Columns { rows, .. } => *rows,
        };
        if rows == 0 {
            return Err(TableProblem::Empty);
        }
        let missing_words = missing_words.iter().cloned().collect();
        Ok(Self { header, body, kept: (0..rows).collect(), missing_words })
    }

    pub(super) fn rows(&self) -> usize {
        self.kept.len()
    }

    /// Leaves out every row that lacks a value of these columns.
    pub(super) fn drop_missing(&mut self, roles: &Roles) -> Result<(), TableProblem> {
        let places = roles.columns().map(|column| self.place(column)).collect::<Result<Vec<_>, _>>()?;
        let mut kept = std::mem::take(&mut self.kept);
        kept.retain(|&row| places.iter().all(|&place| self.cell(row, place) != Cell::Missing));
        if kept.is_empty() {
            return Err(TableProblem::AllDropped);
        }
        self.kept = kept;
        Ok(())
    }

    /// A column's values and where they stand.
    pub(super) fn column(
        &self,
        column: &str,
    ) -> Result<impl Iterator<Item = (Cell<'_>, Spot)>, TableProblem> {
        let place = self.place(column)?;
        Ok(self.kept.iter().map(move |&row| (self.cell(row, place), self.spot(row))))
    }

    /// A column's values as texts, none of them missing.
    pub(super) fn texts(
        &self,
        column: &str,
    ) -> Result<impl Iterator<Item = Result<(Cow<'_, str>, Spot), TableProblem>>, TableProblem> {
        let name = column.to_owned();
        Ok(self.column(column)?.map(move |(cell, spot)| match cell.text() {
            Some(text) => Ok((text, spot)),
            None => Err(TableProblem::MissingTarget { spot, column: name.clone() }),
        }))
    }

    fn place(&self, column: &str) -> Result<usize, TableProblem> {
        roles::place(&self.header, column)
    }

    fn cell(&self, row: usize, place: usize) -> Cell<'_> {
        match &self.body {
            Body::Lines { records, .. } => match records[row].get(place) {
                Some(text) => self.text(text),
                None => Cell::Missing,
            },
            Body::Columns { columns, .. } => match &columns[place] {
                None => Cell::Missing,
                Some(Column::Truths(values)) => values[row].map_or(Cell::Missing, Cell::Truth),
                Some(Column::Integers(values)) => values[row].map_or(Cell::Missing, Cell::Integer),
                Some(Column::Numbers(values)) if values[row].is_nan() => Cell::Missing,
                Some(Column::Numbers(values)) => Cell::Number(values[row]),
                Some(Column::Texts(values)) => {
                    values[row].as_deref().map_or(Cell::Missing, |text| self.text(text))
                }
            },
        }
    }

    fn text<'a>(&self, text: &'a str) -> Cell<'a> {
        if text.is_empty() || self.missing_words.contains(text) { Cell::Missing } else { Cell::Text(text) }
    }

    fn spot(&self, row: usize) -> Spot {
        match &self.body {
            Body::Lines { lines, .. } => Spot::Line(lines[row]),
            Body::Columns { .. } => Spot::Row(row as u64 + 1),
        }
    }
}

#[cfg(feature = "parquet")]
impl Column {
    /// How many values it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Truths(values) => values.len(),
            Self::Integers(values) => values.len(),
            Self::Numbers(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }
}
