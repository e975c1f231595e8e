//! Events of a study, one JSON object each.

use foldwise_proto::v1::study_event::Event;
use foldwise_proto::v1::{Epoch, EpochEvent, StudyEvent};
use serde::Serialize;

use super::{RunView, StudyView};

/// An event in JSON.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum EventView {
    /// The study as it is now.
    Study(StudyView),
    /// A run changed.
    Run(RunView),
    /// An epoch was trained.
    Epoch(EpochView),
}

/// An epoch of one run in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct EpochView {
    trial: u32,
    fold: u32,
    epoch: u32,
    train_loss: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    train_accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    val_loss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    val_accuracy: Option<f64>,
    lr: f64,
}

impl EventView {
    /// Of an event; `None` for a kind that this version does not know.
    pub(crate) fn new(event: &StudyEvent) -> Option<Self> {
        match event.event.as_ref()? {
            Event::Study(study) => Some(Self::Study(StudyView::new(study))),
            Event::Run(run) => Some(Self::Run(RunView::new(run))),
            Event::Epoch(epoch) => Some(Self::Epoch(EpochView::new(epoch))),
        }
    }
}

impl EpochView {
    fn new(event: &EpochEvent) -> Self {
        let Epoch { epoch, train_loss, train_accuracy, val_loss, val_accuracy, lr } =
            event.epoch.unwrap_or_default();
        Self {
            trial: event.trial,
            fold: event.fold,
            epoch,
            train_loss,
            train_accuracy,
            val_loss,
            val_accuracy,
            lr,
        }
    }
}

#[cfg(test)]
mod tests {
    use foldwise_proto::v1::study_event::Event;
    use foldwise_proto::v1::{Epoch, EpochEvent, StudyEvent};

    use super::EventView;

    #[test]
    fn an_event_is_one_flat_object() {
        let epoch = Epoch { epoch: 2, train_loss: 0.5, val_loss: Some(0.6), lr: 0.001, ..Epoch::default() };
        let event = Event::Epoch(EpochEvent { trial: 3, fold: 1, epoch: Some(epoch) });
        let view = EventView::new(&StudyEvent { event: Some(event), resume_token: String::new() }).unwrap();
        assert_eq!(
            serde_json::to_string(&view).unwrap(),
            r#"{"event":"epoch","trial":3,"fold":1,"epoch":2,"train_loss":0.5,"val_loss":0.6,"lr":0.001}"#
        );
    }
}
