//! The values that one parameter takes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// A list, or a range with a number of steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Values {
    /// These values in this order.
    List(#[schemars(length(min = 1, max = 100_000))] Vec<Json>),
    /// Evenly spaced numbers, both ends included.
    Linear(LinearRange),
    /// Numbers with even ratios, both ends included.
    Log(LogRange),
}

/// `{ linear = [0.1, 0.5], steps = 5 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinearRange {
    /// First and last value. Whole numbers that meet whole numbers stay whole.
    pub linear: [serde_json::Number; 2],
    /// How many values, the ends included.
    #[schemars(range(min = 2, max = 100_000))]
    pub steps: usize,
}

/// `{ log = [1e-4, 1e-1], steps = 4 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogRange {
    /// First and last value, both positive.
    pub log: [serde_json::Number; 2],
    /// How many values, the ends included.
    #[schemars(range(min = 2, max = 100_000))]
    pub steps: usize,
}

impl Values {
    /// Whether every value of a range is a finite number; so of a list.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        let ends =
            |ends: &[serde_json::Number; 2]| ends.each_ref().map(|end| end.as_f64().unwrap_or(f64::NAN));
        match self {
            Self::List(_) => true,
            Self::Linear(range) => {
                let [from, to] = ends(&range.linear);
                (to - from).is_finite()
            }
            Self::Log(range) => {
                let [from, to] = ends(&range.log);
                (to / from).is_normal()
            }
        }
    }

    /// The values in order.
    #[must_use]
    pub fn list(&self) -> Vec<Json> {
        match self {
            Self::List(values) => values.clone(),
            Self::Linear(range) => {
                spread(&range.linear, range.steps, |from, to, share| from + (to - from) * share)
            }
            Self::Log(range) => {
                spread(&range.log, range.steps, |from, to, share| from * (to / from).powf(share))
            }
        }
    }
}

/// The exact ends, and between them what `at(from, to, share)` gives.
fn spread(ends: &[serde_json::Number; 2], steps: usize, at: impl Fn(f64, f64, f64) -> f64) -> Vec<Json> {
    let [from, to] = ends.each_ref().map(|end| end.as_f64().unwrap_or(f64::NAN));
    let whole = ends.iter().all(|end| !end.is_f64());
    (0..steps)
        .map(|step| match step {
            0 => Json::Number(ends[0].clone()),
            last if last + 1 == steps => Json::Number(ends[1].clone()),
            _ => {
                #[expect(clippy::cast_precision_loss, reason = "steps are at most 100,000")]
                let value = at(from, to, step as f64 / (steps - 1) as f64);
                // Ratios such as 10 and 100 between 1 and 1000 miss whole numbers by rounding alone.
                let nearest = value.round();
                if whole && (value - nearest).abs() <= nearest.abs() * 1e-12 {
                    return whole_number(nearest);
                }
                Json::from(value)
            }
        })
        .collect()
}

/// A whole number between two whole numbers of 64 bits, which may lie beyond those that have a sign.
fn whole_number(nearest: f64) -> Json {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between two whole numbers of 64 bits"
    )]
    let (signed, unsigned) = (nearest as i64, nearest as u64);
    if nearest < 0.0 { Json::from(signed) } else { Json::from(unsigned) }
}

#[cfg(test)]
mod tests {
    use super::Values;

    fn list(json: &str) -> String {
        let values: Values = serde_json::from_str(json).expect("values");
        serde_json::to_string(&values.list()).expect("numbers")
    }

    #[test]
    fn ranges_keep_their_ends_exactly_and_whole_numbers_whole() {
        assert_eq!(list(r#"{"linear": [32, 128], "steps": 4}"#), "[32,64,96,128]");
        assert_eq!(list(r#"{"linear": [0.0, 0.3], "steps": 3}"#), "[0.0,0.15,0.3]");
        assert_eq!(list(r#"{"log": [1, 1000], "steps": 4}"#), "[1,10,100,1000]");
        let seeds = list(r#"{"linear": [0, 18446744073709551615], "steps": 3}"#);
        assert_eq!(seeds, "[0,9223372036854775808,18446744073709551615]");
        assert_eq!(list(r#"{"log": [1e-4, 1e-2], "steps": 2}"#), "[0.0001,0.01]");
    }
}
