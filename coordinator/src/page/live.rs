//! Epochs of runs under way: the store has those of runs that ended, and nothing else remembers these.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldwise_study::outcome::EpochRecord;
use foldwise_study::plan::RunId;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::events::{Events, Happening};
use crate::ledger::StudyId;

/// Epochs remembered of all runs together, 12 MB; the runs that began first are forgotten first.
const EPOCHS_MAX: usize = 200_000;

/// What is remembered.
#[derive(Debug, Clone, Default)]
pub(super) struct Live(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    studies: BTreeMap<StudyId, BTreeMap<RunId, Vec<EpochRecord>>>,
    /// Runs as they began.
    order: VecDeque<(StudyId, RunId)>,
    epochs: usize,
}

impl Live {
    /// Remembers from now on, until told to stop.
    pub(super) fn follow(events: &Events, stop: CancellationToken) -> Self {
        let live = Self::default();
        let (book, mut happenings) = (live.clone(), events.watch("").happenings);
        tokio::spawn(async move {
            loop {
                let told = tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    told = happenings.recv() => told,
                };
                match told {
                    Ok(told) => book.book().take(told.happening),
                    // What was missed is missing from curves until their runs end.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
        live
    }

    /// The runs of a study that are under way, those that began last first.
    pub(super) fn runs(&self, study: StudyId) -> Vec<RunId> {
        let book = self.book();
        book.order.iter().rev().filter(|(of, _)| *of == study).map(|(_, run)| *run).collect()
    }

    /// The epochs of a run that is under way.
    pub(super) fn epochs(&self, study: StudyId, run: RunId) -> Option<Vec<EpochRecord>> {
        self.book().studies.get(&study)?.get(&run).cloned()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing under the lock panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Epoch(study, run, record) => self.note(study, run, record),
            Happening::Runs(study, runs) => runs.into_iter().for_each(|run| self.forget(study, run)),
            // Who has runs again goes on with their epochs, or goes over them again.
            Happening::Changed(_) | Happening::Hands(..) => {}
        }
    }

    fn note(&mut self, study: StudyId, run: RunId, record: EpochRecord) {
        let epochs = self.studies.entry(study).or_default().entry(run).or_default();
        if epochs.is_empty() {
            self.order.push_back((study, run));
        }
        // Another attempt goes over the same epochs again.
        let before = epochs.len();
        epochs.truncate(epochs.partition_point(|known| known.epoch < record.epoch));
        epochs.push(record);
        self.epochs = self.epochs + epochs.len() - before;
        while self.epochs > EPOCHS_MAX && self.order.len() > 1 {
            let Some(&(study, run)) = self.order.front() else { return };
            self.forget(study, run);
        }
    }

    fn forget(&mut self, study: StudyId, run: RunId) {
        let Some(runs) = self.studies.get_mut(&study) else { return };
        if let Some(epochs) = runs.remove(&run) {
            self.epochs -= epochs.len();
            self.order.retain(|known| *known != (study, run));
        }
        if runs.is_empty() {
            self.studies.remove(&study);
        }
    }
}

#[cfg(test)]
mod tests {
    use foldwise_study::outcome::EpochRecord;
    use foldwise_study::plan::RunId;

    use super::{Book, EPOCHS_MAX};
    use crate::events::Happening;

    fn record(epoch: u32) -> EpochRecord {
        EpochRecord {
            epoch,
            train_loss: 1.0,
            train_accuracy: None,
            val_loss: None,
            val_accuracy: None,
            lr: 0.1,
        }
    }

    fn run(trial: u32) -> RunId {
        RunId { trial, fold: 0 }
    }

    #[test]
    fn another_attempt_begins_where_it_goes_on() {
        let mut book = Book::default();
        for epoch in [1, 2, 3, 2, 3] {
            book.take(Happening::Epoch(1, run(0), record(epoch)));
        }
        let epochs: Vec<u32> = book.studies[&1][&run(0)].iter().map(|record| record.epoch).collect();
        assert_eq!((epochs, book.epochs), (vec![1, 2, 3], 3));
        book.take(Happening::Runs(1, vec![run(0)]));
        assert!(book.studies.is_empty() && book.order.is_empty() && book.epochs == 0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut book = Book::default();
        for trial in 0..5 {
            for epoch in 1..=50_000 {
                book.take(Happening::Epoch(1, run(trial), record(epoch)));
            }
        }
        assert!(book.epochs <= EPOCHS_MAX);
        assert_eq!(book.studies[&1].keys().map(|run| run.trial).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }
}
