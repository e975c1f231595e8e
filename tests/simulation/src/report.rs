//! Reports as they are compared: without what may differ between two clusters that did the same.

use serde_json::Value;

/// A report without times, attempts and who did what.
#[derive(Debug, Clone, PartialEq)]
pub struct Report(Value);

/// What may differ between two clusters that did the same. Whether an extension comes before the first final stage, or in
/// which cohorts its runs are, is a matter of when it was asked for.
const FLEETING: [&str; 9] =
    ["seconds", "attempts", "worker", "workers", "created", "ended", "cohorts", "cohort_splits", "tests"];

impl Report {
    /// Of a report as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let mut value = serde_json::from_slice(json).map_err(|error| format!("not a report: {error}"))?;
        strip(&mut value);
        Ok(Self(value))
    }

    /// Where two reports differ first.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        difference(&self.0, &other.0, "")
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // Why an attempt failed that a later one made good.
            if fields.get("state").is_some_and(|state| state == "finished") {
                fields.remove("error");
            }
            FLEETING.iter().for_each(|field| drop(fields.remove(*field)));
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

fn difference(a: &Value, b: &Value, path: &str) -> Option<String> {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) if x.len() == y.len() => x.iter().find_map(|(key, value)| {
            difference(value, y.get(key).unwrap_or(&Value::Null), &format!("{path}.{key}"))
        }),
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            let mut pairs = x.iter().zip(y).enumerate();
            pairs.find_map(|(index, (a, b))| difference(a, b, &format!("{path}[{index}]")))
        }
        _ => (a != b).then(|| format!("{path}: {a} and {b}")),
    }
}
