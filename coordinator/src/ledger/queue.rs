//! The queue: which study a free slot gets work of.
//!
//! Of the studies that have work for the slot's kind of device comes first the one with the highest priority; of equals
//! the one that holds the fewest slots, so that each of n studies comes to hold about one in n; of those the one whose
//! last lease is longest ago, so that studies take turns where there are fewer slots than studies; then the oldest.
//! Studies that bring code of their own are passed over where a slot's worker does not run it.
//! Nothing is taken from a study for another: a slot changes hands when its cohort ends.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use foldwise_study::spec::{DeviceKind, OwnCode};

use super::{SlotKind, Study, StudyId};

/// The studies that have work, in the order in which they are served. Every operation takes time in proportion to the
/// logarithm of their number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Queue {
    /// Those that any worker may have.
    plain: Lines,
    /// Those with code of their own.
    command: Lines,
    /// Where each study stands.
    places: HashMap<StudyId, (Line, Place)>,
}

/// The studies for workers of one sort, by the kind of device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Lines {
    /// Those that any kind of device may have.
    any: BTreeSet<Place>,
    cpu: BTreeSet<Place>,
    cuda: BTreeSet<Place>,
}

/// Which line a study stands in: by the code that it brings and the kind of device that it wants.
type Line = (Option<OwnCode>, Option<DeviceKind>);

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
        if let Some((line, before)) = before {
            self.line(line).remove(&before);
        }
        if let Some((line, place)) = place {
            self.line(line).insert(place);
        }
    }

    /// The study whose turn it is at a slot of this kind.
    pub(super) fn first(&self, slot: SlotKind) -> Option<StudyId> {
        let plain = self.plain.first(slot.device);
        let command = slot.allowed.commands.then(|| self.command.first(slot.device)).flatten();
        plain.into_iter().chain(command).min().map(|place| place.study)
    }

    fn line(&mut self, (code, device): Line) -> &mut BTreeSet<Place> {
        let lines = match code {
            None => &mut self.plain,
            Some(OwnCode::Command | OwnCode::Module) => &mut self.command,
        };
        match device {
            None => &mut lines.any,
            Some(DeviceKind::Cpu) => &mut lines.cpu,
            Some(DeviceKind::Cuda) => &mut lines.cuda,
        }
    }
}

impl Lines {
    fn first(&self, device: DeviceKind) -> Option<&Place> {
        let own = match device {
            DeviceKind::Cpu => &self.cpu,
            DeviceKind::Cuda => &self.cuda,
        };
        own.first().into_iter().chain(self.any.first()).min()
    }
}

impl Place {
    fn of(study: &Study) -> (Line, Self) {
        let place = Self {
            priority: Reverse(study.priority),
            held: study.leased.len(),
            last_lease: study.last_lease,
            study: study.number,
        };
        ((study.record.spec.own_code(), study.device_wanted()), place)
    }
}
