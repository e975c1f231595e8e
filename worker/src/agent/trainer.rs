//! A trainer as its slot sees it: orders in, events out.

use std::io;
use std::path::Path;

use foldwise_proto::v1::trainer_event::Event;
use foldwise_proto::v1::trainer_order::Order;
use foldwise_proto::v1::{self as proto};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;

use super::launch::{Ending, Launch, Life};
use crate::pipe;

/// Events that may wait for the agent; a trainer that is further ahead waits.
const EVENTS_MAX: usize = 1024;

/// A running trainer. Dropping it ends it.
pub(super) struct Trainer {
    life: Box<dyn Life>,
    orders: Box<dyn AsyncWrite + Send + Sync + Unpin>,
    events: mpsc::Receiver<io::Result<Event>>,
    /// The device, as the trainer names it; `None` until it can take a cohort.
    device_model: Option<String>,
}

/// What is seen of a trainer next.
#[derive(Debug)]
pub(super) enum Seen {
    /// It said something.
    Event(Event),
    /// It ended.
    Ended(Ending),
}

impl Trainer {
    /// Starts a trainer, which comes up by itself.
    pub(super) fn start(launch: &dyn Launch, slot: u32, scratch: &Path) -> Result<Self, String> {
        let launched = launch.launch(slot, scratch)?;
        let mut output = launched.events;
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
        let (life, orders) = (launched.life, launched.orders);
        Ok(Self { life, orders, events, device_model: None })
    }

    /// Waits until it can take a cohort.
    pub(super) async fn ready(&mut self) -> Result<(), String> {
        if self.device_model.is_some() {
            return Ok(());
        }
        match self.next().await {
            Seen::Event(Event::Ready(ready)) => {
                self.device_model = Some(ready.device_model);
                Ok(())
            }
            Seen::Event(other) => Err(format!("a trainer began with {other:?}")),
            Seen::Ended(ending) => Err(ending.reason),
        }
    }

    /// Its process, where it is one.
    pub(super) fn process(&self) -> Option<u32> {
        self.life.process()
    }

    /// Whether it ended while nobody watched it.
    pub(super) fn is_gone(&self) -> bool {
        self.events.is_closed() && self.events.is_empty()
    }

    /// The device, as the trainer names it; empty until it can take a cohort.
    pub(super) fn device_model(&self) -> &str {
        self.device_model.as_deref().unwrap_or_default()
    }

    /// The next event, or how the trainer ended.
    pub(super) async fn next(&mut self) -> Seen {
        match self.events.recv().await {
            Some(Ok(event)) => Seen::Event(event),
            // It was killed in the middle of a message.
            Some(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Seen::Ended(self.life.end().await)
            }
            Some(Err(error)) => Seen::Ended(Ending {
                reason: format!("the trainer sent what is no message: {error}"),
                out_of_memory: false,
            }),
            None => Seen::Ended(self.life.end().await),
        }
    }

    /// Hands a cohort over, with the checkpoint to go on from.
    pub(super) async fn train(&mut self, lease: proto::Lease, checkpoint: Option<&Path>) -> io::Result<()> {
        let checkpoint_path = checkpoint.map(|path| path.display().to_string()).unwrap_or_default();
        self.order(Order::Train(proto::Train { lease: Some(lease), checkpoint_path })).await
    }

    /// Asks to give the cohort up: at once, or after the epoch with a checkpoint.
    pub(super) async fn stop(&mut self, keep_checkpoint: bool) -> io::Result<()> {
        self.order(Order::Stop(proto::Stop { keep_checkpoint })).await
    }

    async fn order(&mut self, order: Order) -> io::Result<()> {
        pipe::write_async(&mut self.orders, &proto::TrainerOrder { order: Some(order) }).await
    }
}

impl std::fmt::Debug for Trainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer").field("device_model", &self.device_model).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, ready};
    use std::path::Path;
    use std::pin::Pin;

    use super::super::launch::{Ending, Launch, Launched, Life};
    use super::Trainer;

    /// Launches a trainer that the system kills for memory in the middle of its first message.
    #[derive(Debug)]
    struct Cut;

    impl Launch for Cut {
        fn launch(&self, _: u32, _: &Path) -> Result<Launched, String> {
            let half_a_message: &[u8] = &[100, 0];
            let (orders, events) = (Box::new(tokio::io::sink()), Box::new(half_a_message));
            Ok(Launched { orders, events, life: Box::new(Self) })
        }
    }

    impl Life for Cut {
        fn end(&mut self) -> Pin<Box<dyn Future<Output = Ending> + Send + '_>> {
            Box::pin(ready(Ending { reason: "killed".to_owned(), out_of_memory: true }))
        }
    }

    #[tokio::test]
    async fn a_trainer_that_ends_within_a_message_ended_as_its_life_says() {
        let mut trainer = Trainer::start(&Cut, 0, Path::new("")).expect("starts");
        assert_eq!(trainer.ready().await.expect_err("it ended"), "killed");
        assert!(trainer.is_gone());
    }
}
