//! What a parameter's value is compared with in `exclude`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// A value, a list of values any of which matches, or bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Condition {
    /// A number within bounds.
    Bounds(Bounds),
    /// Any of these. (A value that is itself a list is written as a list of one list.)
    Any(Vec<Json>),
    /// This value.
    Is(Json),
}

/// `{ at_least = 0.01 }`, `{ below = 64 }` and their combinations.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// `value ≥ this`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// `value ≤ this`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// `value > this`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// `value < this`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
}

impl Condition {
    /// Whether a value meets the condition. Numbers are equal by value, whatever their spelling.
    #[must_use]
    pub fn matches(&self, value: &Json) -> bool {
        match self {
            Self::Bounds(bounds) => value.as_f64().is_some_and(|number| bounds.hold(number)),
            Self::Any(values) => values.iter().any(|wanted| same(wanted, value)),
            Self::Is(wanted) => same(wanted, value),
        }
    }
}

impl Bounds {
    fn hold(&self, number: f64) -> bool {
        self.at_least.is_none_or(|bound| number >= bound)
            && self.at_most.is_none_or(|bound| number <= bound)
            && self.above.is_none_or(|bound| number > bound)
            && self.below.is_none_or(|bound| number < bound)
    }
}

fn same(a: &Json, b: &Json) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => a == b,
    }
}
