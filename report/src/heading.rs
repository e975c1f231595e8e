//! Short names for searched parameters.

use indexmap::IndexSet;

use crate::TrialReport;
use crate::value::value_text;

/// For each path its last segments, as few as tell it from the others.
pub(crate) fn headings(paths: &IndexSet<&str>) -> Vec<String> {
    paths.iter().map(|path| heading(path, paths).to_owned()).collect()
}

/// A trial's searched values by their short names, such as `lr 0.003, hidden [64,32]`.
pub(crate) fn searched(trial: &TrialReport) -> String {
    let names = headings(&trial.params.keys().map(String::as_str).collect());
    let values = names.iter().zip(trial.params.values());
    values.map(|(name, value)| format!("{name} {}", value_text(value))).collect::<Vec<String>>().join(", ")
}

fn heading<'a>(path: &'a str, paths: &IndexSet<&str>) -> &'a str {
    let starts = path.rmatch_indices('.').map(|(dot, _)| dot + 1);
    let tails = starts.map(|start| &path[start..]);
    let is_only = |tail: &&str| !paths.iter().any(|other| *other != path && ends_with(other, tail));
    tails.into_iter().find(is_only).unwrap_or(path)
}

fn ends_with(path: &str, tail: &str) -> bool {
    path.strip_suffix(tail).is_some_and(|head| head.is_empty() || head.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use indexmap::IndexSet;

    use super::headings;

    #[test]
    fn as_short_as_is_unambiguous() {
        let paths =
            ["train.optimizer.lr", "train.schedule.step.gamma", "train.a.step.gamma", "x.lr", "glr", "lr"];
        let paths: IndexSet<&str> = paths.into_iter().collect();
        assert_eq!(
            headings(&paths),
            ["optimizer.lr", "schedule.step.gamma", "a.step.gamma", "x.lr", "glr", "lr"]
        );
    }
}
