//! What programs logged, and when.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const DAY_SECONDS: f64 = 86_400.0;

/// A line of a log.
pub(super) struct Line {
    /// Seconds since midnight.
    pub(super) at: f64,
    text: String,
}

impl Line {
    fn parse(text: &str) -> Option<Self> {
        // 2026-01-31T23:59:59.123456Z  INFO place: message field=value
        let (date_and_time, text) = text.split_once('Z')?;
        let mut parts = date_and_time.split_once('T')?.1.split(':').map(str::parse::<f64>);
        let mut part = || parts.next()?.ok();
        Some(Self { at: part()? * 3_600.0 + part()? * 60.0 + part()?, text: text.to_owned() })
    }

    /// Whether these words are in it.
    pub(super) fn says(&self, words: &str) -> bool {
        self.text.contains(words)
    }

    /// Seconds since an earlier time of the day, over midnight or not.
    pub(super) fn after(&self, earlier: f64) -> f64 {
        let seconds = self.at - earlier;
        if seconds < -DAY_SECONDS / 2.0 { seconds + DAY_SECONDS } else { seconds }
    }

    /// The number in a field.
    pub(super) fn number(&self, field: &str) -> Option<u32> {
        let (_, value) = self.text.split_once(&format!(" {field}="))?;
        value.split_whitespace().next()?.parse().ok()
    }
}

/// The lines of a log that have a time.
pub(super) fn read(path: &Path) -> std::io::Result<Vec<Line>> {
    Ok(std::fs::read_to_string(path)?.lines().filter_map(Line::parse).collect())
}

/// Now, as logs have it.
#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub(super) fn seconds_of_day() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs_f64() % DAY_SECONDS
}
