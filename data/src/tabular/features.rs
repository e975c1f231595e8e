//! Columns made into features: numbers as they are, categories as one feature per value, gaps by the spec's rule.

use std::collections::BTreeMap;

use foldwise_study::spec::data::{ColumnType, Missing, TableSpec};

use crate::tabular::cell::Cell;
use crate::tabular::classes::Classes;
use crate::tabular::grid::Grid;
use crate::tabular::roles::Roles;
use crate::tabular::{Spot, TableProblem};

/// The most categories of a column. More of them mean that it holds numbers, or names rows.
pub const CATEGORIES_MAX: usize = 1_000;

/// The most numbers that the features of one table may have: as 32-bit floats they are what a file may hold.
pub const ENCODED_NUMBERS_MAX: usize = 2 << 30;

/// How the columns become features, learned from the training rows.
#[derive(Debug)]
pub(super) struct Encoding<'a> {
    columns: Vec<Encoded<'a>>,
    missing: Missing,
}

/// How one column becomes features.
#[derive(Debug)]
struct Encoded<'a> {
    name: String,
    kind: Kind<'a>,
}

#[derive(Debug)]
enum Kind<'a> {
    Number { words: Option<&'a BTreeMap<String, f32>> },
    Category { values: Classes },
}

impl<'a> Encoding<'a> {
    /// The encoding of the training rows.
    pub(super) fn of(grid: &Grid, roles: &Roles, spec: &'a TableSpec) -> Result<Self, TableProblem> {
        let mut columns = Vec::new();
        for name in &roles.features {
            let kind = match spec.types.get(name) {
                Some(ColumnType::Category) => Kind::Category { values: categories(grid, name)? },
                Some(ColumnType::Number) | None => Kind::Number { words: spec.words.get(name) },
            };
            // What there is no value of has no mean.
            let gaps = spec.missing == Missing::Mean;
            if gaps && grid.column(name)?.all(|(cell, _)| cell == Cell::Missing) {
                return Err(TableProblem::NoValues { column: name.clone() });
            }
            columns.push(Encoded { name: name.clone(), kind });
        }
        Ok(Self { columns, missing: spec.missing })
    }

    /// Features of a row.
    pub(super) fn width(&self) -> usize {
        self.columns.iter().map(Encoded::width).sum()
    }

    /// The features, `[rows, width]`, row-major. Where a value is missing and is to be filled with a mean, NaN.
    pub(super) fn features(&self, grid: &Grid) -> Result<Vec<f32>, TableProblem> {
        let (rows, width) = (grid.rows(), self.width());
        let Some(numbers) = rows.checked_mul(width).filter(|&numbers| numbers <= ENCODED_NUMBERS_MAX) else {
            return Err(TableProblem::TooWide { rows, width });
        };
        let mut features = vec![0.0; numbers];
        let mut start = 0;
        for column in &self.columns {
            let end = start + column.width();
            for ((cell, spot), row) in grid.column(&column.name)?.zip(features.chunks_exact_mut(width)) {
                column.put(cell, spot, self.missing, &mut row[start..end])?;
            }
            start = end;
        }
        Ok(features)
    }
}

impl Encoded<'_> {
    fn width(&self) -> usize {
        match &self.kind {
            Kind::Number { .. } => 1,
            Kind::Category { values } => values.len(),
        }
    }

    /// Writes a value's features over zeros.
    fn put(&self, cell: Cell<'_>, spot: Spot, missing: Missing, row: &mut [f32]) -> Result<(), TableProblem> {
        let column = || self.name.clone();
        if cell == Cell::Missing {
            row.fill(match missing {
                Missing::Mean => f32::NAN,
                Missing::Fill(number) if number.is_finite() => number,
                Missing::Refuse | Missing::Drop | Missing::Fill(_) => {
                    return Err(TableProblem::Missing { spot, column: column() });
                }
            });
            return Ok(());
        }
        match &self.kind {
            Kind::Number { words } => row[0] = number(cell, spot, &self.name, *words)?,
            Kind::Category { values } => {
                let text = cell.text().unwrap_or_default();
                let place = values.number(&text).and_then(|number| usize::try_from(number).ok());
                let Some(place) = place else {
                    let found = text.into_owned();
                    return Err(TableProblem::UnknownCategory { spot, column: column(), found });
                };
                row[place] = 1.0;
            }
        }
        Ok(())
    }
}

fn categories(grid: &Grid, column: &str) -> Result<Classes, TableProblem> {
    let values = Classes::of_present(grid, column)?;
    match values.len() {
        0 => Err(TableProblem::NoValues { column: column.to_owned() }),
        found if found > CATEGORIES_MAX => {
            Err(TableProblem::TooManyCategories { column: column.to_owned(), found })
        }
        _ => Ok(values),
    }
}

/// The numbers to predict, `[rows, columns]`, row-major.
pub(super) fn numbers(
    grid: &Grid,
    columns: &[String],
    words: &BTreeMap<String, BTreeMap<String, f32>>,
) -> Result<Vec<f32>, TableProblem> {
    let width = columns.len();
    let mut numbers = vec![0.0; grid.rows() * width];
    for (place, column) in columns.iter().enumerate() {
        let words = words.get(column);
        for ((cell, spot), row) in grid.column(column)?.zip(numbers.chunks_exact_mut(width)) {
            if cell == Cell::Missing {
                return Err(TableProblem::MissingTarget { spot, column: column.clone() });
            }
            row[place] = number(cell, spot, column, words)?;
        }
    }
    Ok(numbers)
}

fn number(
    cell: Cell<'_>,
    spot: Spot,
    column: &str,
    words: Option<&BTreeMap<String, f32>>,
) -> Result<f32, TableProblem> {
    cell.number(words).ok_or_else(|| TableProblem::NotANumber {
        spot,
        column: column.to_owned(),
        found: cell.text().unwrap_or_default().into_owned(),
    })
}
