//! What a person types to see fewer trials: `lr>=0.01 dropout=0.3 state=failed`, or a part of a value.

use foldwise_study::selection::Metric;
use indexmap::IndexMap;
use serde_json::Value;

use super::super::Problem;
use super::standing::Standing;

/// Longest filter, bytes.
const FILTER_BYTES_MAX: usize = 300;
/// Conditions in a filter at most.
const TERMS_MAX: usize = 12;

/// Conditions that a trial must all meet.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Filter(Vec<Term>);

#[derive(Debug, PartialEq)]
enum Term {
    /// A part of a value.
    Text(String),
    /// A comparison of what is known of a trial.
    Compare { name: String, is: Is, value: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Equal,
    Different,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

/// Longer ones first: `<=` is not `<`.
const SIGNS: [(&str, Is); 6] = [
    ("<=", Is::LessOrEqual),
    (">=", Is::MoreOrEqual),
    ("!=", Is::Different),
    ("=", Is::Equal),
    ("<", Is::Less),
    (">", Is::More),
];

impl Filter {
    /// Reads it, for a study that searches these paths.
    pub(super) fn read(text: &str, searched: &[String]) -> Result<Self, Problem> {
        if text.len() > FILTER_BYTES_MAX {
            return Err(Problem::wrong(format!("a filter has at most {FILTER_BYTES_MAX} bytes")));
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.len() > TERMS_MAX {
            return Err(Problem::wrong(format!("a filter has at most {TERMS_MAX} conditions")));
        }
        words.into_iter().map(|word| term(word, searched)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is no condition.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a trial meets every condition.
    pub(super) fn takes(
        &self,
        standing: &Standing,
        params: &IndexMap<String, Value>,
        parameters: u64,
    ) -> bool {
        self.0.iter().all(|term| match term {
            Term::Text(text) => {
                standing.trial.to_string() == *text
                    || params.values().any(|value| value_text(value).to_lowercase().contains(text))
            }
            Term::Compare { name, is, value } => match name.as_str() {
                "trial" => is.holds(&standing.trial.to_string(), value),
                "state" => is.holds(standing.state.word(), value),
                "score" => standing.mean.is_some_and(|mean| is.holds(&mean.to_string(), value)),
                "parameters" => is.holds(&parameters.to_string(), value),
                path => params.get(path).is_some_and(|known| is.holds(&value_text(known), value)),
            },
        })
    }
}

fn term(word: &str, searched: &[String]) -> Result<Term, Problem> {
    let found = SIGNS.iter().filter_map(|(sign, is)| Some((word.find(sign)?, sign.len(), *is)));
    // The first sign in the word; of those at one place the longest.
    let Some((place, length, is)) = found.min_by_key(|(place, length, _)| (*place, usize::MAX - length))
    else {
        return Ok(Term::Text(word.to_lowercase()));
    };
    let (name, value) = (&word[..place], word[place + length..].to_owned());
    if value.is_empty() {
        return Err(Problem::wrong(format!("`{word}` compares with nothing: write a value after it")));
    }
    Ok(Term::Compare { name: known_name(name, searched)?, is, value })
}

/// The column that is meant: its name, or the end of its path.
fn known_name(name: &str, searched: &[String]) -> Result<String, Problem> {
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "trial" | "state" | "score" | "parameters" => return Ok(lower),
        "mean" => return Ok("score".to_owned()),
        _ if lower == Metric::ValAccuracy.word() || lower == Metric::ValLoss.word() => {
            return Ok("score".to_owned());
        }
        _ => {}
    }
    let ends = |path: &&String| {
        let path = path.to_ascii_lowercase();
        path == lower || path.strip_suffix(&lower).is_some_and(|rest| rest.ends_with('.'))
    };
    let found: Vec<&String> = searched.iter().filter(ends).collect();
    match found[..] {
        [path] => Ok(path.clone()),
        [] => {
            let known: Vec<&str> = searched
                .iter()
                .map(String::as_str)
                .chain(["trial", "state", "score", "parameters"])
                .collect();
            Err(Problem::wrong(format!("nothing is called `{name}`; there are {}", known.join(", "))))
        }
        _ => Err(Problem::wrong(format!("several are called `{name}`: write more of the path"))),
    }
}

impl Is {
    fn holds(self, known: &str, value: &str) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let order = match (known.parse::<f64>(), value.parse::<f64>()) {
            (Ok(known), Ok(value)) => known.partial_cmp(&value),
            _ => Some(known.to_lowercase().cmp(&value.to_lowercase())),
        };
        match self {
            Self::Equal => order == Some(Equal),
            Self::Different => order != Some(Equal),
            Self::Less => order == Some(Less),
            Self::LessOrEqual => matches!(order, Some(Less | Equal)),
            Self::More => order == Some(Greater),
            Self::MoreOrEqual => matches!(order, Some(Greater | Equal)),
        }
    }
}

/// A value as people read it.
pub(super) fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use serde_json::json;

    use super::super::standing::{Standing, TrialState};
    use super::Filter;

    fn takes(filter: &str) -> Result<bool, String> {
        let searched = ["train.optimizer.lr", "network.hidden", "data.lr"].map(str::to_owned);
        let params: IndexMap<_, _> = [
            ("train.optimizer.lr", json!(0.01)),
            ("network.hidden", json!([64, 32])),
            ("data.lr", json!("Tiny")),
        ]
        .map(|(path, value)| (path.to_owned(), value))
        .into_iter()
        .collect();
        let standing = Standing { trial: 12, state: TrialState::Finished, finished: 5, mean: Some(0.85) };
        let filter = Filter::read(filter, &searched).map_err(|problem| problem.message)?;
        Ok(filter.takes(&standing, &params, 1000))
    }

    #[test]
    fn conditions_are_compared_as_numbers_where_both_are() {
        for filter in
            ["", "12", "tin", "64,32", "optimizer.lr=1e-2", "optimizer.lr<=0.01 score>0.8", "state=finished"]
        {
            assert_eq!(takes(filter), Ok(true), "{filter}");
        }
        for filter in
            ["13", "optimizer.lr!=0.01", "optimizer.lr<0.01", "score>0.9", "state=failed", "trial<9"]
        {
            assert_eq!(takes(filter), Ok(false), "{filter}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        assert!(takes("lr=1").unwrap_err().contains("several"));
        assert!(takes("depth=1").unwrap_err().contains("network.hidden"));
        assert!(takes("score>").unwrap_err().contains("value"));
        assert!(takes(&"a ".repeat(20)).is_err() && takes(&"a".repeat(400)).is_err());
    }
}
