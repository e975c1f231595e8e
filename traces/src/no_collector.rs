//! What stands for a collector in a program that was built without the feature `otlp`: there is none.

use crate::{Span, Way};

/// Why nobody is told.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be sent: this program was built without the feature `otlp`")]
pub struct TracesError;

#[derive(Debug, Clone)]
pub(crate) enum Collector {}

impl Collector {
    pub(crate) fn start(_: &str, _: &'static str, _: &Way) -> Result<Self, TracesError> {
        Err(TracesError)
    }

    pub(crate) fn tell(&self, _: Span) {
        match *self {}
    }

    pub(crate) fn end(&self) {
        match *self {}
    }
}
