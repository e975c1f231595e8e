//! What a model takes rows for, counted.

use foldwise_study::measure::Part;
use foldwise_study::outcome::{
    ClassPredictions, NumberPredictions, POINTS_MAX, Point, Predictions, WrongRow,
};
use tch::Tensor;

use super::TrainError;
use super::evaluate::{Seen, evaluate};
use super::intake::Intake;
use super::loss::Objective;
use super::model::Model;
use super::tally::Total;

/// Predictions of each slot's rows, the first `counts[e]` of `index` (`[R, n]`), by the weights of epoch `epochs[e]`.
pub(super) fn predictions(
    model: &mut Model,
    intake: &Intake<'_>,
    objective: &Objective,
    (part, index, counts): (Part, &Tensor, &[usize]),
    epochs: &[u32],
) -> Result<Vec<Predictions>, TrainError> {
    let mut seen = Seen::default();
    let totals = evaluate(model, intake, objective, index, counts, Some(&mut seen))?;
    let readers = usize::try_from(index.size()[0]).unwrap_or(1);
    let mut all = Vec::with_capacity(counts.len());
    for (slot, (&count, total)) in counts.iter().zip(totals).enumerate() {
        let reader = slot * readers / counts.len();
        let rows = Vec::<i64>::try_from(index.f_select(0, reader as i64)?.f_narrow(0, 0, count as i64)?)?;
        let own = Own { intake, seen: &seen, slot: slot as i64, rows: &rows };
        let (classes, numbers) = match intake.data().classes() {
            Some(classes) => (Some(own.classes(classes)?), None),
            None => (None, Some(own.numbers()?)),
        };
        let Total { loss, accuracy } = total;
        let rows = count as u64;
        all.push(Predictions { part, epoch: epochs[slot], rows, loss, accuracy, classes, numbers });
    }
    Ok(all)
}

/// A probability as it is kept; none where the model's outputs are beyond finite numbers.
fn four_digits(probability: f32) -> Option<f32> {
    let rounded = (10_000.0 * probability).round() / 10_000.0;
    rounded.is_finite().then_some(rounded)
}

/// One slot's rows and what the model said of them.
struct Own<'a> {
    intake: &'a Intake<'a>,
    seen: &'a Seen,
    slot: i64,
    rows: &'a [i64],
}

impl Own<'_> {
    /// The row's number in its file: rows of the test set are numbered after the others.
    fn number(&self, row: i64) -> u32 {
        let first = self.intake.data().train_rows() as i64;
        u32::try_from(if row < first { row } else { row - first }).unwrap_or(u32::MAX)
    }

    fn targets(&self) -> Result<Tensor, TrainError> {
        let index = Tensor::f_from_slice(self.rows)?.f_to(self.intake.data().device())?;
        self.intake.data().rows().targets(&index)
    }

    /// `[n, …]` of what was seen of this slot.
    fn seen(&self) -> Result<Tensor, TrainError> {
        Ok(self.seen.all(self.slot)?.f_narrow(0, 0, self.rows.len() as i64)?)
    }

    fn classes(&self, classes: usize) -> Result<ClassPredictions, TrainError> {
        let truths = Vec::<i64>::try_from(self.targets()?)?;
        let taken = Vec::<i64>::try_from(self.seen()?)?;
        let likely = match self.seen.probabilities(self.slot)? {
            Some(likely) => Vec::<f32>::try_from(likely)?,
            None => Vec::new(),
        };
        let mut confusion = vec![vec![0; classes]; classes];
        let mut first_wrong: Vec<Option<WrongRow>> = vec![None; classes];
        for (place, ((&row, truth), taken)) in self.rows.iter().zip(truths).zip(taken).enumerate() {
            let class = |number: i64| usize::try_from(number).unwrap_or(0).min(classes - 1);
            let (truth, taken) = (class(truth), class(taken));
            confusion[truth][taken] += 1;
            let (row, first) = (self.number(row), &mut first_wrong[truth]);
            if truth != taken && first.as_ref().is_none_or(|first| row < first.row) {
                let probability = likely.get(place).copied().and_then(four_digits);
                let predicted = u32::try_from(taken).unwrap_or(u32::MAX);
                *first = Some(WrongRow { row, predicted, probability, picture: None });
            }
        }
        Ok(ClassPredictions { confusion, first_wrong })
    }

    fn numbers(&self) -> Result<NumberPredictions, TrainError> {
        let targets = Vec::<Vec<f32>>::try_from(self.targets()?)?;
        let predicted = Vec::<Vec<f32>>::try_from(self.seen()?)?;
        let outputs = targets.first().map_or(0, Vec::len);
        let count = targets.len() as f64;
        let (mut r2, mut absolute, mut squared) = (Vec::new(), Vec::new(), Vec::new());
        for output in 0..outputs {
            let of = |rows: &[Vec<f32>]| rows.iter().map(|row| f64::from(row[output])).collect::<Vec<f64>>();
            let (truths, guesses) = (of(&targets), of(&predicted));
            let mean = truths.iter().sum::<f64>() / count;
            let residual: f64 = truths.iter().zip(&guesses).map(|(a, b)| (a - b).powi(2)).sum();
            let spread: f64 = truths.iter().map(|truth| (truth - mean).powi(2)).sum();
            let off: f64 = truths.iter().zip(&guesses).map(|(a, b)| (a - b).abs()).sum();
            r2.push((spread > 0.0).then(|| 1.0 - residual / spread));
            absolute.push(off / count);
            squared.push(residual / count);
        }
        let points = self.rows.iter().zip(targets).zip(predicted).take(POINTS_MAX);
        let points = points.map(|((&row, target), predicted)| {
            Ok(Point { row: self.number(row), x: self.lone_feature(row)?, target, predicted })
        });
        Ok(NumberPredictions {
            r2,
            mean_absolute_error: absolute,
            mean_squared_error: squared,
            points: points.collect::<Result<_, TrainError>>()?,
        })
    }

    /// A row's feature, where rows have one alone.
    fn lone_feature(&self, row: i64) -> Result<Option<f32>, TrainError> {
        if self.intake.data().shape() != [1] {
            return Ok(None);
        }
        let index = Tensor::f_from_slice(&[row])?.f_to(self.intake.data().device())?;
        let value = self.intake.data().rows().features(&index)?.f_double_value(&[0, 0])?;
        #[allow(clippy::cast_possible_truncation, reason = "it is held in 32 bits")]
        Ok(value.is_finite().then_some(value as f32))
    }
}
