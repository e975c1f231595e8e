//! A watch stream: the study as it is, then what happens to it, until it ends.

use std::time::Duration;

use foldwise_proto::v1::study_event::Event;
use foldwise_proto::v1::{self as proto};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{convert, status};
use crate::access::Asker;
use crate::committer::Desk;
use crate::events::{Events, Happening, Told, Watcher};
use crate::ledger::StudyId;

/// Time between two snapshots of a study in one stream: fine enough for a person, and a bound on their cost.
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(200);
/// Time between two looks whether the watcher may still watch.
const STANDING_PAUSE: Duration = Duration::from_secs(2);
/// Time that a watcher may take to make room for an event before it is dropped.
const SLOW_PATIENCE: Duration = Duration::from_secs(10);

pub(super) type Sender = mpsc::Sender<Result<proto::StudyEvent, Status>>;

pub(super) struct Watch {
    pub(super) desk: Desk,
    pub(super) events: Events,
    pub(super) study: StudyId,
    pub(super) watcher: Watcher,
    pub(super) stop: CancellationToken,
    pub(super) asker: Asker,
}

/// Why a stream ends before its study.
enum End {
    /// The watcher has gone.
    Gone,
    /// The watcher does not keep up.
    TooSlow,
    /// The coordinator stops or fails.
    Failed(Status),
}

impl Watch {
    /// Sends until the study ends, the watcher goes or is dropped, or the coordinator stops.
    pub(super) async fn run(mut self, sender: Sender) {
        // Room for the last word is kept free, so that a watcher that is dropped learns why.
        let Ok(last_word) = sender.clone().reserve_owned().await else { return };
        let status = match self.tell_all(&sender).await {
            Ok(()) | Err(End::Gone) => return,
            Err(End::TooSlow) => Status::resource_exhausted(
                "this watcher reads too slowly and was dropped: watch again with the last resume_token",
            ),
            Err(End::Failed(status)) => status,
        };
        last_word.send(Err(status));
    }

    async fn tell_all(&mut self, sender: &Sender) -> Result<(), End> {
        for told in self.watcher.missed.take().unwrap_or_default() {
            self.tell(sender, told).await?;
        }
        let mut pause = tokio::time::interval(SNAPSHOT_PAUSE);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut standing = tokio::time::interval(STANDING_PAUSE);
        let mut changed = true;
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    return Err(End::Failed(Status::unavailable("the coordinator is stopping")));
                }
                () = sender.closed() => return Err(End::Gone),
                _ = standing.tick() => {
                    if !self.asker.is_still_good() {
                        return Err(End::Failed(Asker::outlasted()));
                    }
                }
                _ = pause.tick(), if changed => {
                    changed = false;
                    if self.snapshot(sender).await? {
                        return Ok(());
                    }
                }
                told = self.watcher.happenings.recv() => match told {
                    Ok(told) => {
                        let own = told.happening.study() == self.study;
                        changed |= own && !matches!(told.happening, Happening::Epoch(..));
                        self.tell(sender, told).await?;
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => return Err(End::TooSlow),
                    Err(broadcast::error::RecvError::Closed) => return Err(End::Gone),
                },
            }
        }
    }

    /// Sends the study as it is; whether it is over.
    async fn snapshot(&self, sender: &Sender) -> Result<bool, End> {
        let id = self.study;
        let read = self.desk.read(move |ledger, _| {
            ledger.studies().get(&id).map(|study| (convert::study(study), study.is_over()))
        });
        match read.await.map_err(|refusal| End::Failed(status::of_refusal(&refusal)))? {
            Some((study, over)) => {
                self.send(sender, Event::Study(study)).await?;
                Ok(over)
            }
            None => Err(End::Failed(Status::not_found(format!("study {id} was deleted")))),
        }
    }

    async fn tell(&mut self, sender: &Sender, told: Told) -> Result<(), End> {
        self.watcher.sequence = told.sequence;
        if told.happening.study() != self.study {
            return Ok(());
        }
        match told.happening {
            Happening::Changed(_) => Ok(()),
            Happening::Epoch(_, run, record) => {
                let epoch = Some(convert::epoch_to(&record));
                let event = proto::EpochEvent { trial: run.trial, fold: run.fold, epoch };
                self.send(sender, Event::Epoch(event)).await
            }
            Happening::Runs(id, runs) | Happening::Hands(id, runs) => {
                let read = self.desk.read(move |ledger, _| {
                    let study = ledger.studies().get(&id);
                    let known = study.into_iter().flat_map(|study| runs.iter().map(move |&run| (study, run)));
                    known.filter_map(|(study, run)| convert::run(study, run)).collect::<Vec<_>>()
                });
                for run in read.await.unwrap_or_default() {
                    self.send(sender, Event::Run(run)).await?;
                }
                Ok(())
            }
        }
    }

    async fn send(&self, sender: &Sender, event: Event) -> Result<(), End> {
        let resume_token = self.events.token(self.watcher.sequence);
        let event = proto::StudyEvent { event: Some(event), resume_token };
        match sender.send_timeout(Ok(event), SLOW_PATIENCE).await {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(End::TooSlow),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(End::Gone),
        }
    }
}
