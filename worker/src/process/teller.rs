//! What a cohort in training tells its agent, and the checkpoints that it leaves on the way.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use foldwise_proto::v1::trainer_event::Event;
use foldwise_proto::v1::{self as proto};

use super::StopSignal;
use super::files::write_whole;
use super::outcome;
use crate::trainer::{AfterEpoch, Checkpoint, CheckpointError, EpochOfMember, Observer, TrainError};

/// Tells the agent of each epoch and each checkpoint.
pub(super) struct Teller<'a> {
    lease: &'a proto::Lease,
    stop: &'a StopSignal,
    tell: RefCell<&'a mut dyn FnMut(Event)>,
    scratch: &'a Path,
    interval: Option<Duration>,
    last: Instant,
    /// Which of this process's loads of data the cohort trains on.
    load: u32,
    began: Cell<bool>,
}

impl<'a> Teller<'a> {
    /// `interval` is the time between checkpoints; none are taken without, unless the agent asks.
    pub(super) fn new(
        lease: &'a proto::Lease,
        stop: &'a StopSignal,
        tell: &'a mut dyn FnMut(Event),
        scratch: &'a Path,
        interval: Option<Duration>,
        load: u32,
    ) -> Self {
        let (tell, began) = (RefCell::new(tell), Cell::new(false));
        Self { lease, stop, tell, scratch, interval, last: now(), load, began }
    }

    fn tell(&self, event: Event) {
        (self.tell.borrow_mut())(event);
    }

    fn write(&self, checkpoint: &Checkpoint) -> Result<PathBuf, TrainError> {
        let bytes = checkpoint.to_bytes()?;
        let name = format!("checkpoint-{}-{}.safetensors", std::process::id(), checkpoint.epoch());
        let path = self.scratch.join(name);
        write_whole(&path, |out| out.write_all(&bytes))
            .map(|()| path.clone())
            .map_err(|error| TrainError::Data(format!("cannot write {}: {error}", path.display())))
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the time between checkpoints is measured here and nowhere else"
)]
fn now() -> Instant {
    Instant::now()
}

impl Observer for Teller<'_> {
    fn epoch(&mut self, EpochOfMember { member, record }: EpochOfMember) {
        let run = Some(self.lease.runs[member]);
        self.tell(Event::Epoch(proto::MemberEpoch { run, epoch: Some(outcome::epoch(&record)) }));
    }

    /// Asked before the first step, too.
    fn should_stop(&self) -> bool {
        if !self.began.replace(true) {
            self.tell(Event::Began(proto::Began { load: self.load }));
        }
        self.stop.now()
    }

    fn after_epoch(&mut self, _: u32) -> AfterEpoch {
        if self.stop.after_epoch() {
            AfterEpoch::CheckpointAndStop
        } else if self.interval.is_some_and(|interval| now() - self.last >= interval) {
            AfterEpoch::Checkpoint
        } else {
            AfterEpoch::Continue
        }
    }

    /// A checkpoint that cannot be written costs nothing but itself.
    fn keep(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError> {
        match self.write(&checkpoint) {
            Ok(path) => {
                let (epoch, path) = (checkpoint.epoch(), path.display().to_string());
                self.tell(Event::Checkpoint(proto::CheckpointWritten { epoch, path }));
            }
            Err(error) => eprintln!("warning: no checkpoint is kept: {error}"),
        }
        self.last = now();
        Ok(())
    }

    fn not_taken(&mut self, why: &CheckpointError) {
        let cause = std::error::Error::source(why).map(|cause| format!(": {cause}")).unwrap_or_default();
        eprintln!("warning: no checkpoint is kept: {why}{cause}");
        self.last = now();
    }
}
