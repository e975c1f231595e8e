//! One slot: asks for cohorts, has its trainer train them, and hands in what comes out.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use foldwise_proto::v1::{self as proto, FailureKind};
use foldwise_study::spec::{Limits, Spec};
use foldwise_traces::Traces;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use super::attempt::{Attempt, Ended, remove};
use super::connection::{Connection, Leased};
use super::hang::HangWatch;
use super::journal::Journal;
use super::launch::Launch;
use super::meters::Meters;
use super::parcels::Parcels;
use super::trainer::Trainer;

/// Pause after a failure, so that a machine on which nothing works does not burn attempts in a loop.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// Times that results are handed in anew because the coordinator has lost the files that go with them.
const HAND_IN_TRIES: u32 = 5;

/// A slot and its trainer, if one runs.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) index: u32,
    pub(super) connection: Arc<Connection>,
    pub(super) launch: Arc<dyn Launch>,
    /// Where files on their way lie.
    pub(super) scratch: PathBuf,
    /// Time to come to an epoch's end when handing back.
    pub(super) grace: Duration,
    pub(super) trainer: Option<Trainer>,
    pub(super) meters: Arc<Meters>,
    pub(super) parcels: Parcels,
    /// A collector of traces.
    pub(super) traces: Traces,
}

impl Slot {
    /// Works until told to drain, or until the coordinator refuses this worker.
    pub(super) async fn work(mut self, drain: CancellationToken) {
        // What came with the answer to the last results.
        let mut next = None;
        while next.is_some() || !drain.is_cancelled() {
            // It comes up while the slot waits for work, so that work does not wait for it. One that does not start is
            // told of with the cohort that needs it.
            let _ = self.see_to_trainer();
            let connection = Arc::clone(&self.connection);
            let leased = match next.take() {
                Some(lease) => Ok(Leased::Cohort(lease)),
                None => tokio::select! {
                    biased;
                    () = drain.cancelled() => return,
                    leased = connection.lease(self.index) => leased,
                },
            };
            match leased {
                Ok(Leased::Nothing) => {}
                Ok(Leased::Drained) => drain.cancel(),
                Ok(Leased::Cohort(lease)) => match self.work_on(*lease, &drain).await {
                    Ok(more) => next = more,
                    Err(status) => {
                        let reason = status.message();
                        tracing::error!(slot = self.index, reason, "the coordinator refused");
                        pause(&drain).await;
                    }
                },
                Err(status) => {
                    tracing::error!(slot = self.index, reason = status.message(), "no work to be had");
                    if self.connection.refusal().is_some() {
                        return;
                    }
                    pause(&drain).await;
                }
            }
        }
    }

    /// Has a cohort trained and brings what came of it; the next cohort, if one came with the answer.
    async fn work_on(
        &mut self,
        lease: proto::Lease,
        drain: &CancellationToken,
    ) -> Result<Option<Box<proto::Lease>>, Status> {
        let Some(name) = lease.name.clone() else { return Err(Status::internal("a lease without a name")) };
        let (slot, study, cohort, attempt) = (self.index, &name.study, name.cohort, name.attempt);
        let epoch = lease.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.epoch);
        tracing::info!(slot, study, cohort, attempt, runs = lease.runs.len(), from_epoch = epoch, "training");
        self.meters.busy(slot, true);
        let mut journal = Journal::of(&self.traces, &lease, slot);
        let ended = self.train(lease, &name, drain, &mut journal).await;
        self.meters.busy(slot, false);
        self.meters.ended(ended.word());
        journal.trained(ended.word(), ended.failure());
        match ended {
            Ended::Done(done) => {
                tracing::debug!(slot, study, cohort, "trained");
                let handed = self.hand_in(&name, done, drain).await;
                journal.handed_in(handed.as_ref().err().map(Status::message));
                return handed;
            }
            Ended::Failed(kind, message) => {
                tracing::error!(slot, study, cohort, ?kind, message, "cohort failed");
                self.connection.fail(&name, kind, message).await?;
                pause(drain).await;
            }
            Ended::Unwanted => {
                tracing::info!(slot, study, cohort, "given up: no longer wanted");
            }
            Ended::HandedBack(why) => {
                tracing::info!(slot, study, cohort, why, "handed back");
                self.connection.fail(&name, FailureKind::Released, why.to_owned()).await?;
            }
        }
        Ok(None)
    }

    /// Trains a cohort and keeps its lease alive meanwhile.
    async fn train(
        &mut self,
        lease: proto::Lease,
        name: &proto::LeaseName,
        drain: &CancellationToken,
        journal: &mut Journal,
    ) -> Ended {
        let drained = Ended::HandedBack("the worker was stopped");
        // A spec that this version cannot read is refused by the trainer, with the reason.
        let limits = Spec::from_json(&lease.spec).map_or_else(|_| Limits::default(), |spec| spec.limits);
        let prepared = tokio::select! {
            biased;
            () = drain.cancelled() => return drained,
            prepared = self.prepare(&lease, name, &limits) => prepared,
        };
        let checkpoint = match prepared {
            Ok(checkpoint) => checkpoint,
            Err(failed) => return failed,
        };
        let Some(trainer) = self.trainer.as_mut() else {
            return Ended::Failed(FailureKind::Crash, "no trainer".to_owned());
        };
        if let Err(error) = trainer.train(lease, checkpoint.as_deref()).await {
            self.trainer = None;
            return Ended::Failed(FailureKind::Crash, format!("the trainer takes no cohort: {error}"));
        }
        journal.prepared();
        let attempt = Attempt::new(name, Arc::clone(&self.connection), drain, self.grace, &limits)
            .counted(self.index, Arc::clone(&self.meters))
            .told(journal);
        let ended = attempt.run(&mut self.trainer).await;
        if let Some(path) = checkpoint {
            remove(&path);
        }
        ended
    }

    /// Starts a trainer where there is none, or the one that was there ended while it had nothing to do. Files of this slot are
    /// on their way only while a trainer has a cohort, so that what lies there is what a killed one left.
    fn see_to_trainer(&mut self) -> Result<&mut Trainer, String> {
        if self.trainer.as_ref().is_some_and(Trainer::is_gone) {
            self.trainer = None;
        }
        let trainer = match self.trainer.take() {
            Some(trainer) => trainer,
            None => {
                clear(&self.scratch);
                Trainer::start(self.launch.as_ref(), self.index, &self.scratch)?
            }
        };
        self.meters.trainer(self.index, trainer.process());
        Ok(self.trainer.insert(trainer))
    }

    /// Waits until the trainer can take a cohort; one that cannot is ended.
    async fn ready(&mut self, name: &proto::LeaseName, limits: &Limits) -> Result<(), Ended> {
        let connection = Arc::clone(&self.connection);
        let hang = HangWatch::new(limits);
        let trainer = self.see_to_trainer().map_err(|reason| Ended::Failed(FailureKind::Crash, reason))?;
        let failed = tokio::select! {
            biased;
            ready = keeping(&connection, name, trainer.ready()) => match ready {
                Ok(()) => return Ok(()),
                Err(reason) => Ended::Failed(FailureKind::Crash, reason),
            },
            () = sleep_until(hang.deadline()) => {
                Ended::Failed(FailureKind::Hang, hang.message("the trainer did not come up"))
            }
        };
        self.trainer = None;
        Err(failed)
    }

    /// Sees to it that there is a trainer, and fetches the checkpoint to go on from.
    async fn prepare(
        &mut self,
        lease: &proto::Lease,
        name: &proto::LeaseName,
        limits: &Limits,
    ) -> Result<Option<PathBuf>, Ended> {
        let connection = Arc::clone(&self.connection);
        self.ready(name, limits).await?;
        if let Some(parcel) = Spec::from_json(&lease.spec).ok().and_then(|spec| spec.data.parcel) {
            let fetched = keeping(&connection, name, self.parcels.see_to(&connection, &parcel)).await;
            fetched.map_err(|message| Ended::Failed(FailureKind::Data, message))?;
        }
        let Some(checkpoint) = &lease.checkpoint else { return Ok(None) };
        let path = self.scratch.join("resume.safetensors");
        let fetched = keeping(&connection, name, connection.download(&checkpoint.digest, &path)).await;
        match fetched {
            Ok(()) => Ok(Some(path)),
            // It only saves time: without it, the cohort begins anew.
            Err(status) => {
                tracing::warn!(
                    cohort = name.cohort,
                    reason = status.message(),
                    "no checkpoint to go on from"
                );
                Ok(None)
            }
        }
    }

    /// Hands results in until they are acknowledged. Results that the coordinator can never take fail the attempt, so that
    /// they count against the study's limit and are not brought for ever.
    async fn hand_in(
        &self,
        name: &proto::LeaseName,
        done: proto::CohortDone,
        drain: &CancellationToken,
    ) -> Result<Option<Box<proto::Lease>>, Status> {
        let model =
            self.trainer.as_ref().map(|trainer| trainer.device_model().to_owned()).unwrap_or_default();
        let mut tries = 0;
        let answer = loop {
            tries += 1;
            let next_slot = (!drain.is_cancelled()).then_some(self.index);
            match self.hand_in_once(name, &done, &model, next_slot).await {
                // The coordinator was restarted between the calls, and forgot files that nobody had named.
                Err(status) if status.code() == Code::FailedPrecondition && tries < HAND_IN_TRIES => {}
                handed => break handed,
            }
        };
        files(&done).for_each(remove);
        let (slot, study, cohort) = (self.index, &name.study, name.cohort);
        match answer {
            Ok(answer) => {
                tracing::info!(slot, study, cohort, accepted = answer.accepted, "handed in");
                Ok(answer.next.map(Box::new))
            }
            Err(status) if is_final(&status) => {
                let message = format!("its results were refused: {}", status.message());
                tracing::error!(slot, study, cohort, message, "cohort failed");
                self.connection.fail(name, FailureKind::Training, message).await?;
                Ok(None)
            }
            Err(status) => Err(status),
        }
    }

    async fn hand_in_once(
        &self,
        name: &proto::LeaseName,
        done: &proto::CohortDone,
        device_model: &str,
        next_slot: Option<u32>,
    ) -> Result<proto::CompleteCohortResponse, Status> {
        let connection = &self.connection;
        let upload = async |path: &str| {
            if path.is_empty() {
                return Ok(String::new());
            }
            keeping(connection, name, connection.upload(Path::new(path))).await
        };
        let mut outcomes = done.outcomes.clone();
        let weights = upload(&done.weights_path).await?;
        outcomes.iter_mut().for_each(|outcome| outcome.weights_digest.clone_from(&weights));
        for path in &done.snapshot_paths {
            upload(path).await?;
        }
        let measurements = upload(&done.measurements_path).await?;
        connection.complete(name, outcomes, measurements, device_model.to_owned(), next_slot).await
    }
}

/// The files that a trainer left with its results.
fn files(done: &proto::CohortDone) -> impl Iterator<Item = &Path> {
    let paths = [&done.weights_path, &done.measurements_path].into_iter().chain(&done.snapshot_paths);
    paths.filter(|path| !path.is_empty()).map(Path::new)
}

/// Whether the same results would be refused again.
fn is_final(status: &Status) -> bool {
    let code = status.code();
    matches!(code, Code::InvalidArgument | Code::OutOfRange | Code::DataLoss | Code::FailedPrecondition)
}

/// Does something that may take long, and keeps a lease alive meanwhile.
async fn keeping<T>(connection: &Connection, name: &proto::LeaseName, work: impl Future<Output = T>) -> T {
    let heartbeats = async {
        loop {
            tokio::time::sleep(connection.heartbeat()).await;
            // A lease that is lost meanwhile is noticed when training starts, or results are handed in.
            let _ = connection.progress(name, Vec::new()).await;
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        // They do not end.
        never = heartbeats => never,
    }
}

/// Empties a folder. What cannot be removed, such as what a command protected, stays: nothing depends on it.
fn clear(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        if let Err(error) = removed {
            tracing::warn!(path = %path.display(), %error, "what a trainer left stays behind");
        }
    }
}

async fn pause(drain: &CancellationToken) {
    tokio::select! {
        biased;
        () = drain.cancelled() => {}
        () = tokio::time::sleep(FAILURE_PAUSE) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::launch::{Launch, Launched};
    use super::super::meters::Meters;
    use super::super::parcels::Parcels;
    use super::super::stub::{self, Coordinator};
    use super::{Slot, Traces};

    /// Launches trainers that say nothing, into empty folders alone.
    #[derive(Debug)]
    struct Careful;

    impl Launch for Careful {
        fn launch(&self, _: u32, scratch: &Path) -> Result<Launched, String> {
            let left: Vec<_> = fs::read_dir(scratch).expect("is there").flatten().collect();
            assert!(left.is_empty(), "{left:?}");
            Ok(stub::trainer().0)
        }
    }

    #[tokio::test]
    async fn what_a_killed_trainer_left_goes_before_another_starts() {
        let scratch = tempfile::tempdir().expect("folder");
        let (config, connection) = stub::connected(&Coordinator::default()).await;
        let mut slot = Slot {
            index: 0,
            connection,
            launch: Arc::new(Careful),
            scratch: scratch.path().to_owned(),
            grace: Duration::ZERO,
            trainer: None,
            meters: Arc::new(Meters::new(1)),
            parcels: Parcels::new(config.cache),
            traces: Traces::default(),
        };
        slot.see_to_trainer().expect("starts");
        // A command's folder and half a checkpoint.
        let run = scratch.path().join("run-a1b2c3/own/deep");
        fs::create_dir_all(&run).expect("makes");
        fs::write(run.join("weights"), "much").expect("writes");
        fs::write(scratch.path().join(".tmp1"), "half").expect("writes");
        slot.see_to_trainer().expect("runs");
        assert!(run.exists(), "a trainer that runs keeps what is its own");
        slot.trainer = None;
        slot.see_to_trainer().expect("starts");
        assert!(!run.exists());
    }
}
