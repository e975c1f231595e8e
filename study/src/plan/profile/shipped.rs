//! The profiles that need no file.

use super::{DeviceProfile, Fused, PROFILE_VERSION, Point, ShapeClass};
use crate::spec::DeviceKind;

/// One line of a table: multiply-accumulates per row, rows per step, rows per second alone, and speed-ups by width.
type Row = (ShapeClass, u64, usize, f64, &'static [(usize, f64)]);

impl DeviceProfile {
    /// The shipped profile of a kind of device, for where no better is known.
    #[must_use]
    pub fn shipped(kind: DeviceKind) -> Self {
        let (name, memory_mib, slots, rows) = match kind {
            DeviceKind::Cpu => ("shipped-cpu", 2048, 4, CPU),
            DeviceKind::Cuda => ("shipped-cuda", 8192, 1, CUDA),
        };
        Self {
            version: PROFILE_VERSION,
            name: name.to_owned(),
            kind,
            memory_mib,
            slots,
            threads: 1,
            points: rows.iter().map(point).collect(),
        }
    }
}

fn point(&(shape, multiply_accumulates, batch_size, rows_per_second, fused): &Row) -> Point {
    let fused = fused.iter().map(|&(width, speed_up)| Fused { width, speed_up }).collect();
    Point { shape, multiply_accumulates, batch_size, rows_per_second, fused }
}

/// From `cargo xtask bench fused` (docs/benchmarks.md), two cores of an AMD EPYC, one thread, batch 64. Measured were the
/// costs of 53,000 and 202,000 (linear), 69,000 and 7,450,000 (convolutional), alone and fifteen fused: 1.61, 0.97, 1.48
/// and 0.55 times as fast. The two dearest points are those; the cheaper ones stand for all that costs less than a bound
/// between the two measurements of their kind, with what the cheaper of these gained. What narrower cohorts gain is
/// interpolated. `foldwise worker calibrate` measures instead.
const CPU: &[Row] = &[
    (ShapeClass::Linear, 120_000, 64, 45_000.0, &[(2, 1.15), (4, 1.3), (8, 1.45), (15, 1.61)]),
    (ShapeClass::Linear, 202_000, 64, 30_000.0, &[(15, 0.97)]),
    (ShapeClass::Convolutional, 200_000, 64, 10_000.0, &[(2, 1.12), (4, 1.24), (8, 1.36), (15, 1.48)]),
    (ShapeClass::Convolutional, 7_450_000, 64, 1_300.0, &[(15, 0.55)]),
];

/// A guess, not measured: a GPU is idle under networks this small until hundreds of them train at once. What a row takes
/// is guessed from the operations alone, which is enough to compare cohorts of one study.
const CUDA: &[Row] = &[
    (ShapeClass::Linear, 1_000_000_000, 64, 10_000.0, &[(8, 8.0), (32, 30.0), (128, 100.0)]),
    (ShapeClass::Convolutional, 1_000_000_000, 64, 10_000.0, &[(8, 7.0), (32, 20.0), (64, 30.0)]),
];
