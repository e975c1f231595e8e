//! Numbering the distinct values of a column: classes, categories and groups.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::tabular::grid::Grid;
use crate::tabular::{Spot, TableProblem};

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
    /// As whole numbers, since all of them are: long ids differ in their last digit as well.
    Integers,
    /// As numbers, since all of them are: 2 before 10, and 1 is 1.0.
    Numbers,
    /// As texts.
    Texts,
}

impl Order {
    fn of(texts: &[Cow<'_, str>]) -> Self {
        match () {
            () if texts.iter().all(|text| integer(text).is_some()) => Self::Integers,
            () if texts.iter().all(|text| finite(text).is_some()) => Self::Numbers,
            () => Self::Texts,
        }
    }

    fn compare(self, a: &str, b: &str) -> Ordering {
        match self {
            Self::Integers => integer(a).cmp(&integer(b)),
            // Adding zero makes −0 and 0 the same class.
            Self::Numbers => {
                let number = |text| finite(text).unwrap_or(f64::MAX) + 0.0;
                number(a).total_cmp(&number(b))
            }
            Self::Texts => a.cmp(b),
        }
    }
}

impl Classes {
    /// The classes of a target column.
    pub(super) fn of(grid: &Grid, column: &str) -> Result<Self, TableProblem> {
        let texts = grid.texts(column)?.map(|text| Ok(text?.0)).collect::<Result<_, _>>()?;
        let classes = Self::distinct(texts);
        match classes.len() {
            found if found > CLASSES_MAX => {
                Err(TableProblem::TooManyClasses { column: column.to_owned(), found })
            }
            _ => Ok(classes),
        }
    }

    /// The categories of a feature column, where values may be missing.
    pub(super) fn of_present(grid: &Grid, column: &str) -> Result<Self, TableProblem> {
        let texts = grid.column(column)?.filter_map(|(cell, _)| cell.text());
        Ok(Self::distinct(texts.collect()))
    }

    /// The class number of every row.
    pub(super) fn look_up(&self, grid: &Grid, column: &str) -> Result<Vec<u32>, TableProblem> {
        let known = |(text, spot): (Cow<'_, str>, Spot)| {
            self.number(&text).ok_or_else(|| TableProblem::UnknownClass {
                spot,
                column: column.to_owned(),
                found: text.into_owned(),
            })
        };
        grid.texts(column)?.map(|text| text.and_then(known)).collect()
    }

    /// The number of a value.
    pub(super) fn number(&self, text: &str) -> Option<u32> {
        let place = match self.order {
            Order::Integers => {
                let wanted = integer(text).or_else(|| whole(text))?;
                self.names.binary_search_by(|name| integer(name).cmp(&Some(wanted)))
            }
            // A text among numbers is below none of them in a way that the search could rely on.
            Order::Numbers if finite(text).is_none() => return None,
            Order::Numbers | Order::Texts => {
                self.names.binary_search_by(|name| self.order.compare(name, text))
            }
        };
        u32::try_from(place.ok()?).ok()
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }

    fn distinct(mut texts: Vec<Cow<'_, str>>) -> Self {
        let order = Order::of(&texts);
        texts.sort_by(|a, b| order.compare(a, b).then_with(|| a.cmp(b)));
        texts.dedup_by(|a, b| order.compare(a, b).is_eq());
        Self { names: texts.into_iter().map(Cow::into_owned).collect(), order }
    }
}

/// The group number of every row: equal values have equal numbers.
pub(super) fn numbers(grid: &Grid, column: &str) -> Result<Vec<u32>, TableProblem> {
    let texts = grid.texts(column)?.map(|text| Ok(text?.0)).collect::<Result<_, _>>()?;
    Classes::distinct(texts).look_up(grid, column)
}

fn integer(text: &str) -> Option<i128> {
    text.parse().ok()
}

/// A whole number that is written otherwise, such as 1.0 or 1e3.
fn whole(text: &str) -> Option<i128> {
    // Beyond this a 64-bit float may stand for several whole numbers.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let number = finite(text).filter(|number| number.fract() == 0.0 && number.abs() <= EXACT_MAX)?;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
    let integer = number as i128;
    Some(integer)
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
