//! What is wrong with trials: each problem once, with the first trial that has it and how many do.

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::spec::Problem;

/// More problems than this are counted, not listed.
const PROBLEMS_LISTED_MAX: usize = 20;

/// Problems by path and message.
#[derive(Default)]
pub(super) struct Failing {
    problems: IndexMap<(String, String), (Problem, String, usize)>,
}

impl Failing {
    pub(super) fn add(&mut self, parameters: &IndexMap<String, Json>, problems: Vec<Problem>) {
        for problem in problems {
            let key = (problem.path.clone(), problem.message.clone());
            let entry = self.problems.entry(key).or_insert_with(|| {
                let values: Vec<String> =
                    parameters.iter().map(|(path, value)| format!("{path} = {value}")).collect();
                (problem, values.join(", "), 0)
            });
            entry.2 += 1;
        }
    }

    pub(super) fn into_problems(self, trials: usize) -> impl Iterator<Item = Problem> {
        let rest = self.problems.len().saturating_sub(PROBLEMS_LISTED_MAX);
        let more = (rest > 0).then(|| Problem::new("space", format!("{rest} more problems of this kind")));
        let listed =
            self.problems.into_values().take(PROBLEMS_LISTED_MAX).map(move |(mut problem, values, count)| {
                if trials > 1 {
                    let first =
                        if count == trials { String::new() } else { format!(", first with {values}") };
                    problem.message = format!("{} [in {count} of {trials} trials{first}]", problem.message);
                }
                problem
            });
        listed.chain(more)
    }
}
