//! A watch stream: the study as it is, then what happens to it, until it ends.

use std::time::Duration;

use foldwise_proto::v1::study_event::Event;
use foldwise_proto::v1::{self as proto};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{convert, status};
use crate::committer::Desk;
use crate::events::Happening;
use crate::ledger::StudyId;

/// Time between two snapshots of a study in one stream: fine enough for a person, and a bound on their cost.
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(200);

pub(super) type Sender = mpsc::Sender<Result<proto::StudyEvent, Status>>;

pub(super) struct Watch {
    pub(super) desk: Desk,
    pub(super) study: StudyId,
    pub(super) happenings: broadcast::Receiver<Happening>,
    pub(super) stop: CancellationToken,
}

/// The watcher has gone.
struct Gone;

impl Watch {
    /// Sends until the study ends, the watcher goes or the coordinator stops.
    pub(super) async fn run(mut self, sender: Sender) {
        let mut pause = tokio::time::interval(SNAPSHOT_PAUSE);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut changed = true;
        loop {
            let sent = tokio::select! {
                () = self.stop.cancelled() => {
                    let _ = sender.send(Err(Status::unavailable("the coordinator is stopping"))).await;
                    return;
                }
                () = sender.closed() => return,
                _ = pause.tick(), if changed => {
                    changed = false;
                    match self.snapshot(&sender).await {
                        Ok(true) => return,
                        Ok(false) => Ok(()),
                        Err(gone) => Err(gone),
                    }
                }
                happening = self.happenings.recv() => match happening {
                    Ok(happening) if happening.study() == self.study => {
                        changed |= !matches!(happening, Happening::Epoch(..));
                        self.tell(&sender, happening).await
                    }
                    Ok(_) => Ok(()),
                    // Fell behind: what was lost is made up for by a fresh snapshot.
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        changed = true;
                        Ok(())
                    }
                    Err(broadcast::error::RecvError::Closed) => return,
                },
            };
            if sent.is_err() {
                return;
            }
        }
    }

    /// Sends the study as it is; whether it is over.
    async fn snapshot(&self, sender: &Sender) -> Result<bool, Gone> {
        let id = self.study;
        let read = self.desk.read(move |ledger, _| {
            ledger.studies().get(&id).map(|study| (convert::study(study), study.is_over()))
        });
        match read.await {
            Ok(Some((study, over))) => {
                send(sender, Ok(Event::Study(study))).await?;
                Ok(over)
            }
            Ok(None) => Ok(true),
            Err(refusal) => {
                send(sender, Err(status::of_refusal(&refusal))).await?;
                Ok(true)
            }
        }
    }

    async fn tell(&self, sender: &Sender, happening: Happening) -> Result<(), Gone> {
        match happening {
            Happening::Changed(_) => Ok(()),
            Happening::Epoch(_, run, record) => {
                let epoch = Some(convert::epoch_to(&record));
                let event = proto::EpochEvent { trial: run.trial, fold: run.fold, epoch };
                send(sender, Ok(Event::Epoch(event))).await
            }
            Happening::Runs(id, runs) => {
                let read = self.desk.read(move |ledger, _| {
                    let study = ledger.studies().get(&id);
                    let known = study.into_iter().flat_map(|study| runs.iter().map(move |&run| (study, run)));
                    known.filter_map(|(study, run)| convert::run(study, run)).collect::<Vec<_>>()
                });
                for run in read.await.unwrap_or_default() {
                    send(sender, Ok(Event::Run(run))).await?;
                }
                Ok(())
            }
        }
    }
}

async fn send(sender: &Sender, event: Result<Event, Status>) -> Result<(), Gone> {
    let event = event.map(|event| proto::StudyEvent { event: Some(event) });
    sender.send(event).await.map_err(|_| Gone)
}
