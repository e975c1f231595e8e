//! When a trainer that says nothing counts as hung.

use std::time::Duration;

use foldwise_study::spec::Limits;
use tokio::time::Instant;

/// Where neither the spec nor a past epoch says how long an epoch takes: data may have to be fetched first.
const FIRST_EPOCH: Duration = Duration::from_secs(3600);
/// Epochs shorter than a tenth of this are too irregular to be judged by.
const LIMIT_MIN: Duration = Duration::from_secs(60);
/// An epoch this many times as long as the longest so far is not slow but stuck.
const LONGER: u32 = 10;

/// Watches one cohort's epochs.
#[derive(Debug)]
pub(super) struct HangWatch {
    fixed: Option<Duration>,
    longest: Option<Duration>,
    last: Instant,
}

impl HangWatch {
    /// Watches from now on.
    pub(super) fn new(limits: &Limits) -> Self {
        let fixed = limits.hang_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Self { fixed, longest: None, last: Instant::now() }
    }

    /// An epoch of some member ended.
    pub(super) fn epoch_ended(&mut self) {
        let now = Instant::now();
        self.longest = self.longest.max(Some(now - self.last));
        self.last = now;
    }

    /// Silence that is borne.
    pub(super) fn limit(&self) -> Duration {
        let learned = || self.longest.map_or(FIRST_EPOCH, |longest| (longest * LONGER).max(LIMIT_MIN));
        self.fixed.unwrap_or_else(learned)
    }

    /// What did not happen in time, for people.
    pub(super) fn message(&self, what: &str) -> String {
        let seconds = self.limit().as_secs();
        format!("{what} within {seconds} s and the trainer was killed (limits.hang_seconds sets the time)")
    }

    /// When the trainer counts as hung.
    pub(super) fn deadline(&self) -> Instant {
        self.last + self.limit()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use foldwise_study::spec::Limits;
    use tokio::time::advance;

    use super::{FIRST_EPOCH, HangWatch, LIMIT_MIN};

    #[tokio::test(start_paused = true)]
    async fn the_longest_epoch_so_far_sets_the_limit() {
        let mut watch = HangWatch::new(&Limits::default());
        assert_eq!(watch.limit(), FIRST_EPOCH);
        advance(Duration::from_secs(1)).await;
        watch.epoch_ended();
        assert_eq!(watch.limit(), LIMIT_MIN);
        advance(Duration::from_secs(20)).await;
        watch.epoch_ended();
        watch.epoch_ended();
        assert_eq!(watch.limit(), Duration::from_secs(200));
    }

    #[tokio::test(start_paused = true)]
    async fn the_spec_has_the_last_word() {
        let limits = Limits { hang_seconds: Some(3), ..Limits::default() };
        let mut watch = HangWatch::new(&limits);
        advance(Duration::from_secs(20)).await;
        watch.epoch_ended();
        assert_eq!(watch.limit(), Duration::from_secs(3));
    }
}
