//! Measures on this device what fusing gains, through the real trainer, and makes the device profile that plans use.
//!
//! Every network of a ladder trains in cohorts of rising widths, in rounds that take the widths in turn, so that a
//! noisy machine slows all of them alike. What counts is the median over rounds of how much faster than alone.

use std::fmt;
use std::time::Duration;

use foldwise_study::plan::{DeviceProfile, PROFILE_VERSION, Point};
use foldwise_study::spec::DeviceKind;
use tch::Device;

use crate::trainer::TrainError;

mod ladder;
mod page;
mod stopwatch;
mod sweep;
mod throughput;

pub use page::table;

use ladder::{BATCHES, Rows, Rung, ladder};
use stopwatch::Stopwatch;
use sweep::Sweep;

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// What the profile is to be called.
    pub name: String,
    /// The kind of device.
    pub kind: DeviceKind,
    /// The CUDA device's number.
    pub ordinal: usize,
    /// Threads of a CPU slot.
    pub threads: u32,
    /// Slots that plans are to be balanced for.
    pub slots: u32,
    /// Memory that one cohort may take, MiB.
    pub memory_mib: u64,
    /// What it may take, about.
    pub time: Duration,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// It was stopped.
    #[error("interrupted: nothing was written")]
    Interrupted,
    /// A network could not be trained.
    #[error("cannot measure {what}: {source}")]
    Training {
        /// Which.
        what: String,
        /// Why.
        source: TrainError,
    },
}

/// Who is told how far it is, and who may end it.
pub trait Watcher {
    /// A point is about to be measured: its number from 0, of how many, and what it is.
    fn point(&self, number: usize, count: usize, what: &str);

    /// Whether to stop; asked every few steps.
    fn should_stop(&self) -> bool;
}

impl Calibration {
    /// Measures every point.
    ///
    /// # Errors
    /// When the watcher stops it, or a network cannot be trained.
    pub fn measure(&self, watcher: &dyn Watcher) -> Result<DeviceProfile, CalibrationError> {
        let device = match self.kind {
            DeviceKind::Cpu => Device::Cpu,
            DeviceKind::Cuda => Device::Cuda(self.ordinal),
        };
        tch::set_num_threads(i32::try_from(self.threads).unwrap_or(1));
        let stopwatch = Stopwatch::of(self.kind, self.threads);
        let rungs = ladder();
        let count = rungs.len() * BATCHES.len();
        let memory_bytes = self.memory_mib << 20;
        let sweep = Sweep { stopwatch, memory_bytes, time: self.time / u32::try_from(count).unwrap_or(1) };
        let mut points = Vec::with_capacity(count);
        let mut rows: Option<Rows> = None;
        for rung in &rungs {
            // Rungs of one shape of rows follow each other and share them.
            let held = match rows.take().filter(|rows| rows.are_for(rung)) {
                Some(held) => held,
                None => Rows::new(rung, device).map_err(|source| failed(rung, 0, source))?,
            };
            for batch in BATCHES {
                watcher.point(points.len(), count, &describe(rung, batch));
                points.push(self.point(&sweep, rung, batch, &held, watcher)?);
            }
            rows = Some(held);
        }
        Ok(self.profile(points))
    }

    fn point(
        &self,
        sweep: &Sweep,
        rung: &Rung,
        batch: usize,
        rows: &Rows,
        watcher: &dyn Watcher,
    ) -> Result<Point, CalibrationError> {
        let measured = sweep.point(rung, batch, rows, &|| watcher.should_stop());
        measured.map_err(|source| failed(rung, batch, source))
    }

    fn profile(&self, points: Vec<Point>) -> DeviceProfile {
        DeviceProfile {
            version: PROFILE_VERSION,
            name: self.name.clone(),
            kind: self.kind,
            memory_mib: self.memory_mib,
            slots: self.slots,
            threads: self.threads,
            points,
        }
    }

    /// What a profile's file says at its head: how it came to be.
    #[must_use]
    pub fn notes(&self) -> String {
        let clock = Stopwatch::of(self.kind, self.threads);
        format!(
            "Measured by `foldwise worker calibrate` with {}: {} with {} per slot.\n\
             Rows per second are those of one network alone, by {clock}; speed-ups are medians of {} rounds.\n\
             Give the file to a coordinator (`foldwise coordinator --profile FILE`, `foldwise run --profile FILE`).",
            crate::software(),
            self.kind.word(),
            counted(self.threads, "thread"),
            sweep::ROUNDS,
        )
    }
}

fn failed(rung: &Rung, batch: usize, source: TrainError) -> CalibrationError {
    match source {
        TrainError::Stopped => CalibrationError::Interrupted,
        source => CalibrationError::Training { what: describe(rung, batch), source },
    }
}

fn describe(rung: &Rung, batch: usize) -> String {
    let cost = rung.network.multiply_accumulates();
    format!("{} network of {cost} multiply-accumulates, batch {batch}", rung.shape.word())
}

fn counted(number: impl Into<u64> + fmt::Display + Copy, what: &str) -> String {
    let plural = if number.into() == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
