//! `[command]`: a program of one's own that trains in place of a described network.
//!
//! Foldwise hands it a run (its rows, folds, hyperparameters and seed) and takes its epochs back; what happens between is the
//! program's. The protocol is that of `docs/own-code.md`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most hyperparameters of a command.
pub const PARAMETERS_MAX: usize = 1_000;
/// The longest name of a hyperparameter, in bytes.
pub const PARAMETER_NAME_BYTES_MAX: usize = 100;

/// A program that trains each run in a process of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandSpec {
    /// The program, a path in the folder that each worker's operator allows commands of, and its arguments. No shell reads
    /// them.
    #[schemars(length(min = 1, max = 100))]
    pub program: Vec<String>,
    /// SHA-256 of the program's file, in hexadecimal: a worker where it is another file refuses the run. Any file by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Epochs that a run reports, at most; 1 for what learns in one go.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub epochs: u32,
    /// Hyperparameters, whatever the program understands: texts, numbers, true and false, and lists of these. Each can be
    /// searched as `command.parameters.NAME`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub parameters: IndexMap<String, Parameter>,
    /// Another seed for each run of the trial, to search over seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Whether all trials of a fold are given the same seed, so that they are compared on common random numbers.
    #[serde(default = "yes")]
    pub common_random_numbers: bool,
}

/// The value of a hyperparameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Parameter {
    /// True or false.
    Switch(bool),
    /// A whole number.
    Whole(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Several values.
    List(Vec<Self>),
}

/// Whether a text can be the name of a hyperparameter: a dot would part it in the paths of a space.
#[must_use]
pub fn is_parameter_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let fine = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    begins && fine && name.len() <= PARAMETER_NAME_BYTES_MAX
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::{CommandSpec, Parameter, is_parameter_name};

    #[test]
    fn parameters_keep_their_types() {
        let text = r#"{"program":["fit"],"epochs":1,"parameters":{"a":true,"b":3,"c":0.5,"d":"rbf","e":[1,[2.5]]},"common_random_numbers":true}"#;
        let command: CommandSpec = serde_json::from_str(text).expect("a command");
        assert_eq!(command.parameters["b"], Parameter::Whole(3));
        let inner = Parameter::List(vec![Parameter::Number(2.5)]);
        assert_eq!(command.parameters["e"], Parameter::List(vec![Parameter::Whole(1), inner]));
        assert_eq!(serde_json::to_string(&command).expect("json"), text);
    }

    #[test]
    fn names_are_words() {
        assert!(["lr", "_x", "max-depth", "C"].iter().all(|name| is_parameter_name(name)));
        assert!(["", "1", "a.b", "ä", "a b", "-x"].iter().all(|name| !is_parameter_name(name)));
    }
}
