//! What happened since an open page was last told, taken together: ten thousand runs make one event of bounded size.

use std::collections::{BTreeMap, BTreeSet};

use foldwise_study::outcome::EpochRecord;
use foldwise_study::plan::RunId;

use crate::events::{Happening, Told};
use crate::ledger::StudyId;

/// Epochs that one event carries; the page asks for curves again where some were left out.
const EPOCHS_MAX: usize = 256;
/// Studies that one event names; of more the page asks for its list again.
pub(super) const STUDIES_MAX: usize = 50;

/// Happenings since the last event.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Studies that changed.
    pub(super) changed: BTreeSet<StudyId>,
    /// Epochs by run, of the one study that the page shows.
    pub(super) epochs: BTreeMap<RunId, Vec<EpochRecord>>,
    /// How many epochs there are in it.
    kept: usize,
    /// Epochs that were left out.
    pub(super) left_out: usize,
    /// The last that was taken in.
    pub(super) sequence: u64,
}

impl Gathered {
    pub(super) fn after(sequence: u64) -> Self {
        Self { sequence, ..Self::default() }
    }

    /// Takes in a happening. A page of one study is told of no other, and one of all studies of no epochs.
    pub(super) fn take(&mut self, told: Told, shown: Option<StudyId>) {
        self.sequence = told.sequence;
        let study = told.happening.study();
        match (told.happening, shown) {
            (_, Some(shown)) if shown != study => {}
            (Happening::Changed(_) | Happening::Runs(..) | Happening::Hands(..), _) => {
                self.changed.insert(study);
            }
            (Happening::Epoch(_, run, record), Some(_)) => self.note(run, record),
            // Progress moves with epochs, too.
            (Happening::Epoch(..), None) => drop(self.changed.insert(study)),
        }
    }

    fn note(&mut self, run: RunId, record: EpochRecord) {
        if self.kept < EPOCHS_MAX {
            self.epochs.entry(run).or_default().push(record);
            self.kept += 1;
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.epochs.is_empty()
    }

    /// Hands over what was gathered, and goes on from there.
    pub(super) fn hand_over(&mut self) -> Self {
        let next = Self::after(self.sequence);
        std::mem::replace(self, next)
    }
}

#[cfg(test)]
mod tests {
    use foldwise_study::outcome::EpochRecord;
    use foldwise_study::plan::RunId;

    use super::{EPOCHS_MAX, Gathered};
    use crate::events::{Happening, Told};

    fn epoch(sequence: u64, study: u64, trial: u32) -> Told {
        let record = EpochRecord {
            epoch: 1,
            train_loss: 1.0,
            train_accuracy: None,
            val_loss: None,
            val_accuracy: None,
            lr: 0.1,
        };
        Told { sequence, happening: Happening::Epoch(study, RunId { trial, fold: 0 }, record) }
    }

    #[test]
    fn ten_thousand_epochs_make_one_small_event() {
        let mut gathered = Gathered::after(0);
        (1..=10_000).for_each(|sequence| gathered.take(epoch(sequence, 1, 7), Some(1)));
        gathered.take(epoch(10_001, 2, 0), Some(1));
        let event = gathered.hand_over();
        let kept: usize = event.epochs.values().map(Vec::len).sum();
        assert_eq!((kept, event.left_out, event.sequence), (EPOCHS_MAX, 10_000 - EPOCHS_MAX, 10_001));
        assert!(gathered.is_empty() && gathered.sequence == 10_001);
    }

    #[test]
    fn a_page_of_all_studies_is_told_which_changed() {
        let mut gathered = Gathered::after(0);
        gathered.take(epoch(1, 4, 0), None);
        gathered.take(Told { sequence: 2, happening: Happening::Changed(9) }, None);
        assert_eq!(gathered.changed.iter().copied().collect::<Vec<_>>(), [4, 9]);
        assert!(gathered.epochs.is_empty());
    }
}
