//! What is wrong with trials: each problem once, with the first trial that has it and how many do.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::spec::Problem;

/// More problems than this are counted, not listed.
const PROBLEMS_LISTED_MAX: usize = 20;

/// Of a trial's searched values, so many characters are shown.
const VALUES_SHOWN_MAX: usize = 200;

/// Problems by path and message.
#[derive(Default)]
pub(super) struct Failing {
    listed: IndexMap<(String, String), (Problem, String, usize)>,
    /// The digests of those that are counted alone.
    more: HashSet<[u8; 32]>,
}

impl Failing {
    pub(super) fn add(&mut self, parameters: &IndexMap<String, Json>, problems: Vec<Problem>) {
        for problem in problems {
            let key = (problem.path.clone(), problem.message.clone());
            if let Some((_, _, count)) = self.listed.get_mut(&key) {
                *count += 1;
            } else if self.listed.len() < PROBLEMS_LISTED_MAX {
                self.listed.insert(key, (problem, shown(parameters), 1));
            } else {
                self.more.insert(*blake3::hash(format!("{} {}", key.0, key.1).as_bytes()).as_bytes());
            }
        }
    }

    pub(super) fn into_problems(self, trials: usize) -> impl Iterator<Item = Problem> {
        let rest = self.more.len();
        let more = (rest > 0).then(|| Problem::new("space", format!("{rest} more problems of this kind")));
        let listed = self.listed.into_values().map(move |(mut problem, values, count)| {
            if trials > 1 {
                let first = if count == trials { String::new() } else { format!(", first with {values}") };
                problem.message = format!("{} [in {count} of {trials} trials{first}]", problem.message);
            }
            problem
        });
        listed.chain(more)
    }
}

/// A trial's searched values, cut where they are long.
fn shown(parameters: &IndexMap<String, Json>) -> String {
    let mut text = String::new();
    for (path, value) in parameters {
        let separator = if text.is_empty() { "" } else { ", " };
        text.push_str(&format!("{separator}{path} = {value}"));
        if let Some((end, _)) = text.char_indices().nth(VALUES_SHOWN_MAX) {
            text.truncate(end);
            text.push('…');
            break;
        }
    }
    text
}
