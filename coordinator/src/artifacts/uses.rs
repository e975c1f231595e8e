//! Which kept files calls under way name, and which are just being removed: never both.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What is held and what goes.
#[derive(Debug, Default)]
pub(super) struct Uses {
    known: Mutex<Known>,
    /// Told each time that something has gone.
    gone: Notify,
}

#[derive(Debug, Default)]
struct Known {
    /// How many calls under way name a file.
    held: HashMap<String, usize>,
    /// What is being removed from a bucket.
    going: HashSet<String>,
}

impl Uses {
    /// Holds files. Nothing of them goes from now on, and what was going has gone when this returns.
    pub(super) async fn hold(uses: &Arc<Self>, digests: Vec<String>) -> Held {
        let held = Held::new(uses, digests);
        for digest in &held.digests {
            Self::gone(uses, digest).await;
        }
        held
    }

    /// Waits until a file is not being removed.
    pub(super) async fn gone(uses: &Arc<Self>, digest: &str) {
        loop {
            // Listened for before the look, so that nothing is missed between.
            let gone = uses.gone.notified();
            if !uses.lock().going.contains(digest) {
                return;
            }
            gone.await;
        }
    }

    /// Does something to a file unless a call names it, and lets none name it meanwhile.
    pub(super) fn unless_held(&self, digest: &str, work: impl FnOnce()) {
        let known = self.lock();
        if !known.held.contains_key(digest) {
            work();
        }
        drop(known);
    }

    /// Marks a file as going until the mark is dropped; `None` where a call names it, or it is going already.
    pub(super) fn going(uses: &Arc<Self>, digest: &str) -> Option<Going> {
        let mut known = uses.lock();
        let free = !known.held.contains_key(digest) && known.going.insert(digest.to_owned());
        drop(known);
        free.then(|| Going { uses: Arc::clone(uses), digest: digest.to_owned() })
    }

    /// Whether a call names a file.
    pub(super) fn is_held(&self, digest: &str) -> bool {
        self.lock().held.contains_key(digest)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // What is known is whole between any two of its holders' statements.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Files that are not removed while this lives.
#[derive(Debug)]
pub(crate) struct Held {
    uses: Arc<Uses>,
    digests: Vec<String>,
}

impl Held {
    fn new(uses: &Arc<Uses>, digests: Vec<String>) -> Self {
        let mut known = uses.lock();
        digests.iter().for_each(|digest| *known.held.entry(digest.clone()).or_default() += 1);
        drop(known);
        Self { uses: Arc::clone(uses), digests }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut known = self.uses.lock();
        for digest in &self.digests {
            if let Some(count) = known.held.get_mut(digest) {
                *count -= 1;
                if *count == 0 {
                    known.held.remove(digest);
                }
            }
        }
    }
}

/// A file that is being removed while this lives.
#[derive(Debug)]
pub(super) struct Going {
    uses: Arc<Uses>,
    digest: String,
}

impl Drop for Going {
    fn drop(&mut self) {
        self.uses.lock().going.remove(&self.digest);
        self.uses.gone.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Uses;

    #[tokio::test]
    async fn what_goes_is_waited_for_and_what_is_held_does_not_go() {
        let uses = Arc::new(Uses::default());
        let going = Uses::going(&uses, "a").expect("nobody holds it");
        assert!(Uses::going(&uses, "a").is_none(), "it is going already");
        let holding = Uses::hold(&uses, vec!["a".to_owned(), "b".to_owned()]);
        tokio::pin!(holding);
        let early =
            std::future::poll_fn(|context| std::task::Poll::Ready(holding.as_mut().poll(context))).await;
        assert!(early.is_pending(), "it has not gone");
        assert!(Uses::going(&uses, "b").is_none(), "held from the call on");
        drop(going);
        let held = holding.await;
        assert!(Uses::going(&uses, "a").is_none() && uses.is_held("a"));
        drop(held);
        assert!(Uses::going(&uses, "a").is_some());
    }
}
