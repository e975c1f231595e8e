//! What a run measured because its study asked for it, with what follows from it.

use foldwise_study::measure::Part;
use foldwise_study::outcome::{
    ClassPredictions, ClassScore, EpochMeasurements, Measurements, NumberPredictions, Predictions, Resources,
    SnapshotFile, StepMeasurements, WrongRow,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run measured beside losses and accuracies. What was not asked for is absent; in a list of one number per
/// layer or step, one that is not finite is `null`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct MeasurementsReport {
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
    pub predictions: Vec<PredictionsReport>,
    /// Copies of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<SnapshotFile>,
    /// Memory and speed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// Predictions of one part of the rows by the weights of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PredictionsReport {
    /// Which rows.
    pub part: Part,
    /// The epoch, from 1.
    pub epoch: u32,
    /// How many rows.
    pub rows: u64,
    /// Mean loss. Absent where it is not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Share classified correctly. Absent where the target is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// For targets that are classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassesReport>,
    /// For targets that are numbers. Absent where one of its errors is not finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumberPredictions>,
}

/// Which classes were taken for which, and what that amounts to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassesReport {
    /// Rows by true class (down) and predicted class (across).
    pub confusion: Vec<Vec<u64>>,
    /// For each true class its first row that was taken for another; `null` where none was.
    pub first_wrong: Vec<Option<WrongRow>>,
    /// One per class, by number.
    pub scores: Vec<ClassScore>,
    /// Mean of the classes' F1, those without rows and predictions left out (scikit-learn's `macro` average).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macro_f1: Option<f64>,
}

impl MeasurementsReport {
    pub(crate) fn without_times(&self) -> Self {
        Self { resources: None, ..self.clone() }
    }
}

impl From<Measurements> for MeasurementsReport {
    fn from(measured: Measurements) -> Self {
        let Measurements { layers, epochs, steps, predictions, snapshots, resources } = measured;
        let predictions = predictions.into_iter().map(Into::into).collect();
        let resources = resources.filter(|resources| resources.seconds.is_finite());
        Self { layers, epochs, steps, predictions, snapshots, resources }
    }
}

impl From<Predictions> for PredictionsReport {
    fn from(predictions: Predictions) -> Self {
        let Predictions { part, epoch, rows, loss, accuracy, classes, numbers } = predictions;
        Self {
            part,
            epoch,
            rows,
            loss: Some(loss).filter(|loss| loss.is_finite()),
            accuracy: accuracy.filter(|accuracy| accuracy.is_finite()),
            classes: classes.map(Into::into),
            numbers: numbers.and_then(writable),
        }
    }
}

impl From<ClassPredictions> for ClassesReport {
    fn from(predictions: ClassPredictions) -> Self {
        let scores = predictions.scores();
        let macro_f1 = predictions.macro_f1();
        let ClassPredictions { confusion, first_wrong } = predictions;
        Self { confusion, first_wrong, scores, macro_f1 }
    }
}

/// Predictions that JSON can hold, which knows neither NaN nor infinity.
fn writable(mut numbers: NumberPredictions) -> Option<NumberPredictions> {
    let errors = numbers.mean_absolute_error.iter().chain(&numbers.mean_squared_error);
    if !errors.into_iter().all(|error| error.is_finite()) {
        return None;
    }
    for r2 in &mut numbers.r2 {
        *r2 = r2.filter(|value| value.is_finite());
    }
    numbers.points.retain(|point| {
        let mut values = point.x.iter().chain(&point.target).chain(&point.predicted);
        values.all(|value| value.is_finite())
    });
    Some(numbers)
}
