//! One attempt at a cohort: a trainer trains it, its lease is kept alive, its checkpoints are handed on.

use std::future::{Future, pending};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use foldwise_proto::v1::trainer_event::Event;
use foldwise_proto::v1::{self as proto, FailureKind};
use foldwise_study::spec::Limits;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::connection::Connection;
use super::hang::HangWatch;
use super::journal::Journal;
use super::meters::Meters;
use super::trainer::{Seen, Trainer};

/// Time that a trainer is given to give a cohort up at once before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Time that a kept checkpoint has at least to be uploaded, once its trainer has stopped: coming to the end of the epoch may
/// have taken all of the grace period.
pub(super) const UPLOAD_PATIENCE: Duration = Duration::from_secs(20);
/// Time between two reports while epochs end quickly.
const REPORT_PAUSE: Duration = Duration::from_millis(200);
/// Time that an epoch of the other members is waited for, once that of one has ended: they end together.
const GATHER_PAUSE: Duration = Duration::from_millis(5);
/// Epochs that wait for a coordinator that is away; older ones are forgotten, for they are shown and no more.
const EPOCHS_MAX: usize = 10_000;

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Ended {
    Done(proto::CohortDone),
    Failed(FailureKind, String),
    /// The coordinator does not want the result any more.
    Unwanted,
    /// Handed back before its end; why.
    HandedBack(&'static str),
}

impl Ended {
    /// The word that it is counted by.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Failed(..) => "failed",
            Self::Unwanted => "unwanted",
            Self::HandedBack(_) => "handed_back",
        }
    }

    /// Why it failed, if it did.
    pub(super) fn failure(&self) -> Option<&str> {
        match self {
            Self::Failed(_, message) => Some(message),
            Self::Done(_) | Self::Unwanted | Self::HandedBack(_) => None,
        }
    }
}

type Pending<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

/// An attempt under way.
pub(super) struct Attempt<'a> {
    pub(super) name: &'a proto::LeaseName,
    pub(super) connection: Arc<Connection>,
    pub(super) drain: &'a CancellationToken,
    /// Time to come to an epoch's end when handing back.
    pub(super) grace: Duration,
    /// Where a slot's epochs are counted.
    counted: Option<(u32, Arc<Meters>)>,
    /// Where its epochs are told.
    journal: Option<&'a mut Journal>,
    hang: HangWatch,
    epochs: Vec<proto::MemberEpoch>,
    report: Pending<Result<proto::Order, Status>>,
    next_report: Instant,
    /// No report before this time.
    quiet_until: Instant,
    upload: Pending<()>,
    stopping: Option<Stopping>,
}

/// A cohort that is being given up.
struct Stopping {
    why: Why,
    /// Whether the trainer still goes on to its epoch's end.
    keeps_checkpoint: bool,
    /// Whether it has stopped, and only its checkpoint is on its way.
    stopped: bool,
    until: Instant,
}

#[derive(Clone, Copy)]
enum Why {
    Unwanted,
    HandBack(&'static str),
}

impl Why {
    fn ended(self) -> Ended {
        match self {
            Self::Unwanted => Ended::Unwanted,
            Self::HandBack(why) => Ended::HandedBack(why),
        }
    }
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        name: &'a proto::LeaseName,
        connection: Arc<Connection>,
        drain: &'a CancellationToken,
        grace: Duration,
        limits: &Limits,
    ) -> Self {
        // Whoever was given the lease has just been heard of.
        let (now, heartbeat) = (Instant::now(), connection.heartbeat());
        Self {
            name,
            connection,
            drain,
            grace,
            counted: None,
            journal: None,
            hang: HangWatch::new(limits),
            epochs: Vec::new(),
            report: None,
            next_report: now + heartbeat,
            quiet_until: now,
            upload: None,
            stopping: None,
        }
    }

    /// Counts epochs as the slot's.
    pub(super) fn counted(self, slot: u32, meters: Arc<Meters>) -> Self {
        Self { counted: Some((slot, meters)), ..self }
    }

    /// Tells epochs in a journal.
    pub(super) fn told(self, journal: &'a mut Journal) -> Self {
        Self { journal: Some(journal), ..self }
    }

    /// Watches a trainer that was given the cohort until the attempt has ended. The trainer is gone from its place if it
    /// cannot take another cohort.
    pub(super) async fn run(mut self, place: &mut Option<Trainer>) -> Ended {
        loop {
            let Some(trainer) = place.as_mut() else {
                return Ended::Failed(FailureKind::Crash, "the trainer is gone".to_owned());
            };
            let stopping = self.stopping.as_ref().map(|stopping| stopping.until);
            let ended = tokio::select! {
                biased;
                () = self.drain.cancelled(), if stopping.is_none() => {
                    self.stop(trainer, Why::HandBack("the worker was stopped"), true).await
                }
                seen = trainer.next() => match seen {
                    Seen::Event(event) => self.take(event),
                    Seen::Ended(ending) => {
                        *place = None;
                        let kind =
                            if ending.out_of_memory { FailureKind::OutOfMemory } else { FailureKind::Crash };
                        Some(Ended::Failed(kind, ending.reason))
                    }
                },
                answer = answered(&mut self.report) => self.obey(trainer, answer).await,
                () = sleep_until(self.next_report), if self.report.is_none() => {
                    self.begin_report();
                    None
                }
                () = answered(&mut self.upload) => {
                    self.stopping.as_ref().filter(|stopping| stopping.stopped).map(|stopping| stopping.why.ended())
                }
                () = sleep_until(self.hang.deadline()), if stopping.is_none() => {
                    *place = None;
                    Some(Ended::Failed(FailureKind::Hang, self.hang.message("no epoch ended")))
                }
                () = sleep_until(stopping.unwrap_or(self.next_report)), if stopping.is_some() => {
                    self.insist(place).await
                }
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    fn take(&mut self, event: Event) -> Option<Ended> {
        match event {
            Event::Epoch(epoch) => {
                if let Some((slot, meters)) = &self.counted {
                    meters.epoch(*slot);
                }
                if let Some(journal) = &mut self.journal {
                    journal.epoch(&epoch);
                }
                self.hang.epoch_ended();
                if self.epochs.len() == EPOCHS_MAX {
                    self.epochs.remove(0);
                }
                self.epochs.push(epoch);
                self.report_soon();
            }
            Event::Began(began) => {
                let (study, cohort, load) = (&self.name.study, self.name.cohort, began.load);
                tracing::debug!(study, cohort, load, "training begins");
            }
            Event::Checkpoint(written) => self.begin_upload(written),
            Event::Done(done) => return Some(Ended::Done(done)),
            Event::Failed(failed) => return Some(Ended::Failed(failed.kind(), failed.message)),
            Event::Ready(_) => {}
            Event::Stopped(_) => {
                let why = self.stopping.as_ref().map_or(Why::Unwanted, |stopping| stopping.why);
                if self.upload.is_none() {
                    return Some(why.ended());
                }
                // The checkpoint first, so that whoever goes on has it.
                if let Some(stopping) = &mut self.stopping {
                    stopping.stopped = true;
                    if stopping.keeps_checkpoint {
                        stopping.until = stopping.until.max(Instant::now() + UPLOAD_PATIENCE);
                    }
                }
            }
        }
        None
    }

    /// Has epochs reported as soon as may be.
    fn report_soon(&mut self) {
        let soon = self.quiet_until.max(Instant::now() + GATHER_PAUSE);
        self.next_report = self.next_report.min(soon);
    }

    fn begin_report(&mut self) {
        let (connection, name) = (Arc::clone(&self.connection), self.name.clone());
        let epochs = std::mem::take(&mut self.epochs);
        let now = Instant::now();
        (self.next_report, self.quiet_until) = (now + connection.heartbeat(), now + REPORT_PAUSE);
        self.report = Some(Box::pin(async move { connection.progress(&name, epochs).await }));
    }

    async fn obey(&mut self, trainer: &mut Trainer, answer: Result<proto::Order, Status>) -> Option<Ended> {
        if !self.epochs.is_empty() {
            self.report_soon();
        }
        let paused = "the study was paused";
        match answer {
            Ok(proto::Order::Stop) => self.stop(trainer, Why::Unwanted, false).await,
            Ok(proto::Order::HandBack) => self.stop(trainer, Why::HandBack(paused), true).await,
            Ok(proto::Order::Drain) => {
                self.drain.cancel();
                None
            }
            Ok(proto::Order::Continue | proto::Order::Unspecified) => None,
            // The coordinator does not know the study any more, or refuses this worker.
            Err(status) => {
                tracing::warn!(cohort = self.name.cohort, reason = status.message(), "progress was refused");
                self.stop(trainer, Why::Unwanted, false).await
            }
        }
    }

    /// Has the trainer give its cohort up. The sooner of two wishes holds.
    async fn stop(&mut self, trainer: &mut Trainer, why: Why, keep_checkpoint: bool) -> Option<Ended> {
        if self.stopping.as_ref().is_some_and(|stopping| !stopping.keeps_checkpoint || keep_checkpoint) {
            return None;
        }
        let until = Instant::now() + if keep_checkpoint { self.grace } else { STOP_PATIENCE };
        self.stopping = Some(Stopping { why, keeps_checkpoint: keep_checkpoint, stopped: false, until });
        // A trainer that cannot be told has ended, which is seen next.
        let _ = trainer.stop(keep_checkpoint).await;
        None
    }

    /// Time to give up is over: no checkpoint then; and then no trainer.
    async fn insist(&mut self, place: &mut Option<Trainer>) -> Option<Ended> {
        let stopping = self.stopping.as_mut()?;
        let why = stopping.why;
        if let (true, false, Some(trainer)) = (stopping.keeps_checkpoint, stopping.stopped, place.as_mut()) {
            stopping.keeps_checkpoint = false;
            stopping.until = Instant::now() + STOP_PATIENCE;
            let _ = trainer.stop(false).await;
            return None;
        }
        if !stopping.stopped {
            *place = None;
        }
        Some(why.ended())
    }

    /// One upload at a time: a checkpoint that comes too soon after another is let go.
    fn begin_upload(&mut self, written: proto::CheckpointWritten) {
        let file = Taken(PathBuf::from(written.path));
        if self.upload.is_some() {
            return;
        }
        let (connection, name) = (Arc::clone(&self.connection), self.name.clone());
        self.upload = Some(Box::pin(async move {
            let kept = match connection.upload(&file.0).await {
                Ok(digest) => connection.keep_checkpoint(&name, written.epoch, digest).await,
                Err(status) => Err(status),
            };
            match kept {
                Ok(kept) => tracing::debug!(cohort = name.cohort, epoch = written.epoch, kept, "checkpoint"),
                Err(status) => {
                    tracing::warn!(cohort = name.cohort, reason = status.message(), "no checkpoint is kept");
                }
            }
        }));
    }
}

/// A file that a trainer has left for this attempt. It goes when nobody needs it, even where the attempt ends before.
struct Taken(PathBuf);

impl Drop for Taken {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Waits for what is pending, which is then no more; for ever where nothing is.
async fn answered<T>(waiting: &mut Pending<T>) -> T {
    let answer = match waiting {
        Some(future) => future.await,
        None => pending().await,
    };
    *waiting = None;
    answer
}

/// Removes a temporary file.
pub(super) fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "a temporary file stays behind");
    }
}

#[cfg(test)]
mod tests;
