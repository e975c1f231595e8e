//! What is wrong with a spec, and where.

use std::fmt;
use std::ops::Range;

/// One thing wrong with a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the spec, such as `train.optimizer.lr`; empty for the whole file.
    pub path: String,
    /// Where in the file: bytes.
    pub span: Option<Range<usize>>,
    /// Line and column, both from 1, in characters.
    pub position: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), span: None, position: None, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn at(mut self, span: Option<Range<usize>>) -> Self {
        self.span = span;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// Everything wrong with a spec, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

/// More problems than this are counted, not listed.
pub(crate) const PROBLEMS_LISTED_MAX: usize = 100;

impl Problems {
    /// Problems in the order of the file, with lines and columns worked out from their spans; of many the first, and
    /// how many more there are.
    pub(crate) fn locate(mut problems: Vec<Problem>, text: &str) -> Self {
        problems.sort_by_key(|problem| problem.span.as_ref().map_or(0, |span| span.start));
        problems.dedup();
        let more = problems.len().saturating_sub(PROBLEMS_LISTED_MAX);
        problems.truncate(PROBLEMS_LISTED_MAX);
        for problem in &mut problems {
            problem.position = problem.span.as_ref().map(|span| position(text, span.start));
        }
        if more > 0 {
            problems.push(Problem::new("", format!("{more} more problems")));
        }
        Self(problems)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Longer words are not compared: nobody mistypes them into one that is known.
const WORD_BYTES_MAX: usize = 100;

/// The known word nearest to `word`, if one is near enough to have been meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let allowed = (word.chars().count() / 3).max(1) + 1;
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= WORD_BYTES_MAX)
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|&(distance, candidate)| {
            distance <= allowed || candidate.starts_with(word) || word.starts_with(candidate)
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, ignoring case and `-` against `_`.
fn edit_distance(a: &str, b: &str) -> usize {
    let plain = |word: &str| -> Vec<char> { word.to_lowercase().replace('-', "_").chars().collect() };
    let (a, b) = (plain(a), plain(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{nearest, position};

    #[test]
    fn nearest_finds_what_was_meant_and_nothing_else() {
        let known = ["batch_size", "epochs", "optimizer"];
        assert_eq!(nearest("batchsize", known), Some("batch_size"));
        assert_eq!(nearest("Epoch", known), Some("epochs"));
        assert_eq!(nearest("banana", known), None);
    }

    #[test]
    fn positions_count_characters_from_one() {
        assert_eq!(position("a\nüb = 1", 4), (2, 2));
        assert_eq!(position("", 0), (1, 1));
    }
}
