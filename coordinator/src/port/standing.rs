//! How long a connection may go on: one that nobody stands behind not for long, one with a certificate while that is good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::keyring::Keyring;

/// Time in which somebody must be known on a connection. What watches over the coordinator asks and goes.
const STRANGER_PATIENCE: Duration = Duration::from_secs(60);

/// Whether anybody was known on a connection. It is attached to every request, and told by who knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known(Arc<AtomicBool>);

impl Known {
    /// Somebody is.
    pub(crate) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a connection rests on.
#[derive(Debug)]
pub(super) struct Standing {
    opened: Instant,
    known: Known,
    certificate: Option<Shown>,
}

/// A certificate that was shown in the handshake.
#[derive(Debug)]
struct Shown {
    ends: Instant,
    keyring: Arc<Keyring>,
    /// Which CA verified it, of those that were believed one after another.
    generation: u64,
}

impl Standing {
    pub(super) fn new(known: Known) -> Self {
        Self { opened: Instant::now(), known, certificate: None }
    }

    /// The same, for the caller that showed a certificate which ends after so long.
    pub(super) fn certified(self, ends_after: Duration, keyring: Arc<Keyring>, generation: u64) -> Self {
        // A time that no clock can show is none that comes.
        let ends = self.opened.checked_add(ends_after);
        let certificate = ends.map(|ends| Shown { ends, keyring, generation });
        Self { certificate, ..self }
    }

    /// Why a connection ends here, if it does. Whoever is at its other end and may come in again does so.
    pub(super) fn over(&self) -> Option<&'static str> {
        let now = Instant::now();
        if let Some(shown) = &self.certificate {
            if now >= shown.ends {
                return Some("the certificate has ended");
            }
            if shown.keyring.generation() != shown.generation {
                return Some("another CA is believed now");
            }
        }
        let stranger = !self.known.0.load(Ordering::Relaxed) && now - self.opened > STRANGER_PATIENCE;
        stranger.then_some("nobody was known on it")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Known, STRANGER_PATIENCE, Standing};

    #[tokio::test(start_paused = true)]
    async fn a_connection_of_nobody_ends_and_one_of_somebody_goes_on() {
        let (nobody, somebody) = (Known::default(), Known::default());
        let connections = [nobody, somebody.clone()].map(Standing::new);
        tokio::time::advance(STRANGER_PATIENCE / 2).await;
        assert!(connections.iter().all(|connection| connection.over().is_none()));
        somebody.note();
        tokio::time::advance(STRANGER_PATIENCE / 2 + Duration::from_secs(1)).await;
        assert_eq!(connections.map(|connection| connection.over().is_some()), [true, false]);
    }
}
