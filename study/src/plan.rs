//! The plan: which runs train together in which cohort, and in which order cohorts are leased.
//!
//! Fused and lone training agree to rounding, and rounding grows. So that a report does not depend on who asked
//! for work when, the partition into cohorts is a function of the spec and of a device profile alone.

use serde::{Deserialize, Serialize};

use crate::spec::DeviceKind;
use crate::trials::Trials;

mod balance;
mod block;
mod memory;
mod profile;

pub use memory::{cohort_bytes, members as members_with_room};
pub use profile::{DeviceProfile, Fused, PROFILE_VERSION, Point, ProfileChoiceError, ShapeClass};

/// Epochs of all runs of a cohort together: its results are one message. As many as one run may have.
pub const COHORT_EPOCHS_MAX: usize = 1_000_000;

/// One trial on one fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId {
    /// The trial.
    pub trial: u32,
    /// The fold.
    pub fold: u32,
}

/// The cohorts of a study, in the order in which they are leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The kind of device it was made for.
    pub device: DeviceKind,
    /// Runs that train together; every run is in exactly one.
    pub cohorts: Vec<Vec<RunId>>,
}

impl Plan {
    /// Plans `trials` on folds of these (train, validation) sizes. `width` overrides the profile's widths.
    ///
    /// The folds of a trial stay together where their sizes agree; trials that can fuse join them, in order, up to
    /// the width that pays, spread evenly over as few cohorts as that takes. Where that would leave slots idle at the
    /// end, the longest cohorts are divided further, unless a width is given. The longest cohorts come first.
    #[must_use]
    pub fn new(
        trials: &Trials,
        sizes: &[(usize, usize)],
        profile: &DeviceProfile,
        width: Option<usize>,
    ) -> Self {
        Self::added(trials, sizes, (0, 0), profile, width)
    }

    /// Plans what an extension added to a study that had `known.0` trials and `known.1` folds: the new folds of the
    /// trials it had, and the new trials. The runs it had stay where they are.
    #[must_use]
    pub fn added(
        trials: &Trials,
        sizes: &[(usize, usize)],
        known: (usize, usize),
        profile: &DeviceProfile,
        width: Option<usize>,
    ) -> Self {
        let of = |ranges| block::blocks(trials, sizes, ranges, profile, width);
        let mut blocks = of((0..known.0, known.1..sizes.len()));
        blocks.extend(of((known.0..trials.len(), 0..sizes.len())));
        if width.is_none() {
            balance::balance(&mut blocks, profile);
        }
        Self { device: profile.kind, cohorts: balance::cohorts(&blocks, profile) }
    }

    /// How many runs the plan has.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.cohorts.iter().map(Vec::len).sum()
    }
}
