//! A trainer process as its agent sees it.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use foldwise_proto::v1::trainer_event::Event;
use foldwise_proto::v1::trainer_order::Order;
use foldwise_proto::v1::{self as proto};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;

use super::SlotDevice;
use crate::pipe;

/// Events that may wait for the agent; a trainer that is further ahead waits.
const EVENTS_MAX: usize = 1024;

/// How trainers of a slot are started.
#[derive(Debug, Clone)]
pub(super) struct TrainerSpawner {
    pub(super) program: PathBuf,
    pub(super) device: SlotDevice,
    pub(super) threads: u32,
    pub(super) scratch: PathBuf,
}

/// A running trainer. Dropping it kills it.
#[derive(Debug)]
pub(super) struct TrainerProcess {
    child: Child,
    orders: ChildStdin,
    events: mpsc::Receiver<io::Result<Event>>,
    /// The device, as the trainer names it.
    pub(super) device_model: String,
}

/// What is seen of a trainer next.
#[derive(Debug)]
pub(super) enum Seen {
    /// It said something.
    Event(Event),
    /// It ended, for this reason.
    Ended(String),
}

impl TrainerSpawner {
    /// Starts a trainer and waits until it can take a cohort.
    pub(super) async fn spawn(&self) -> Result<TrainerProcess, String> {
        let mut child = Command::new(&self.program)
            .arg("trainer")
            .args(["--device", self.device.kind.word()])
            .args(["--ordinal", &self.device.ordinal.to_string()])
            .args(["--threads", &self.threads.to_string()])
            .arg("--scratch")
            .arg(&self.scratch)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A group of its own: Ctrl-C at a terminal is for the agent, which then ends its trainers in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start a trainer from {}: {error}", self.program.display()))?;
        let piped = "the pipes were asked for above";
        let orders = child.stdin.take().expect(piped);
        let mut output = child.stdout.take().expect(piped);
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        tokio::spawn(async move {
            loop {
                let event = match pipe::read_async::<proto::TrainerEvent>(&mut output).await {
                    Ok(Some(event)) => Ok(event.event),
                    Ok(None) => return,
                    Err(error) => Err(error),
                };
                let Some(event) = event.transpose() else { continue };
                let broken = event.is_err();
                if sender.send(event).await.is_err() || broken {
                    return;
                }
            }
        });
        let mut trainer = TrainerProcess { child, orders, events, device_model: String::new() };
        match trainer.next().await {
            Seen::Event(Event::Ready(ready)) => {
                trainer.device_model = ready.device_model;
                Ok(trainer)
            }
            Seen::Event(other) => Err(format!("a trainer began with {other:?}")),
            Seen::Ended(reason) => Err(reason),
        }
    }
}

impl TrainerProcess {
    /// The next event, or how the trainer ended.
    pub(super) async fn next(&mut self) -> Seen {
        match self.events.recv().await {
            Some(Ok(event)) => Seen::Event(event),
            Some(Err(error)) => Seen::Ended(format!("the trainer sent what is no message: {error}")),
            None => Seen::Ended(match self.child.wait().await {
                Ok(status) => format!("the trainer {}", ending(status)),
                Err(error) => format!("the trainer ended, and how is not known: {error}"),
            }),
        }
    }

    /// Hands a cohort over.
    pub(super) async fn train(&mut self, lease: proto::Lease) -> io::Result<()> {
        pipe::write_async(&mut self.orders, &proto::TrainerOrder { order: Some(Order::Train(lease)) }).await
    }

    /// Asks to give the cohort up.
    pub(super) async fn stop(&mut self) -> io::Result<()> {
        let order = proto::TrainerOrder { order: Some(Order::Stop(proto::Stop {})) };
        pipe::write_async(&mut self.orders, &order).await
    }
}

fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (_, Some(9)) => "was killed (signal 9; perhaps the machine ran out of memory)".to_owned(),
        (_, Some(signal)) => format!("died of signal {signal}"),
        (Some(code), None) => format!("ended with exit code {code}; its log says why"),
        (None, None) => "ended".to_owned(),
    }
}
