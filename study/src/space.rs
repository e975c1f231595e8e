//! The space: paths into the spec, and the values to try at each.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

mod condition;
mod size;
mod values;

pub use condition::{Bounds, Condition};
pub use size::{PARAMETERS_MAX, SETTINGS_MAX, VALUES_MAX};
pub use values::{LinearRange, LogRange, Values};

/// `[space]`: each key is a path such as `"train.optimizer.lr"`, each value what to try there.
///
/// Trials are enumerated like nested loops: the parameters in the order of the file, then the groups of `zip`
/// in theirs, the last varying fastest; what `exclude` matches is left out and the rest numbered from 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Space {
    /// Groups of parameters that move together: lists of one length.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zip: Vec<IndexMap<String, Values>>,
    /// Conditions; a trial that meets every entry of one of them is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<IndexMap<String, Condition>>,
    /// Parameters that move alone.
    #[serde(flatten)]
    pub single: IndexMap<String, Values>,
}

/// Parameters that move together, and their combinations.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Where the values go.
    pub paths: Vec<String>,
    /// For each step along the axis, one value per path.
    pub points: Vec<Vec<Json>>,
}

/// Values in a tree of JSON, tables and lists counted as well.
pub(crate) fn settings(json: &Json) -> usize {
    let inside: usize = match json {
        Json::Array(items) => items.iter().map(settings).sum(),
        Json::Object(entries) => entries.values().map(settings).sum(),
        _ => 0,
    };
    inside + 1
}

impl Axis {
    /// What the largest of its points sets.
    pub(crate) fn settings(&self) -> usize {
        self.points.iter().map(|point| point.iter().map(settings).sum()).max().unwrap_or(0)
    }
}

impl Space {
    /// Whether nothing is searched: a study of one trial.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.single.is_empty() && self.zip.is_empty()
    }

    /// Every searched path with its values, zipped or alone.
    pub fn dimensions(&self) -> impl Iterator<Item = (&str, &Values)> {
        self.single.iter().chain(self.zip.iter().flatten()).map(|(path, values)| (path.as_str(), values))
    }

    /// The axes in the order of enumeration. Zipped lists of unequal length are cut to the shortest; the spec's
    /// check refuses them before.
    #[must_use]
    pub fn axes(&self) -> Vec<Axis> {
        let single = self.single.iter().map(|(path, values)| Axis {
            paths: vec![path.clone()],
            points: values.list().into_iter().map(|value| vec![value]).collect(),
        });
        let zipped = self.zip.iter().map(|group| {
            let lists: Vec<Vec<Json>> = group.values().map(Values::list).collect();
            let length = lists.iter().map(Vec::len).min().unwrap_or(0);
            Axis {
                paths: group.keys().cloned().collect(),
                points: (0..length).map(|i| lists.iter().map(|list| list[i].clone()).collect()).collect(),
            }
        });
        single.chain(zipped).collect()
    }

    /// Whether a trial with these parameters is left out.
    #[must_use]
    pub fn excludes(&self, parameters: &IndexMap<String, Json>) -> bool {
        self.exclude.iter().any(|rule| {
            rule.iter()
                .all(|(path, condition)| parameters.get(path).is_some_and(|value| condition.matches(value)))
        })
    }
}
