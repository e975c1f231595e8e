//! What is known of a study while it is watched.

use std::collections::VecDeque;

use foldwise_proto::v1::study_event::Event;
use foldwise_proto::v1::{Study, StudyEvent, StudyState};

use crate::quantity;
use crate::view::state_word;

/// The speed is that of the last so many ticks: enough to calm it, few enough to follow it.
const TICKS_KEPT: usize = 20;

/// The newest state of a study, and how fast it moves.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    study: Option<Study>,
    resume_token: String,
    epochs: u64,
    /// Epochs known at each of the last ticks, the newest last.
    ticks: VecDeque<u64>,
}

impl Progress {
    /// Takes an event in.
    pub(crate) fn take(&mut self, event: &StudyEvent) {
        self.resume_token.clone_from(&event.resume_token);
        match &event.event {
            Some(Event::Study(study)) => self.study = Some(study.clone()),
            Some(Event::Epoch(_)) => self.epochs += 1,
            Some(Event::Run(_)) | None => {}
        }
    }

    /// A second has passed.
    pub(crate) fn tick(&mut self) {
        self.ticks.push_back(self.epochs);
        if self.ticks.len() > TICKS_KEPT {
            self.ticks.pop_front();
        }
    }

    /// From where another stream can go on; empty before the first event.
    pub(crate) fn resume_token(&self) -> &str {
        &self.resume_token
    }

    /// The study as it was told last.
    pub(crate) fn study(&self) -> Option<&Study> {
        self.study.as_ref()
    }

    /// Runs that are over, and all of them.
    pub(crate) fn runs(&self) -> (u64, u64) {
        let Some(study) = &self.study else { return (0, 0) };
        let runs = study.runs.unwrap_or_default();
        let over = u64::from(runs.finished) + u64::from(runs.failed) + u64::from(runs.cancelled);
        (over, u64::from(study.trials) * u64::from(study.folds))
    }

    /// Epochs of all runs together in a second; `None` while nothing is known or nothing trains.
    pub(crate) fn epochs_per_second(&self) -> Option<f64> {
        let (first, last) = (self.ticks.front()?, self.ticks.back()?);
        let (epochs, seconds) = (last - first, self.ticks.len() - 1);
        #[expect(clippy::cast_precision_loss, reason = "a display of two digits")]
        (epochs > 0 && seconds > 0).then(|| epochs as f64 / seconds as f64)
    }

    /// What a person wants to know beside the count of runs.
    pub(crate) fn sentence(&self) -> String {
        let Some(study) = &self.study else { return "waiting for the coordinator".to_owned() };
        let mut parts = Vec::new();
        let runs = study.runs.unwrap_or_default();
        match study.state() {
            StudyState::Finishing => parts.push("training the chosen trial".to_owned()),
            StudyState::Searching if !study.message.is_empty() => parts.push(study.message.clone()),
            StudyState::Searching if study.device.is_empty() => parts.push("waiting for a worker".to_owned()),
            StudyState::Searching => {}
            state => parts.push(state_word(state).to_owned()),
        }
        if study.priority != 0 && !crate::view::is_over(study) {
            parts.push(format!("priority {}", study.priority));
        }
        if runs.failed > 0 {
            parts.push(format!("{} failed", quantity::count(runs.failed.into())));
        }
        if let (Some(trial), Some(mean)) = (study.best_trial, study.best_mean) {
            parts.push(format!("best trial {trial}: {}", quantity::score(mean)));
        }
        if !crate::view::is_over(study) {
            parts.extend(self.epochs_per_second().map(|speed| format!("{speed:.1} epochs/s")));
            parts.extend(study.seconds_left.map(|left| format!("{} left", quantity::duration(left))));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use foldwise_proto::v1::study_event::Event;
    use foldwise_proto::v1::{EpochEvent, RunCounts, Study, StudyEvent, StudyState};

    use super::Progress;

    fn told(progress: &mut Progress, event: Event) {
        progress.take(&StudyEvent { event: Some(event), resume_token: "7-1".to_owned() });
    }

    fn study(state: StudyState, device: &str) -> Study {
        Study {
            state: state.into(),
            device: device.to_owned(),
            runs: Some(RunCounts { finished: 3, failed: 1, ..RunCounts::default() }),
            trials: 4,
            folds: 5,
            best_trial: Some(2),
            best_mean: Some(0.91),
            seconds_left: Some(61.0),
            ..Study::default()
        }
    }

    #[test]
    fn the_sentence_follows_the_study() {
        let mut progress = Progress::default();
        assert_eq!(progress.sentence(), "waiting for the coordinator");
        told(&mut progress, Event::Study(study(StudyState::Searching, "")));
        assert_eq!(progress.runs(), (4, 20));
        assert_eq!(
            progress.sentence(),
            "waiting for a worker, 1 failed, best trial 2: 0.9100, 1 min 1 s left"
        );
        let urgent = Study { priority: 5, ..study(StudyState::Paused, "cpu") };
        told(&mut progress, Event::Study(urgent));
        assert!(progress.sentence().starts_with("paused, priority 5, 1 failed"), "{}", progress.sentence());
        told(&mut progress, Event::Study(study(StudyState::Succeeded, "cpu")));
        assert_eq!(progress.sentence(), "succeeded, 1 failed, best trial 2: 0.9100");
    }

    #[test]
    fn the_speed_is_that_of_the_last_ticks() {
        let mut progress = Progress::default();
        progress.tick();
        assert_eq!(progress.epochs_per_second(), None);
        for _ in 0..30 {
            told(&mut progress, Event::Epoch(EpochEvent::default()));
            told(&mut progress, Event::Epoch(EpochEvent::default()));
            progress.tick();
        }
        assert_eq!(progress.epochs_per_second(), Some(2.0));
        assert_eq!(progress.ticks.len(), super::TICKS_KEPT);
    }
}
