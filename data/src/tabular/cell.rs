//! One value of a table, whatever the file's format.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// A value of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    /// There is none.
    Missing,
    /// A text, not empty.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// Any number.
    Number(f64),
    /// True or false.
    Truth(bool),
}

impl<'a> Cell<'a> {
    /// The value as a finite number: what its word means, or what it says.
    pub(super) fn number(self, words: Option<&BTreeMap<String, f32>>) -> Option<f32> {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "features are 32-bit numbers; what is too large becomes infinite and is refused"
        )]
        let number = match self {
            Self::Missing => return None,
            Self::Text(text) => {
                let meant = words.and_then(|words| words.get(text).copied());
                return meant.or_else(|| text.parse().ok()).filter(|number| number.is_finite());
            }
            Self::Integer(integer) => integer as f32,
            Self::Number(number) => number as f32,
            Self::Truth(truth) => f32::from(truth),
        };
        Some(number).filter(|number| number.is_finite())
    }

    /// The value as a text, as classes and categories are named; `None` where it is missing.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Missing => None,
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Integer(integer) => Some(Cow::Owned(integer.to_string())),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            Self::Truth(truth) => Some(Cow::Borrowed(if truth { "true" } else { "false" })),
        }
    }
}
