//! How many wrong credentials a source may send before they are refused without a word in the log.
//!
//! This protects the log and the disk, not the secrets: nobody guesses 256 bits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Wrong credentials that a source may send at once.
const ERRORS_MAX: u32 = 20;
/// Time after which one more is allowed, ms.
const PAUSE_MS: u64 = 3_000;
/// Sources that are remembered. When there are more the list begins anew, which forgives and never keeps anybody out.
const SOURCES_MAX: usize = 10_000;

/// What each source has left.
#[derive(Debug, Default)]
pub(crate) struct Budget(Mutex<HashMap<Option<IpAddr>, Left>>);

#[derive(Debug, Clone, Copy)]
struct Left {
    errors: u32,
    since_ms: u64,
}

impl Budget {
    /// Takes one from a source; whether there was one.
    pub(crate) fn spend(&self, source: Option<IpAddr>, now_ms: u64) -> bool {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sources.len() >= SOURCES_MAX && !sources.contains_key(&source) {
            sources.clear();
        }
        let left = sources.entry(source).or_insert(Left { errors: ERRORS_MAX, since_ms: now_ms });
        let earned = now_ms.saturating_sub(left.since_ms) / PAUSE_MS;
        left.since_ms += earned * PAUSE_MS;
        left.errors = ERRORS_MAX.min(left.errors.saturating_add(u32::try_from(earned).unwrap_or(ERRORS_MAX)));
        match left.errors.checked_sub(1) {
            Some(rest) => {
                left.errors = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, ERRORS_MAX, PAUSE_MS};

    #[test]
    fn errors_are_earned_back_and_each_source_has_its_own() {
        let budget = Budget::default();
        let (one, other) = (Some([10, 0, 0, 1].into()), Some([10, 0, 0, 2].into()));
        assert_eq!((0..100).filter(|_| budget.spend(one, 5)).count(), ERRORS_MAX as usize);
        assert!(budget.spend(other, 5));
        assert!(!budget.spend(one, PAUSE_MS));
        assert!(budget.spend(one, 5 + PAUSE_MS));
        assert!(!budget.spend(one, 6 + PAUSE_MS));
    }
}
