//! How fast one cohort trains.

use foldwise_study::measure::MeasureSpec;
use foldwise_study::seed;
use foldwise_study::selection::{EpochRule, Metric, Rule};
use foldwise_study::train::{Optimizer, OptimizerKind, TrainSpec};

use super::ladder::{ROWS_MAX, Rows, Rung};
use super::stopwatch::{Reading, Stopwatch};
use crate::trainer::{
    AfterEpoch, Checkpoint, Cohort, EpochOfMember, Member, Observer, TestRows, TrainError, train,
};

/// Row orders of a cohort's members, as the folds of a study have them.
const FOLDS: usize = 4;
/// Steps of an epoch, at least.
const STEPS_MIN: usize = 4;

/// A cohort to be timed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing<'a> {
    pub(super) rung: &'a Rung,
    pub(super) batch: usize,
    pub(super) width: usize,
    /// Rows of an epoch.
    pub(super) rows: usize,
}

impl Timing<'_> {
    /// Whole steps that take `seconds` at a pace of so many rows per second over all members, within limits.
    pub(super) fn rows_for(batch: usize, width: usize, rows_per_s: f64, seconds: f64) -> usize {
        let rows = rows_per_s * seconds / width as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of rows is cut to its limits just below"
        )]
        let steps = (rows / batch as f64) as usize;
        steps.clamp(STEPS_MIN, ROWS_MAX / batch) * batch
    }

    /// Rows per second over all members, in the second of two epochs: the first warms up.
    pub(super) fn rows_per_s(
        &self,
        data: &Rows,
        stopwatch: Stopwatch,
        should_stop: &dyn Fn() -> bool,
    ) -> Result<f64, TrainError> {
        let mut ends = Ends { stopwatch, should_stop, read: Vec::new() };
        train(&data.data, &self.cohort(), None, &mut ends)?;
        let &[first, last] = ends.read.as_slice() else {
            return Err(TrainError::Data("the random rows made a network diverge".to_owned()));
        };
        // A clock that did not move says that it is too coarse; the shortest time there is keeps numbers finite.
        Ok((self.rows * self.width) as f64 / last.seconds_since(first).max(1e-9))
    }

    fn cohort(&self) -> Cohort {
        let member = |index: usize| {
            // Rates differ within a cohort, as those of neighbouring trials do.
            let optimizer = Optimizer::new(OptimizerKind::Adamw, [1e-3, 5e-4, 1e-4][index / FOLDS % 3]);
            let fold = u32::try_from(index % FOLDS).unwrap_or(0);
            Member {
                network: self.rung.network.clone(),
                train: TrainSpec::new(2, self.batch, optimizer),
                source: seed::Source { study: 1, train: None, trial: None, fold },
                train_rows: (0..u32::try_from(self.rows).unwrap_or(u32::MAX)).collect(),
                validation_rows: Vec::new(),
            }
        };
        let selection = Rule { epoch: EpochRule::Last, metric: Metric::ValLoss, allow_failed_folds: false };
        Cohort {
            members: (0..self.width).map(member).collect(),
            selection,
            test: TestRows::None,
            keep_weights: false,
            measure: MeasureSpec::default(),
        }
    }
}

/// When the epochs of a cohort ended.
struct Ends<'a> {
    stopwatch: Stopwatch,
    should_stop: &'a dyn Fn() -> bool,
    read: Vec<Reading>,
}

impl Observer for Ends<'_> {
    fn epoch(&mut self, epoch: EpochOfMember) {
        if epoch.member == 0 {
            self.read.push(self.stopwatch.read());
        }
    }

    fn should_stop(&self) -> bool {
        (self.should_stop)()
    }

    fn after_epoch(&mut self, _: u32) -> AfterEpoch {
        AfterEpoch::Continue
    }

    fn keep(&mut self, _: Checkpoint) -> Result<(), TrainError> {
        Ok(())
    }
}
