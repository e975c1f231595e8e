//! What a run measured because its study asked for it (`[measure]`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Picture;
use crate::measure::Part;

/// Everything that was asked for of one run. What was not asked for is empty or absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Measurements {
    /// The layers that learn, by the names that PyTorch's `nn.Sequential` gives them: what lists of one number per
    /// layer are in the order of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
    /// One per epoch that was trained to its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub epochs: Vec<EpochMeasurements>,
    /// Every step of the run, in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<StepMeasurements>,
    /// Predictions by the weights of the selected epoch, one entry per part of the rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predictions: Vec<Predictions>,
    /// Copies of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<SnapshotFile>,
    /// Memory and speed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// What was measured in or after one epoch. Values that are not finite are absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct EpochMeasurements {
    /// From 1.
    pub epoch: u32,
    /// Mean loss of all training rows after the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_loss: Option<f64>,
    /// Share of all training rows classified correctly after the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_accuracy: Option<f64>,
    /// L2 norm of the gradient of a step's loss by all weights, before clipping; mean over the epoch's steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_norm: Option<f64>,
    /// The same by the weights of each layer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layer_gradient_norms: Vec<Option<f64>>,
    /// L2 norm of all weights after the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_norm: Option<f64>,
    /// The same of each layer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layer_weight_norms: Vec<Option<f64>>,
}

/// Every step of a run, in order. Both lists are equally long; values that are not finite are absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct StepMeasurements {
    /// Steps of an epoch.
    pub per_epoch: u64,
    /// The loss of the step's rows before the step.
    pub losses: Vec<Option<f32>>,
    /// L2 norm of its gradient by all weights, before clipping.
    pub gradient_norms: Vec<Option<f32>>,
}

/// Predictions of one part of the rows by the weights of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Predictions {
    /// Which rows.
    pub part: Part,
    /// The epoch, from 1.
    pub epoch: u32,
    /// How many rows.
    pub rows: u64,
    /// Mean loss.
    pub loss: f64,
    /// Share classified correctly; absent for targets that are numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// For targets that are classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassPredictions>,
    /// For targets that are numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumberPredictions>,
}

/// Which classes were taken for which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassPredictions {
    /// Rows by true class (down) and predicted class (across).
    pub confusion: Vec<Vec<u64>>,
    /// For each true class its first row (the lowest number) that was taken for another; `null` where none was.
    pub first_wrong: Vec<Option<WrongRow>>,
}

/// A row that was taken for another class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WrongRow {
    /// The row's number among the rows that are kept of its file, from 0.
    pub row: u32,
    /// The class it was taken for.
    pub predicted: u32,
    /// The probability that the model gave that class, to four digits; absent where its loss gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f32>,
    /// What it looks like, where rows are pictures, in the first classes, up to [`PICTURES_MAX`](super::PICTURES_MAX).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
}

/// What one class's predictions amount to. A share of no rows is absent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassScore {
    /// Rows of the class.
    pub rows: u64,
    /// Share of them that was recognized: the class's accuracy, or recall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<f64>,
    /// Share of the rows taken for the class that are of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<f64>,
    /// Harmonic mean of both: 2·hits / (rows of the class + rows taken for it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
}

/// How far off predicted numbers are; lists have one entry per output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NumberPredictions {
    /// Coefficient of determination, 1 − Σ(y − ŷ)² / Σ(y − ȳ)²; absent where all targets are equal.
    pub r2: Vec<Option<f64>>,
    /// Mean absolute error.
    pub mean_absolute_error: Vec<f64>,
    /// Mean squared error.
    pub mean_squared_error: Vec<f64>,
    /// The first rows, up to [`POINTS_MAX`].
    pub points: Vec<Point>,
}

/// The most predictions of numbers that are kept.
pub const POINTS_MAX: usize = 1_000;

/// A row's predicted numbers beside its targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// The row's number among the rows that are kept of its file, from 0.
    pub row: u32,
    /// Its feature, where rows have one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<f32>,
    /// What it should be.
    pub target: Vec<f32>,
    /// What it was predicted to be.
    pub predicted: Vec<f32>,
}

/// Copies of a run's weights in a file of their own: safetensors with one tensor `snapshots`, `[epochs, weights]`,
/// 32-bit floats, each row all learned numbers in PyTorch's order and layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotFile {
    /// BLAKE3 of the file, in hexadecimal; what it can be fetched by.
    pub digest: String,
    /// The epochs after which they were taken, from 1; 0 is the start.
    pub epochs: Vec<u32>,
    /// Learned numbers of each.
    pub weights: u64,
}

/// Memory and speed of one run's cohort; after an interruption, of the part after it. Memory is measured on a CPU alone:
/// what the trainer's resident memory grew by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resources {
    /// Peak of training over what was held before, bytes; absent where it cannot be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_bytes: Option<u64>,
    /// Peak of prediction with batches of the same size, bytes; absent where it cannot be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predict_bytes: Option<u64>,
    /// Members of the cohort, which share both.
    pub members: u32,
    /// Steps of one member.
    pub steps: u64,
    /// Rows that one member was trained on, repeats counted.
    pub rows: u64,
    /// Wall time of the steps alone, s.
    pub seconds: f64,
}

impl ClassPredictions {
    /// Each class's score.
    #[must_use]
    pub fn scores(&self) -> Vec<ClassScore> {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let score = |(class, row): (usize, &Vec<u64>)| {
            let hits = row.get(class).copied().unwrap_or(0);
            let rows: u64 = row.iter().sum();
            let taken: u64 = self.confusion.iter().filter_map(|row| row.get(class)).sum();
            ClassScore {
                rows,
                recall: share(hits, rows),
                precision: share(hits, taken),
                f1: share(2 * hits, rows + taken),
            }
        };
        self.confusion.iter().enumerate().map(score).collect()
    }

    /// The mean of the classes' F1, those without rows or predictions left out (scikit-learn's `macro` average).
    #[must_use]
    pub fn macro_f1(&self) -> Option<f64> {
        let scores: Vec<f64> = self.scores().into_iter().filter_map(|score| score.f1).collect();
        (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
    }
}

impl Resources {
    /// Steps per second of one member.
    #[must_use]
    pub fn steps_per_second(&self) -> f64 {
        self.steps as f64 / self.seconds
    }

    /// Rows per second of all members together.
    #[must_use]
    pub fn rows_per_second(&self) -> f64 {
        self.rows as f64 * f64::from(self.members) / self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::{ClassPredictions, ClassScore};

    #[test]
    fn scores_are_those_of_scikit_learn() {
        // sklearn.metrics.precision_recall_fscore_support on these counts.
        let predictions = ClassPredictions {
            confusion: vec![vec![3, 1, 0], vec![2, 4, 0], vec![0, 0, 0]],
            first_wrong: vec![None; 3],
        };
        let scores = predictions.scores();
        let first =
            ClassScore { rows: 4, recall: Some(0.75), precision: Some(0.6), f1: Some(2.0 * 3.0 / 9.0) };
        assert_eq!(scores[0], first);
        assert_eq!(scores[1].precision, Some(0.8));
        assert_eq!(scores[2], ClassScore { rows: 0, recall: None, precision: None, f1: None });
        let mean = f64::midpoint(6.0 / 9.0, 8.0 / 11.0);
        assert!((predictions.macro_f1().expect("two classes") - mean).abs() < 1e-12);
    }
}
