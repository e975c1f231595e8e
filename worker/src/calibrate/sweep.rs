//! One network at one batch size, through all widths.

use std::time::Duration;

use foldwise_study::plan::{Fused, Point, members_with_room};
use foldwise_study::trials::TrialFacts;

use super::ladder::{Rows, Rung};
use super::stopwatch::Stopwatch;
use super::throughput::Timing;
use crate::trainer::TrainError;

/// Rounds that the widths take in turn; medians count.
pub(super) const ROUNDS: usize = 3;
/// Widths that are tried, as long as they gain.
const WIDTHS: [usize; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
/// A width that is so much slower than the best narrower one ends the first round: wider ones are slower still.
const PAST_THE_BEST: f64 = 0.85;
/// Epochs that one measurement takes.
const EPOCHS: f64 = 2.0;
/// What is known of a pace before anything was measured, rows per second.
const PACE_AT_FIRST: f64 = 1.0;

/// How points are measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sweep {
    pub(super) stopwatch: Stopwatch,
    /// Memory that one cohort may take, bytes.
    pub(super) memory_bytes: u64,
    /// What one point may take, about.
    pub(super) time: Duration,
}

impl Sweep {
    /// Measures a point.
    pub(super) fn point(
        &self,
        rung: &Rung,
        batch: usize,
        data: &Rows,
        should_stop: &dyn Fn() -> bool,
    ) -> Result<Point, TrainError> {
        let room = members_with_room(&facts(rung, batch), self.memory_bytes);
        let seconds = self.time.as_secs_f64() / (ROUNDS * WIDTHS.len()) as f64 / EPOCHS;
        let time = |width: usize, pace: f64| {
            let rows = Timing::rows_for(batch, width, pace, seconds);
            Timing { rung, batch, width, rows }.rows_per_s(data, self.stopwatch, should_stop)
        };
        // The first measurement of all tells how many rows the others need.
        let mut pace = time(1, PACE_AT_FIRST)?;
        let mut widths: Vec<(usize, Vec<f64>)> = Vec::new();
        let mut best = 0.0_f64;
        for width in WIDTHS {
            if width > room {
                break;
            }
            pace = time(width, pace)?;
            widths.push((width, vec![pace]));
            if pace < best * PAST_THE_BEST {
                break;
            }
            best = best.max(pace);
        }
        for _ in 1..ROUNDS {
            for (width, paces) in &mut widths {
                let known = paces[0];
                paces.push(time(*width, known)?);
            }
        }
        Ok(point_of(rung, batch, &widths))
    }
}

/// The medians of what was measured; `widths` begins with 1.
fn point_of(rung: &Rung, batch_size: usize, widths: &[(usize, Vec<f64>)]) -> Point {
    let alone = &widths[0].1;
    let fused = widths[1..].iter().map(|(width, paces)| {
        // Within a round, so that what slows the machine for a while slows both.
        let ratios = paces.iter().zip(alone).map(|(pace, alone)| pace / alone);
        Fused { width: *width, speed_up: (median(ratios) * 100.0).round() / 100.0 }
    });
    Point {
        shape: rung.shape,
        multiply_accumulates: rung.network.multiply_accumulates(),
        batch_size,
        rows_per_second: median(alone.iter().copied()).round().max(1.0),
        fused: fused.filter(|fused| fused.speed_up > 0.0).collect(),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What a plan would know of it.
fn facts(rung: &Rung, batch_size: usize) -> TrialFacts {
    let network = &rung.network;
    TrialFacts {
        parameters: network.parameter_count(),
        multiply_accumulates: network.multiply_accumulates(),
        activations: network.activations(),
        // Of AdamW, which the cohorts train with.
        optimizer_numbers: 2,
        convolutional: network.has_convolution(),
        batch_size,
        drop_last: false,
        normalizes_vectors: network.normalizes_vectors(),
        epochs: 1,
        alone: false,
        fuse_key: [0; 32],
    }
}

#[cfg(test)]
mod tests {
    use super::super::ladder::ladder;
    use super::point_of;

    #[test]
    fn speed_ups_are_medians_of_what_rounds_say() {
        // The machine is three times as slow in the second round, and stumbles once in the third.
        let widths =
            [(1, vec![100.0, 33.0, 100.0]), (2, vec![150.0, 50.0, 100.0]), (4, vec![90.0, 30.0, 95.0])];
        let point = point_of(&ladder()[0], 10, &widths);
        assert_eq!(point.rows_per_second, 100.0);
        let found: Vec<(usize, f64)> =
            point.fused.iter().map(|fused| (fused.width, fused.speed_up)).collect();
        assert_eq!(found, [(2, 1.5), (4, 0.91)]);
        assert_eq!(point.width(1), 2);
    }
}
