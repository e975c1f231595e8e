//! Ctrl-C and its relatives: the first asks for a stop, the second insists.

use std::io;

use tokio_util::sync::CancellationToken;

/// What a person has asked for so far. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    asked: CancellationToken,
    insisted: CancellationToken,
}

impl Interrupt {
    /// Listens to SIGINT and SIGTERM from now on.
    pub(crate) fn listen() -> io::Result<Self> {
        let interrupt = Self::default();
        let mut signals = Signals::new()?;
        let told = interrupt.clone();
        tokio::spawn(async move {
            signals.next().await;
            told.asked.cancel();
            signals.next().await;
            told.insisted.cancel();
        });
        Ok(interrupt)
    }

    /// Waits for the first signal.
    pub(crate) async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Whether there was one.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Waits for the second signal.
    pub(crate) async fn insisted(&self) {
        self.insisted.cancelled().await;
    }

    /// Cancelled by the first signal.
    pub(crate) fn token(&self) -> CancellationToken {
        self.asked.clone()
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Where it cannot be listened to, nobody can ask.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
