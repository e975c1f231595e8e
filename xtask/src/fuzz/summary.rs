//! What libFuzzer said of a target, in one line.

use std::path::PathBuf;
use std::time::Duration;

/// The result of one target.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Inputs that were run.
    inputs: u64,
    time: Duration,
    /// Edges of the program that were reached.
    edges: u64,
    /// Inputs that reach something that others do not.
    corpus: u64,
    /// Inputs that broke a promise.
    pub(crate) found: Vec<PathBuf>,
}

impl Summary {
    /// The head of a table of lines.
    pub(crate) const HEAD: &str = "target          inputs  seconds    edges  corpus  found";

    /// Reads libFuzzer's log.
    pub(crate) fn of(log: &str, time: Duration, found: Vec<PathBuf>) -> Self {
        let statistic = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        let reached = log.lines().rev().find(|line| line.contains(" cov: ")).unwrap_or_default();
        // A target that stops early prints no statistics, but the number of its last input begins a line.
        let last = reached.trim_start_matches('#').split_whitespace().next();
        Self {
            inputs: statistic.or(last).and_then(|number| number.trim().parse().ok()).unwrap_or(0),
            time,
            edges: after(reached, " cov: "),
            corpus: after(reached, " corp: "),
            found,
        }
    }

    /// A line of the table.
    pub(crate) fn line(&self, target: &str) -> String {
        format!(
            "{target:<12} {:>9} {:>8.0} {:>8} {:>7} {:>6}",
            self.inputs,
            self.time.as_secs_f64(),
            self.edges,
            self.corpus,
            self.found.len()
        )
    }
}

/// The number that follows a word.
fn after(line: &str, word: &str) -> u64 {
    let rest = line.split_once(word).map_or("", |(_, rest)| rest);
    let digits = rest.find(|c: char| !c.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Summary;

    #[test]
    fn a_log_becomes_a_line() {
        let log = "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb\n#100\tDONE   cov: 250 ft: 300 corp: \
                   41/2000b lim: 4096 exec/s: 50 rss: 40Mb\nstat::number_of_executed_units: 100\n";
        let summary = Summary::of(log, Duration::from_secs(2), Vec::new());
        assert_eq!(summary.line("idx"), "idx                100        2      250      41      0");
        assert_eq!(summary.line("idx").len(), Summary::HEAD.len());
        let cut = Summary::of("#77\tNEW    cov: 3 ft: 4 corp: 2/2b\n", Duration::ZERO, Vec::new());
        assert_eq!((cut.inputs, cut.edges, cut.corpus), (77, 3, 2));
    }
}
