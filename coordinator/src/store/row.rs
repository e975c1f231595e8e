//! Rows as both databases have them: whole numbers and texts, any of which may be missing.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::{Place, StoreError};

/// A value on its way into a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// None.
    Null,
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(Cow<'a, str>),
}

macro_rules! integers {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Value<'_> {
            fn from(number: $kind) -> Self {
                Self::Integer(number.into())
            }
        }

        impl From<&$kind> for Value<'_> {
            fn from(number: &$kind) -> Self {
                (*number).into()
            }
        }
    )*};
}

integers!(i64, i32, u32, bool);

/// Numbers of studies and times, which stay far below 2⁶³.
impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Integer(number.cast_signed())
    }
}

impl Value<'_> {
    /// The memory that it takes beside its own, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Null | Self::Integer(_) => 0,
            Self::Text(text) => text.len(),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl<'a, T: Into<Self>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// A statement's values, in the order of its parameters.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$(Value::from($value)),*] };
}
pub(super) use values;

/// What statements are given to, in the order in which they take effect. Parameters are written `?1`, `?2` and so on.
pub(super) trait Sink<'a> {
    /// Takes a statement.
    fn execute(&mut self, sql: &'static str, values: &[Value<'a>]) -> Result<(), StoreError>;
}

/// A question, with the names of what it asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query {
    pub(super) columns: &'static [&'static str],
    pub(super) sql: &'static str,
    /// Rows that are fetched at once, where they come over a network.
    pub(super) portion: i32,
}

/// Rows of some hundred bytes that are fetched at once.
pub(super) const PORTION: i32 = 1024;

/// A [`Query`] of columns, and from where.
macro_rules! query {
    ([$first:literal $(, $column:literal)* $(,)?], $from:literal) => {
        $crate::store::row::Query {
            columns: &[$first $(, $column)*],
            sql: concat!("SELECT ", $first $(, ", ", $column)*, " ", $from),
            portion: $crate::store::row::PORTION,
        }
    };
}
pub(super) use query;

/// What rows are read from, as of one moment.
pub(super) trait Source {
    /// Where the rows are, for errors.
    fn place(&self) -> &Place;

    /// Hands each row of a query on, in order. Another query may be made while one is read.
    fn each(
        &self,
        query: Query,
        key: &[i64],
        take: &mut dyn FnMut(&dyn Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;
}

/// A row as it is read. An error says what is in the column instead.
pub(super) trait Row {
    /// A whole number.
    fn integer(&self, column: usize) -> Result<Option<i64>, String>;
    /// A text.
    fn text(&self, column: usize) -> Result<Option<&str>, String>;
}

/// A row whose columns are read by name, with the place and the row's name in every error.
pub(super) struct Fields<'a> {
    pub(super) row: &'a dyn Row,
    pub(super) place: &'a Place,
    pub(super) query: Query,
    /// What the row is.
    pub(super) what: &'a dyn Fn() -> String,
}

impl<'a> Fields<'a> {
    /// A whole number that fits its type, or none.
    pub(super) fn maybe<T: TryFrom<i64>>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let found = self.row.integer(self.index(column));
        let Some(number) = found.map_err(|reason| self.wrong(column, reason))? else { return Ok(None) };
        let fits = T::try_from(number);
        fits.map(Some).map_err(|_| self.wrong(column, format!("{number} is out of range")))
    }

    /// A whole number.
    pub(super) fn number<T: TryFrom<i64>>(&self, column: &str) -> Result<T, StoreError> {
        self.maybe(column)?.ok_or_else(|| self.wrong(column, "it is missing".to_owned()))
    }

    /// A text or none.
    pub(super) fn maybe_text(&self, column: &str) -> Result<Option<&'a str>, StoreError> {
        self.row.text(self.index(column)).map_err(|reason| self.wrong(column, reason))
    }

    /// A text.
    pub(super) fn text(&self, column: &str) -> Result<&'a str, StoreError> {
        self.maybe_text(column)?.ok_or_else(|| self.wrong(column, "it is missing".to_owned()))
    }

    /// What a text holds as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        self.parse(column, self.text(column)?)
    }

    /// What a text of a column holds as JSON.
    pub(super) fn parse<T: DeserializeOwned>(&self, column: &str, json: &str) -> Result<T, StoreError> {
        serde_json::from_str(json).map_err(|error| self.wrong(column, error.to_string()))
    }

    /// A column whose value is not what it must be.
    pub(super) fn wrong(&self, column: &str, reason: String) -> StoreError {
        let what = format!("{}, {column}", (self.what)());
        StoreError::Row { place: self.place.clone(), what, reason }
    }

    /// One past the last, which no row has, where the query does not ask for the column.
    fn index(&self, column: &str) -> usize {
        let columns = self.query.columns;
        columns.iter().position(|name| *name == column).unwrap_or(columns.len())
    }
}
