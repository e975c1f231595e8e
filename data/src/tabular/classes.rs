//! Numbering the distinct values of a column: classes and groups.

use std::cmp::Ordering;

use crate::tabular::CsvProblem;
use crate::tabular::grid::Grid;

/// The most classes. More of them mean that the target is a number, or an id.
pub const CLASSES_MAX: usize = 65_536;

/// The distinct values of a column in order; a value's place is its number.
#[derive(Debug)]
pub(super) struct Classes {
    names: Vec<String>,
    order: Order,
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    /// As numbers, since all of them are: 2 before 10, and 1 is 1.0.
    Numbers,
    /// As texts.
    Texts,
}

impl Order {
    fn compare(self, a: &str, b: &str) -> Ordering {
        match (self, finite(a), finite(b)) {
            // Adding zero makes −0 and 0 the same class.
            (Self::Numbers, Some(a), Some(b)) => (a + 0.0).total_cmp(&(b + 0.0)),
            _ => a.cmp(b),
        }
    }
}

impl Classes {
    /// The classes of a target column.
    pub(super) fn of(grid: &Grid, column: &str) -> Result<Self, CsvProblem> {
        let classes = Self::distinct(grid, column)?;
        match classes.names.len() {
            found if found > CLASSES_MAX => {
                Err(CsvProblem::TooManyClasses { column: column.to_owned(), found })
            }
            _ => Ok(classes),
        }
    }

    /// The class number of every row.
    pub(super) fn look_up(&self, grid: &Grid, column: &str) -> Result<Vec<u32>, CsvProblem> {
        let number = |text: &str| {
            // A text among numbers is below none of them in a way that the search could rely on.
            if self.order == Order::Numbers && finite(text).is_none() {
                return None;
            }
            let place = self.names.binary_search_by(|name| self.order.compare(name, text)).ok()?;
            u32::try_from(place).ok()
        };
        let fields = grid.fields(column)?;
        fields
            .into_iter()
            .map(|field| {
                number(field.text).ok_or_else(|| CsvProblem::UnknownClass {
                    line: field.line,
                    column: column.to_owned(),
                    found: field.text.to_owned(),
                })
            })
            .collect()
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }

    fn distinct(grid: &Grid, column: &str) -> Result<Self, CsvProblem> {
        let mut texts: Vec<&str> = grid.fields(column)?.into_iter().map(|field| field.text).collect();
        let all_numbers = texts.iter().all(|text| finite(text).is_some());
        let order = if all_numbers { Order::Numbers } else { Order::Texts };
        texts.sort_by(|a, b| order.compare(a, b).then_with(|| a.cmp(b)));
        texts.dedup_by(|a, b| order.compare(a, b).is_eq());
        Ok(Self { names: texts.into_iter().map(str::to_owned).collect(), order })
    }
}

/// The group number of every row: equal values have equal numbers.
pub(super) fn numbers(grid: &Grid, column: &str) -> Result<Vec<u32>, CsvProblem> {
    Classes::distinct(grid, column)?.look_up(grid, column)
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
