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

/// Measured by `foldwise worker calibrate` on one of two cores of an AMD EPYC with AVX2, one thread, by the thread's own
/// time while others used the machine; libtorch 2.11.0. `cargo xtask bench fused` (docs/benchmarks.md) found the same
/// signs at batch 64: fusing pays at 53,000 (linear) and 69,000 multiply-accumulates (convolutional), not at 202,000 and
/// 7,450,000. Four slots are a guess at what people have.
const CPU: &[Row] = &[
    (
        ShapeClass::Linear,
        528,
        1,
        4_944.0,
        &[(2, 2.19), (4, 4.32), (8, 6.49), (16, 11.08), (32, 16.75), (64, 24.27), (128, 29.10)],
    ),
    (
        ShapeClass::Linear,
        528,
        10,
        46_591.0,
        &[(2, 1.87), (4, 4.03), (8, 5.19), (16, 8.80), (32, 12.66), (64, 18.14), (128, 18.80)],
    ),
    (
        ShapeClass::Linear,
        528,
        64,
        223_931.0,
        &[(2, 1.96), (4, 3.09), (8, 4.03), (16, 5.45), (32, 6.58), (64, 6.57), (128, 6.91)],
    ),
    (
        ShapeClass::Linear,
        3_648,
        1,
        4_436.0,
        &[(2, 1.94), (4, 3.03), (8, 4.25), (16, 5.35), (32, 6.68), (64, 7.04), (128, 6.75)],
    ),
    (
        ShapeClass::Linear,
        3_648,
        10,
        45_505.0,
        &[(2, 1.86), (4, 3.46), (8, 4.04), (16, 5.20), (32, 7.12), (64, 7.37), (128, 7.89)],
    ),
    (
        ShapeClass::Linear,
        3_648,
        64,
        209_788.0,
        &[(2, 1.75), (4, 2.49), (8, 2.56), (16, 3.28), (32, 3.35), (64, 3.11), (128, 3.08)],
    ),
    (
        ShapeClass::Linear,
        12_704,
        1,
        5_109.0,
        &[(2, 1.87), (4, 2.35), (8, 2.17), (16, 2.47), (32, 2.69), (64, 2.37)],
    ),
    (
        ShapeClass::Linear,
        12_704,
        10,
        49_560.0,
        &[(2, 1.44), (4, 2.06), (8, 1.97), (16, 2.44), (32, 2.60), (64, 2.17)],
    ),
    (
        ShapeClass::Linear,
        12_704,
        64,
        202_359.0,
        &[(2, 1.22), (4, 1.57), (8, 1.93), (16, 2.30), (32, 2.49), (64, 2.49), (128, 2.13)],
    ),
    (ShapeClass::Linear, 52_544, 1, 3_178.0, &[(2, 0.98), (4, 1.20), (8, 1.09), (16, 1.05), (32, 0.83)]),
    (ShapeClass::Linear, 52_544, 10, 25_954.0, &[(2, 1.06), (4, 1.23), (8, 1.24), (16, 1.22), (32, 1.06)]),
    (
        ShapeClass::Linear,
        52_544,
        64,
        116_684.0,
        &[(2, 1.10), (4, 1.28), (8, 1.24), (16, 1.23), (32, 1.08), (64, 0.59)],
    ),
    (ShapeClass::Linear, 109_184, 1, 2_018.0, &[(2, 0.90), (4, 0.98), (8, 0.84)]),
    (ShapeClass::Linear, 109_184, 10, 16_841.0, &[(2, 0.98), (4, 1.08), (8, 0.81)]),
    (ShapeClass::Linear, 109_184, 64, 73_002.0, &[(2, 1.01), (4, 1.08), (8, 0.95)]),
    (ShapeClass::Linear, 201_824, 1, 1_128.0, &[(2, 0.87), (4, 0.85), (8, 0.63)]),
    (ShapeClass::Linear, 201_824, 10, 10_290.0, &[(2, 0.88), (4, 0.93), (8, 0.65)]),
    (ShapeClass::Linear, 201_824, 64, 40_983.0, &[(2, 0.92)]),
    (ShapeClass::Linear, 535_040, 1, 435.0, &[(2, 0.54)]),
    (ShapeClass::Linear, 535_040, 10, 3_912.0, &[(2, 0.59)]),
    (ShapeClass::Linear, 535_040, 64, 17_922.0, &[(2, 0.76)]),
    (
        ShapeClass::Convolutional,
        22_640,
        1,
        2_929.0,
        &[(2, 1.12), (4, 2.02), (8, 3.41), (16, 5.34), (32, 7.84), (64, 10.97), (128, 13.56)],
    ),
    (
        ShapeClass::Convolutional,
        22_640,
        10,
        10_285.0,
        &[(2, 1.81), (4, 3.00), (8, 4.64), (16, 6.62), (32, 8.65), (64, 9.34), (128, 7.65)],
    ),
    (
        ShapeClass::Convolutional,
        22_640,
        64,
        25_491.0,
        &[(2, 1.75), (4, 2.30), (8, 3.35), (16, 4.03), (32, 3.36), (64, 2.27)],
    ),
    (
        ShapeClass::Convolutional,
        68_634,
        1,
        2_231.0,
        &[(2, 1.03), (4, 1.83), (8, 2.76), (16, 3.58), (32, 4.73), (64, 4.72), (128, 4.40)],
    ),
    (
        ShapeClass::Convolutional,
        68_634,
        10,
        8_562.0,
        &[(2, 1.62), (4, 2.46), (8, 3.30), (16, 4.43), (32, 4.39), (64, 3.74), (128, 3.39)],
    ),
    (
        ShapeClass::Convolutional,
        68_634,
        64,
        22_435.0,
        &[(2, 1.62), (4, 1.86), (8, 1.72), (16, 1.89), (32, 1.33)],
    ),
    (
        ShapeClass::Convolutional,
        212_664,
        1,
        1_883.0,
        &[(2, 1.01), (4, 1.36), (8, 1.80), (16, 2.34), (32, 2.36), (64, 2.22), (128, 2.07)],
    ),
    (
        ShapeClass::Convolutional,
        212_664,
        10,
        7_609.0,
        &[(2, 1.49), (4, 1.96), (8, 2.52), (16, 2.70), (32, 2.16)],
    ),
    (ShapeClass::Convolutional, 212_664, 64, 18_535.0, &[(2, 1.35), (4, 1.39), (8, 1.22), (16, 1.09)]),
    (
        ShapeClass::Convolutional,
        752_112,
        1,
        942.0,
        &[(2, 1.01), (4, 1.20), (8, 1.26), (16, 1.19), (32, 1.13), (64, 0.97)],
    ),
    (ShapeClass::Convolutional, 752_112, 10, 5_063.0, &[(2, 1.28), (4, 1.41), (8, 1.31)]),
    (ShapeClass::Convolutional, 752_112, 64, 11_461.0, &[(2, 0.95), (4, 0.85)]),
    (
        ShapeClass::Convolutional,
        1_919_872,
        1,
        1_187.0,
        &[(2, 1.03), (4, 1.57), (8, 1.95), (16, 2.34), (32, 2.33), (64, 1.92)],
    ),
    (ShapeClass::Convolutional, 1_919_872, 10, 3_660.0, &[(2, 1.28), (4, 1.31), (8, 1.27), (16, 1.09)]),
    (ShapeClass::Convolutional, 1_919_872, 64, 4_386.0, &[(2, 1.07), (4, 0.90)]),
    (
        ShapeClass::Convolutional,
        7_452_416,
        1,
        651.0,
        &[(2, 1.01), (4, 1.30), (8, 1.31), (16, 1.16), (32, 1.02)],
    ),
    (ShapeClass::Convolutional, 7_452_416, 10, 1_735.0, &[(2, 1.08), (4, 0.92)]),
    (ShapeClass::Convolutional, 7_452_416, 64, 1_752.0, &[(2, 0.81)]),
];

/// A guess, not measured: a GPU is idle under networks this small until hundreds of them train at once. What a row takes
/// is guessed from the operations alone, which is enough to compare cohorts of one study.
const CUDA: &[Row] = &[
    (ShapeClass::Linear, 1_000_000_000, 64, 10_000.0, &[(8, 8.0), (32, 30.0), (128, 100.0)]),
    (ShapeClass::Convolutional, 1_000_000_000, 64, 10_000.0, &[(8, 7.0), (32, 20.0), (64, 30.0)]),
];
