//! Something that took its time.

use std::borrow::Cow;
use std::time::SystemTime;

use crate::Parent;

/// Something that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Which it is.
    pub own: Parent,
    /// What it is a part of, if anything.
    pub parent: Option<Parent>,
    /// What it is.
    pub name: &'static str,
    /// When it began.
    pub began: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// What is to be known of it.
    pub attributes: Vec<(&'static str, Value)>,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text.
    Text(Cow<'static, str>),
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}
