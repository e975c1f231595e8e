//! Attempts whose ends and whose uploads meet.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use foldwise_proto::v1::trainer_event::Event;
use foldwise_proto::v1::{self as proto};
use foldwise_study::spec::Limits;
use tokio::io::DuplexStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::launch::{Launch, Launched};
use super::super::stub::{self, Coordinator};
use super::super::trainer::Trainer;
use super::{Attempt, Ended};
use crate::pipe;

/// Hands out the one trainer that it was given.
#[derive(Debug)]
struct Once(Mutex<Option<Launched>>);

impl Launch for Once {
    fn launch(&self, _: u32, _: &Path) -> Result<Launched, String> {
        self.0.lock().expect("whole").take().ok_or_else(|| "there was one alone".to_owned())
    }
}

/// An attempt, its trainer's events, and the file of a checkpoint.
struct Scene {
    coordinator: Coordinator,
    grace: Duration,
    told: DuplexStream,
    trainer: Option<Trainer>,
    drain: CancellationToken,
    _folder: tempfile::TempDir,
    checkpoint: PathBuf,
}

impl Scene {
    /// With an upload that takes so long, and so much time to come to an epoch's end.
    fn new(upload: Duration, grace: Duration) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let checkpoint = folder.path().join("checkpoint-1");
        std::fs::write(&checkpoint, "state").expect("writes");
        let (launched, told) = stub::trainer();
        let trainer = Trainer::start(&Once(Mutex::new(Some(launched))), 0, folder.path()).expect("starts");
        Self {
            coordinator: Coordinator::slow(upload),
            grace,
            told,
            trainer: Some(trainer),
            drain: CancellationToken::new(),
            _folder: folder,
            checkpoint,
        }
    }

    async fn tell(&mut self, event: Event) {
        pipe::write_async(&mut self.told, &proto::TrainerEvent { event: Some(event) }).await.expect("hears");
    }

    async fn tell_of_checkpoint(&mut self) {
        let path = self.checkpoint.display().to_string();
        self.tell(Event::Checkpoint(proto::CheckpointWritten { epoch: 1, path })).await;
    }

    /// How the attempt ends, and after what time.
    async fn ended(&mut self) -> (Ended, Duration) {
        let (_, connection) = stub::connected(&self.coordinator).await;
        let (name, begun) = (proto::LeaseName::default(), Instant::now());
        let limits = Limits::default();
        let attempt = Attempt::new(&name, Arc::clone(&connection), &self.drain, self.grace, &limits);
        (attempt.run(&mut self.trainer).await, begun.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn the_file_of_an_upload_goes_when_the_cohort_ends_first() {
    let ends = [Event::Done(proto::CohortDone::default()), Event::Failed(proto::CohortFailed::default())];
    for end in ends {
        let mut scene = Scene::new(Duration::from_secs(3600), Duration::ZERO);
        scene.tell_of_checkpoint().await;
        scene.tell(end).await;
        let (ended, _) = scene.ended().await;
        assert!(matches!(ended, Ended::Done(_) | Ended::Failed(..)), "{ended:?}");
        assert_eq!(scene.coordinator.kept(), 0, "{ended:?}");
        assert!(!scene.checkpoint.exists(), "{ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_file_of_an_upload_goes_with_the_trainer() {
    let mut scene = Scene::new(Duration::from_secs(7200), Duration::ZERO);
    scene.tell_of_checkpoint().await;
    // No epoch ends.
    let (ended, _) = scene.ended().await;
    assert!(matches!(ended, Ended::Failed(proto::FailureKind::Hang, _)), "{ended:?}");
    assert!(scene.trainer.is_none() && !scene.checkpoint.exists());
}

#[tokio::test(start_paused = true)]
async fn a_kept_checkpoint_has_its_own_time_to_be_uploaded() {
    let mut scene = Scene::new(Duration::from_secs(15), Duration::from_secs(1));
    scene.drain.cancel();
    scene.tell_of_checkpoint().await;
    scene.tell(Event::Stopped(proto::Stopped {})).await;
    let (ended, after) = scene.ended().await;
    assert!(matches!(ended, Ended::HandedBack(_)), "{ended:?}");
    assert_eq!((scene.coordinator.kept(), after.as_secs()), (1, 15));
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_takes_too_long_is_given_up() {
    let mut scene = Scene::new(Duration::from_secs(3600), Duration::from_secs(1));
    scene.drain.cancel();
    scene.tell_of_checkpoint().await;
    scene.tell(Event::Stopped(proto::Stopped {})).await;
    let (ended, after) = scene.ended().await;
    assert!(matches!(ended, Ended::HandedBack(_)), "{ended:?}");
    assert_eq!((scene.coordinator.kept(), after.as_secs()), (0, 20));
    assert!(!scene.checkpoint.exists());
    // A longer grace period is used to its end.
    let mut patient = Scene::new(Duration::from_secs(3600), Duration::from_secs(60));
    patient.drain.cancel();
    patient.tell_of_checkpoint().await;
    patient.tell(Event::Stopped(proto::Stopped {})).await;
    assert_eq!(patient.ended().await.1.as_secs(), 60);
}
