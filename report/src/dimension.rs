//! What was searched, dimension by dimension: its values and which trial has which.

use std::collections::HashMap;

use indexmap::IndexSet;
use serde_json::Value as Json;

use crate::Report;
use crate::heading::headings;
use crate::section::leaves;
use crate::sheet::cut;
use crate::value::value_text;

/// Characters of a searched value in a heading.
const VALUE_CHARS_MAX: usize = 28;

/// A searched path, with all that moves together with it.
#[derive(Debug, Clone)]
pub(crate) struct Dimension<'a> {
    /// Its path into the spec.
    pub(crate) path: &'a str,
    /// As short as it is unambiguous.
    pub(crate) heading: String,
    /// Its values in the order in which trials have them.
    pub(crate) values: Vec<&'a Json>,
    /// By trial, the place of its value.
    pub(crate) levels: Vec<Option<usize>>,
}

/// All searched paths, in the order of the space.
pub(crate) fn paths(report: &Report) -> IndexSet<&str> {
    report.trials.iter().flat_map(|trial| trial.params.keys().map(String::as_str)).collect()
}

/// The searched paths whose values no other path's values tell: of parameters that move together the first.
pub(crate) fn dimensions(report: &Report) -> Vec<Dimension<'_>> {
    let paths = paths(report);
    let headings = headings(&paths);
    let mut free: Vec<Dimension<'_>> =
        paths.iter().zip(headings).map(|(path, heading)| Dimension::of(report, path, heading)).collect();
    let mut place = free.len();
    while place > 0 {
        place -= 1;
        let told = free[place].values.len() < 2
            || free
                .iter()
                .enumerate()
                .any(|(other, dimension)| other != place && dimension.tells(&free[place]));
        if told {
            free.remove(place);
        }
    }
    free
}

impl<'a> Dimension<'a> {
    fn of(report: &'a Report, path: &'a str, heading: String) -> Self {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut values = Vec::new();
        let levels = report.trials.iter().map(|trial| {
            let value = trial.params.get(path)?;
            Some(*places.entry(value.to_string()).or_insert_with(|| {
                values.push(value);
                values.len() - 1
            }))
        });
        let levels = levels.collect();
        Self { path, heading, values, levels }
    }

    /// Whether trials that agree in this one agree in the other.
    fn tells(&self, other: &Self) -> bool {
        let mut known: HashMap<Option<usize>, Option<usize>> = HashMap::new();
        let mut pairs = self.levels.iter().zip(&other.levels);
        pairs.all(|(own, other)| known.entry(*own).or_insert(*other) == other)
    }

    /// The values on one line each, of tables what differs. Long ones are cut, and numbered where that makes them alike.
    pub(crate) fn labels(&self) -> Vec<String> {
        let texts = if self.values.iter().all(|value| value.is_object()) {
            differences(&self.values)
        } else {
            self.values.iter().map(|value| value_text(value)).collect()
        };
        let labels: Vec<String> = texts.iter().map(|text| cut(text, VALUE_CHARS_MAX)).collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for label in &labels {
            *counts.entry(label).or_default() += 1;
        }
        let numbered = labels.iter().zip(1..).map(|(label, number)| match counts.get(label.as_str()) {
            Some(1) => label.clone(),
            _ => format!("{number}. {label}"),
        });
        numbered.collect()
    }

    /// The values, where all of them are numbers.
    pub(crate) fn numbers(&self) -> Option<Vec<f64>> {
        self.values.iter().map(|value| value.as_f64()).collect()
    }

    /// The places of the values in the order in which a reader expects them: numbers ascend.
    pub(crate) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        if let Some(numbers) = self.numbers() {
            order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
        }
        order
    }
}

/// What each of several tables has that not all of them have.
fn differences(values: &[&Json]) -> Vec<String> {
    let settings = values.iter().map(|value| {
        let mut found = Vec::new();
        leaves("", value, &mut found);
        found
    });
    let settings: Vec<Vec<(String, String)>> = settings.collect();
    let is_shared = |setting: &(String, String)| settings.iter().all(|other| other.contains(setting));
    let own = settings.iter().map(|settings| {
        let own = settings.iter().filter(|setting| !is_shared(setting));
        own.map(|(path, value)| format!("{} {value}", word(path))).collect::<Vec<String>>().join(", ")
    });
    own.collect()
}

/// The last name in a path, which may end in a place in a list.
fn word(path: &str) -> &str {
    path.rsplit('.').find(|word| word.parse::<usize>().is_err()).unwrap_or(path)
}
