//! A device as a plan sees it: what fusing gains there, by what a network costs.
//!
//! What decides is the kind of network, what one row costs and how many rows a step takes: the less a step computes, the
//! more of its time is overhead that a fused model pays once for all members. So a profile holds measured points of
//! these three, and a network is planned by the nearest point that costs no less.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::DeviceKind;
use crate::trials::TrialFacts;

mod choice;
mod file;
mod shipped;

pub use choice::ProfileChoiceError;

/// The version of the file format that is read and written.
pub const PROFILE_VERSION: u32 = 1;
/// A width counts only if it trains this many times as fast as the same runs in turn.
const SPEED_UP_MIN: f64 = 1.1;
/// Widths with this share of the best speed-up count as good as the best: the narrowest of them is taken that holds a
/// trial's folds, for narrow cohorts take less memory, leave more of them to share out and end sooner.
const NEAR_THE_BEST: f64 = 0.95;
/// What a validation row costs of a training row: the forward pass of three.
const VALIDATION_SHARE: f64 = 1.0 / 3.0;

/// A device as a plan sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceProfile {
    /// The format's version: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// What specs call it: letters, digits, `-`, `_` and `.`. Names that begin with `shipped-` are Foldwise's own.
    #[schemars(length(min = 1, max = 100), regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"))]
    pub name: String,
    /// The kind of device.
    pub kind: DeviceKind,
    /// Memory that one cohort may take, MiB.
    #[schemars(range(min = 1, max = 16_777_216))]
    pub memory_mib: u64,
    /// Slots that plans are balanced for: those that are expected to train one study side by side.
    #[schemars(range(min = 1, max = 4096))]
    pub slots: u32,
    /// Threads per slot that the points were measured with. Workers set their own with `--threads`.
    #[schemars(range(min = 1, max = 1024))]
    pub threads: u32,
    /// What was measured, in any order. A network that costs more than every point of its kind trains alone.
    #[schemars(length(max = 1000))]
    pub points: Vec<Point>,
}

/// A network that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// The kind of network.
    pub shape: ShapeClass,
    /// Multiply-accumulates of one row's forward pass.
    #[schemars(range(min = 1))]
    pub multiply_accumulates: u64,
    /// Rows per step.
    #[schemars(range(min = 1))]
    pub batch_size: usize,
    /// Rows that one network alone trains on in a second.
    pub rows_per_second: f64,
    /// What fusing gains, by width. Without any, the network trains alone.
    #[serde(default)]
    #[schemars(length(max = 16))]
    pub fused: Vec<Fused>,
}

/// What a width gains.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fused {
    /// Members of a cohort.
    #[schemars(range(min = 2, max = 4096))]
    pub width: usize,
    /// How many times as fast as the same runs in turn.
    pub speed_up: f64,
}

/// What a network is mostly made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShapeClass {
    /// Matrix products.
    Linear,
    /// Convolutions.
    Convolutional,
}

impl ShapeClass {
    /// The word a profile uses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Convolutional => "convolutional",
        }
    }

    fn of(facts: &TrialFacts) -> Self {
        if facts.convolutional { Self::Convolutional } else { Self::Linear }
    }
}

impl Point {
    /// The width that pays: of those near the best speed-up the narrowest that holds `together` runs, or else the
    /// narrowest; 1 where no width gains clearly.
    #[must_use]
    pub fn width(&self, together: usize) -> usize {
        let best = self.fused.iter().map(|fused| fused.speed_up).fold(1.0, f64::max);
        let enough = (best * NEAR_THE_BEST).max(SPEED_UP_MIN);
        let paying = || self.fused.iter().filter(|fused| fused.speed_up >= enough).map(|fused| fused.width);
        paying().filter(|&width| width >= together).min().or_else(|| paying().min()).unwrap_or(1)
    }

    /// How many times as fast as in turn `width` runs train fused: what the widest measured width that is no wider
    /// gained.
    fn speed_up(&self, width: usize) -> f64 {
        let narrower = self.fused.iter().filter(|fused| fused.width <= width);
        narrower.max_by_key(|fused| fused.width).map_or(1.0, |fused| fused.speed_up)
    }
}

impl DeviceProfile {
    /// Members that pay for a network of these costs, if possible so many that `together` runs, a trial's folds, stay
    /// together; 1 where fusing does not pay.
    #[must_use]
    pub fn width(&self, facts: &TrialFacts, together: usize) -> usize {
        self.no_cheaper(facts).map_or(1, |point| point.width(together))
    }

    /// Seconds that `width` runs of a trial take as one cohort on a fold of (train, validation) rows, about. A network
    /// that costs more than every point takes as many times as long as it costs more.
    #[must_use]
    pub fn seconds(&self, facts: &TrialFacts, (train, validation): (usize, usize), width: usize) -> f64 {
        let rows = f64::from(facts.epochs) * (train as f64 + validation as f64 * VALIDATION_SHARE);
        let per_row = match self.no_cheaper(facts) {
            Some(point) => 1.0 / (point.rows_per_second * point.speed_up(width)),
            None => self.dearest(facts).map_or(facts.multiply_accumulates as f64, |point| {
                facts.multiply_accumulates as f64 / point.multiply_accumulates as f64 / point.rows_per_second
            }),
        };
        width as f64 * rows * per_row
    }

    /// Memory that one cohort may take, bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.memory_mib << 20
    }

    /// BLAKE3 of what it says, in hexadecimal; comments and the order of a file's keys do not count.
    #[must_use]
    pub fn digest(&self) -> String {
        blake3::hash(self.to_json().as_bytes()).to_hex().to_string()
    }

    /// The profile as canonical JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a checked profile has finite numbers alone")
    }

    /// The cheapest point of the network's kind and batch that costs no less than it.
    fn no_cheaper(&self, facts: &TrialFacts) -> Option<&Point> {
        let (batch, cost) = self.batch(facts)?;
        let points =
            self.of_batch(facts, batch).filter(|point| u128::from(point.multiply_accumulates) >= cost);
        points.min_by_key(|point| point.multiply_accumulates)
    }

    fn dearest(&self, facts: &TrialFacts) -> Option<&Point> {
        let (batch, _) = self.batch(facts)?;
        self.of_batch(facts, batch).max_by_key(|point| point.multiply_accumulates)
    }

    fn of_batch(&self, facts: &TrialFacts, batch: usize) -> impl Iterator<Item = &Point> {
        let shape = ShapeClass::of(facts);
        self.points.iter().filter(move |point| point.shape == shape && point.batch_size == batch)
    }

    /// The nearest measured batch that is no smaller, and what a row costs there. A batch above all that were measured
    /// counts as a network that costs as many times as much with the largest: their steps compute the same.
    fn batch(&self, facts: &TrialFacts) -> Option<(usize, u128)> {
        let shape = ShapeClass::of(facts);
        let batches =
            || self.points.iter().filter(|point| point.shape == shape).map(|point| point.batch_size);
        let cost = u128::from(facts.multiply_accumulates);
        match batches().filter(|&batch| batch >= facts.batch_size).min() {
            Some(batch) => Some((batch, cost)),
            None => {
                let largest = batches().max()?;
                Some((largest, (cost * facts.batch_size as u128).div_ceil(largest as u128)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DeviceProfile, Fused, PROFILE_VERSION, Point, ShapeClass};
    use crate::network::ParameterCount;
    use crate::spec::DeviceKind;
    use crate::trials::TrialFacts;

    fn point(multiply_accumulates: u64, batch_size: usize, fused: &[(usize, f64)]) -> Point {
        Point {
            shape: ShapeClass::Linear,
            multiply_accumulates,
            batch_size,
            rows_per_second: 1e9 / multiply_accumulates as f64,
            fused: fused.iter().map(|&(width, speed_up)| Fused { width, speed_up }).collect(),
        }
    }

    fn profile() -> DeviceProfile {
        DeviceProfile {
            version: PROFILE_VERSION,
            name: "test".to_owned(),
            kind: DeviceKind::Cpu,
            memory_mib: 1024,
            slots: 1,
            threads: 1,
            points: vec![
                point(1_000, 10, &[(2, 1.8), (4, 3.0), (8, 4.0), (16, 4.1), (32, 3.0)]),
                point(1_000, 64, &[(2, 1.3), (4, 1.5), (8, 1.2)]),
                point(50_000, 64, &[(2, 1.05), (4, 1.09)]),
            ],
        }
    }

    fn facts(multiply_accumulates: u64, batch_size: usize) -> TrialFacts {
        TrialFacts {
            parameters: ParameterCount::default(),
            multiply_accumulates,
            activations: 0,
            optimizer_numbers: 0,
            convolutional: false,
            batch_size,
            drop_last: false,
            normalizes_vectors: false,
            epochs: 1,
            fuse_key: [0; 32],
            alone: false,
        }
    }

    #[test]
    fn the_nearest_point_that_costs_no_less_decides() {
        let width = |cost, batch| profile().width(&facts(cost, batch), 1);
        // The narrowest that is near the best, not the best itself.
        assert_eq!(width(900, 10), 8);
        assert_eq!(width(900, 1), 8, "a smaller batch than any gains no less");
        assert_eq!(width(900, 11), 4, "between two batches the larger decides");
        assert_eq!(
            profile().width(&facts(900, 10), 10),
            16,
            "as near the best, and a trial's folds stay together"
        );
        assert_eq!(profile().width(&facts(900, 10), 20), 8, "no width near the best holds so many");
        assert_eq!(width(1_001, 64), 1, "a gain that is not clear is none");
        assert_eq!(width(1_001, 10), 1, "nothing measured costs as much");
        assert_eq!(width(400, 128), 4, "as much as 800 with 64 rows");
        assert_eq!(width(600, 128), 1, "as much as 1,200 with 64 rows");
        let pictures = TrialFacts { convolutional: true, ..facts(1, 1) };
        assert_eq!(profile().width(&pictures, 1), 1, "nothing of its kind was measured");
    }

    #[test]
    fn seconds_follow_rows_epochs_and_gains() {
        let seconds = |width| profile().seconds(&facts(1_000, 10), (900, 300), width);
        assert!((seconds(1) - 1_000.0 / 1e6).abs() < 1e-12);
        assert!((seconds(8) / seconds(1) - 8.0 / 4.0).abs() < 1e-9);
        assert!((seconds(9) / seconds(1) - 9.0 / 4.0).abs() < 1e-9, "the next narrower width's gain");
        let dear = profile().seconds(&facts(500_000, 64), (900, 300), 1);
        assert!((dear - 10.0 * 1_000.0 / 2e4).abs() < 1e-9, "ten times the dearest point's");
    }
}
