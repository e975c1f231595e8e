//! The queue: which study a free slot gets work of.
//!
//! Of the studies that have work for the slot's kind of device comes first the one with the highest priority; of equals
//! the one that holds the fewest slots, so that each of n studies comes to hold about one in n; of those the one whose
//! last lease is longest ago, so that studies take turns where there are fewer slots than studies; then the oldest.
//! Nothing is taken from a study for another: a slot changes hands when its cohort ends.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use foldwise_study::spec::DeviceKind;

use super::{Study, StudyId};

/// The studies that have work, in the order in which they are served. Every operation takes time in proportion to the
/// logarithm of their number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Queue {
    /// Those that any kind of device may have.
    any: BTreeSet<Place>,
    cpu: BTreeSet<Place>,
    cuda: BTreeSet<Place>,
    /// Where each study stands.
    places: HashMap<StudyId, (Option<DeviceKind>, Place)>,
}

/// A study's place among those with work for the same kind of device; the least comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    priority: Reverse<i32>,
    /// Slots that it holds.
    held: usize,
    /// The number of its last lease among all of this ledger's; 0 before the first.
    last_lease: u64,
    study: StudyId,
}

impl Queue {
    /// Puts a study where it belongs now, or takes it off if it has no work.
    pub(super) fn put(&mut self, id: StudyId, study: Option<&Study>) {
        let place = study.filter(|study| study.is_hungry()).map(Place::of);
        let before = match place {
            Some(place) => self.places.insert(id, place),
            None => self.places.remove(&id),
        };
        if before == place {
            return;
        }
        if let Some((device, before)) = before {
            self.line(device).remove(&before);
        }
        if let Some((device, place)) = place {
            self.line(device).insert(place);
        }
    }

    /// The study whose turn it is at a slot of this kind.
    pub(super) fn first(&self, device: DeviceKind) -> Option<StudyId> {
        let own = match device {
            DeviceKind::Cpu => &self.cpu,
            DeviceKind::Cuda => &self.cuda,
        };
        own.first().into_iter().chain(self.any.first()).min().map(|place| place.study)
    }

    fn line(&mut self, device: Option<DeviceKind>) -> &mut BTreeSet<Place> {
        match device {
            None => &mut self.any,
            Some(DeviceKind::Cpu) => &mut self.cpu,
            Some(DeviceKind::Cuda) => &mut self.cuda,
        }
    }
}

impl Place {
    fn of(study: &Study) -> (Option<DeviceKind>, Self) {
        let place = Self {
            priority: Reverse(study.priority),
            held: study.leased.len(),
            last_lease: study.last_lease,
            study: study.number,
        };
        (study.device_wanted(), place)
    }
}
