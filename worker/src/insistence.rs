//! What a signal to stop means: the first asks, a later one insists, and what repeats the first at once is the first.

use std::time::Duration;

use tokio::time::Instant;

/// A signal within this time of the first says the same once more: who stops a job tells its process, its process's group
/// and what started it, one after the other. A person who insists has read by then that the first was heard.
pub(crate) const REPEATED_WITHIN: Duration = Duration::from_secs(2);

/// Signals so far.
#[derive(Debug, Default)]
pub(crate) struct Insistence {
    first: Option<Instant>,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To stop in order.
    Stop,
    /// Nothing more.
    Repeated,
    /// To end, whatever is lost by it.
    AtOnce,
}

impl Insistence {
    /// What a signal that comes `now` asks for.
    pub(crate) fn signal(&mut self, now: Instant) -> Wish {
        match self.first {
            None => {
                self.first = Some(now);
                Wish::Stop
            }
            Some(first) if now.saturating_duration_since(first) < REPEATED_WITHIN => Wish::Repeated,
            Some(_) => Wish::AtOnce,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Insistence, REPEATED_WITHIN, Wish};

    #[test]
    fn a_signal_that_repeats_the_first_at_once_does_not_insist() {
        let (mut insistence, first) = (Insistence::default(), Instant::now());
        let instant = Duration::from_millis(1);
        assert_eq!(insistence.signal(first), Wish::Stop);
        for later in [Duration::ZERO, instant, REPEATED_WITHIN - instant] {
            assert_eq!(insistence.signal(first + later), Wish::Repeated, "{later:?} later");
        }
        assert_eq!(insistence.signal(first + REPEATED_WITHIN), Wish::AtOnce);
    }
}
