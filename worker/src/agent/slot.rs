//! One slot: asks for cohorts, has its trainer train them, and hands in what comes out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use foldwise_proto::v1::trainer_event::Event;
use foldwise_proto::v1::{self as proto, FailureKind};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::connection::Connection;
use super::trainer_process::{Seen, TrainerProcess, TrainerSpawner};

/// Pause after a failure, so that a machine on which nothing works does not burn attempts in a loop.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// Time that a trainer is given to give a cohort up before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// A slot and its trainer, if one runs.
#[derive(Debug)]
pub(super) struct Slot {
    index: u32,
    connection: Arc<Connection>,
    spawner: TrainerSpawner,
    trainer: Option<TrainerProcess>,
}

/// How training a cohort ended.
enum Ended {
    Done(proto::CohortDone),
    Failed(FailureKind, String),
    /// The coordinator does not want the result any more.
    Unwanted,
    /// The agent stops.
    Draining,
}

impl Slot {
    pub(super) fn new(index: u32, connection: Arc<Connection>, spawner: TrainerSpawner) -> Self {
        Self { index, connection, spawner, trainer: None }
    }

    /// Works until told to drain, or until the coordinator refuses this worker.
    pub(super) async fn work(mut self, drain: CancellationToken) {
        while !drain.is_cancelled() {
            let connection = Arc::clone(&self.connection);
            let leased = tokio::select! {
                () = drain.cancelled() => return,
                leased = connection.lease(self.index) => leased,
            };
            match leased {
                Ok(None) => {}
                Ok(Some(lease)) => {
                    if let Err(status) = self.work_on(lease, &drain).await {
                        tracing::error!(
                            slot = self.index,
                            reason = status.message(),
                            "the coordinator refused"
                        );
                        pause(&drain).await;
                    }
                }
                Err(status) => {
                    tracing::error!(slot = self.index, reason = status.message(), "no work to be had");
                    if connection.refusal().is_some() {
                        return;
                    }
                    pause(&drain).await;
                }
            }
        }
    }

    async fn work_on(&mut self, lease: proto::Lease, drain: &CancellationToken) -> Result<(), Status> {
        let Some(name) = lease.name.clone() else { return Err(Status::internal("a lease without a name")) };
        let span = (name.study.clone(), name.cohort, name.attempt);
        tracing::info!(
            slot = self.index,
            study = span.0,
            cohort = span.1,
            attempt = span.2,
            runs = lease.runs.len(),
            "training"
        );
        match self.train(lease, &name, drain).await {
            Ended::Done(done) => self.hand_in(&name, done).await,
            Ended::Failed(kind, message) => {
                tracing::error!(
                    slot = self.index,
                    study = span.0,
                    cohort = span.1,
                    ?kind,
                    message,
                    "cohort failed"
                );
                self.connection.fail(&name, kind, message).await?;
                pause(drain).await;
                Ok(())
            }
            Ended::Unwanted => {
                tracing::info!(
                    slot = self.index,
                    study = span.0,
                    cohort = span.1,
                    "given up: no longer wanted"
                );
                Ok(())
            }
            Ended::Draining => {
                let message = "the worker was stopped".to_owned();
                self.connection.fail(&name, FailureKind::Released, message).await
            }
        }
    }

    /// Trains a cohort and keeps its lease alive meanwhile.
    async fn train(
        &mut self,
        lease: proto::Lease,
        name: &proto::LeaseName,
        drain: &CancellationToken,
    ) -> Ended {
        if let Err(reason) = self.ensure_trainer(name, drain).await {
            return reason;
        }
        let connection = Arc::clone(&self.connection);
        let Some(trainer) = self.trainer.as_mut() else {
            return Ended::Failed(FailureKind::Crash, "no trainer".to_owned());
        };
        if let Err(error) = trainer.train(lease).await {
            self.trainer = None;
            return Ended::Failed(FailureKind::Crash, format!("the trainer takes no cohort: {error}"));
        }
        let mut heartbeat = tokio::time::interval(connection.heartbeat());
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut epochs = Vec::new();
        let ended = loop {
            tokio::select! {
                biased;
                () = drain.cancelled() => break Ended::Draining,
                seen = trainer.next() => match seen {
                    Seen::Event(Event::Epoch(epoch)) => {
                        epochs.push(epoch);
                        heartbeat.reset_immediately();
                    }
                    Seen::Event(Event::Done(done)) => return Ended::Done(done),
                    Seen::Event(Event::Failed(failed)) => {
                        return Ended::Failed(failed.kind(), failed.message);
                    }
                    Seen::Event(Event::Ready(_) | Event::Stopped(_)) => {}
                    Seen::Ended(reason) => {
                        self.trainer = None;
                        return Ended::Failed(FailureKind::Crash, reason);
                    }
                },
                _ = heartbeat.tick() => {
                    match connection.progress(name, std::mem::take(&mut epochs)).await {
                        Ok(proto::Order::Stop) => break Ended::Unwanted,
                        Ok(_) => {}
                        // The coordinator does not know the study any more, or refuses this worker.
                        Err(status) => {
                            tracing::warn!(slot = self.index, reason = status.message(), "progress was refused");
                            break Ended::Unwanted;
                        }
                    }
                }
            }
        };
        self.stop_trainer().await;
        ended
    }

    async fn ensure_trainer(
        &mut self,
        name: &proto::LeaseName,
        drain: &CancellationToken,
    ) -> Result<(), Ended> {
        if self.trainer.is_some() {
            return Ok(());
        }
        let mut heartbeat = tokio::time::interval(self.connection.heartbeat());
        let spawn = self.spawner.spawn();
        tokio::pin!(spawn);
        loop {
            tokio::select! {
                () = drain.cancelled() => return Err(Ended::Draining),
                spawned = &mut spawn => {
                    let trainer = spawned.map_err(|reason| Ended::Failed(FailureKind::Crash, reason))?;
                    self.trainer = Some(trainer);
                    return Ok(());
                }
                _ = heartbeat.tick() => {
                    // A lease that is lost meanwhile is noticed when training starts.
                    let _ = self.connection.progress(name, Vec::new()).await;
                }
            }
        }
    }

    /// Has the trainer give its cohort up; kills it where it does not.
    async fn stop_trainer(&mut self) {
        let Some(mut trainer) = self.trainer.take() else { return };
        if trainer.stop().await.is_err() {
            return;
        }
        let stopped = async {
            loop {
                match trainer.next().await {
                    Seen::Event(Event::Stopped(_) | Event::Done(_) | Event::Failed(_)) => return true,
                    Seen::Event(_) => {}
                    Seen::Ended(_) => return false,
                }
            }
        };
        if tokio::time::timeout(STOP_PATIENCE, stopped).await == Ok(true) {
            self.trainer = Some(trainer);
        }
    }

    async fn hand_in(&self, name: &proto::LeaseName, done: proto::CohortDone) -> Result<(), Status> {
        let mut outcomes = done.outcomes;
        if !done.weights_path.is_empty() {
            let path = Path::new(&done.weights_path);
            let digest = self.connection.upload(path).await?;
            if let Err(error) = tokio::fs::remove_file(path).await {
                tracing::warn!(path = %path.display(), %error, "a temporary file stays behind");
            }
            for outcome in &mut outcomes {
                outcome.weights_digest.clone_from(&digest);
            }
        }
        let model = self.trainer.as_ref().map(|trainer| trainer.device_model.clone()).unwrap_or_default();
        let accepted = self.connection.complete(name, outcomes, model).await?;
        tracing::info!(slot = self.index, study = name.study, cohort = name.cohort, accepted, "handed in");
        Ok(())
    }
}

async fn pause(drain: &CancellationToken) {
    tokio::select! {
        () = drain.cancelled() => {}
        () = tokio::time::sleep(FAILURE_PAUSE) => {}
    }
}
