//! Memory and speed of a cohort.

use std::time::Duration;

use foldwise_study::outcome::Resources;
use tch::{Device, no_grad};

use super::TrainError;
use super::intake::Intake;
use super::model::{Mode, Model};
use crate::memory;

/// Memory and speed of a cohort. Memory is measured on a CPU alone: what the process's resident memory grows by.
#[derive(Debug)]
pub(super) struct Meter {
    /// Resident before anything of the cohort was made, bytes.
    before: Option<u64>,
    train_bytes: Option<u64>,
    predict_bytes: Option<u64>,
    steps: u64,
    rows: u64,
    seconds: f64,
}

impl Meter {
    /// Starts before anything of the cohort is made.
    pub(super) fn start(device: Device) -> Self {
        let before = (device == Device::Cpu).then(memory::settled).flatten();
        Self { before, train_bytes: None, predict_bytes: None, steps: 0, rows: 0, seconds: 0.0 }
    }

    /// Measures what one prediction of a batch takes, the model's weights included.
    pub(super) fn predict(
        &mut self,
        model: &mut Model,
        intake: &Intake<'_>,
        batch: &tch::Tensor,
    ) -> Result<(), TrainError> {
        // What making the model took for a while and freed does not count.
        if self.before.is_none() || memory::settled().is_none() || !memory::reset_peak() {
            return Ok(());
        }
        let (inputs, _, streams) = intake.evaluation(batch)?;
        let outputs = no_grad(|| model.forward(&inputs, streams, Mode::Evaluate))?;
        self.predict_bytes = self.grown();
        drop(outputs);
        Ok(())
    }

    /// Before an epoch's steps.
    pub(super) fn begin(&self) {
        if self.before.is_some() && self.train_bytes.is_none() && memory::settled().is_some() {
            memory::reset_peak();
        }
    }

    /// After an epoch's steps, of which each member took so many over so many rows.
    pub(super) fn end(&mut self, steps: u64, rows: u64, took: Duration) {
        if self.train_bytes.is_none() {
            self.train_bytes = self.grown();
        }
        self.steps += steps;
        self.rows += rows;
        self.seconds += took.as_secs_f64();
    }

    /// What was measured of a cohort of `members`.
    pub(super) fn read(&self, members: usize) -> Resources {
        Resources {
            train_bytes: self.train_bytes,
            predict_bytes: self.predict_bytes,
            members: u32::try_from(members).unwrap_or(u32::MAX),
            steps: self.steps,
            rows: self.rows,
            seconds: self.seconds,
        }
    }

    fn grown(&self) -> Option<u64> {
        Some(memory::peak()?.saturating_sub(self.before?))
    }
}
