//! Memory of training and of prediction, and what size does to losses and accuracies.

use super::draw::{Axis, Chart, Entry, Key, Mark, Spread, Style};
use super::sketch::{Best, Drawing, Sketch, capital, held_out, style, trial_label};
use crate::section::{folds_of, mean};
use crate::{Report, Section, TrialReport};

/// Trials shown at most.
const TRIALS_MAX: usize = 16;
/// Bytes of a MiB.
const MIB: f64 = 1_048_576.0;

pub(super) fn sketches(report: &Report) -> Vec<Sketch<'_>> {
    [memory(report), size(report, false), size(report, true)].into_iter().flatten().collect()
}

/// Peak memory of training and of prediction, the greatest of the folds, MiB.
fn peaks(trial: &TrialReport) -> Option<[f64; 2]> {
    let resources = || folds_of(trial).filter_map(|run| run.measurements?.resources.as_ref());
    let train = resources().filter_map(|resources| resources.train_bytes).max()?;
    let predict = resources().filter_map(|resources| resources.predict_bytes).max()?;
    Some([train as f64 / MIB, predict as f64 / MIB])
}

fn memory(report: &Report) -> Option<Sketch<'_>> {
    let best = Best::of(report, TRIALS_MAX, |trial| peaks(trial).is_some());
    if best.trials.is_empty() {
        return None;
    }
    Some(Sketch::new("memory", "Memory of training and of prediction", Section::Resources, move || {
        let labels = best.trials.iter().map(|trial| trial_label(trial)).collect();
        let mut chart = Chart::new(
            Axis::new("Peak memory (MiB)", Spread::FromZero),
            Axis::of_categories("Trial", labels),
        );
        for (place, trial) in best.trials.iter().enumerate() {
            let peaks = peaks(trial).unwrap_or_default();
            for (kind, (value, offset)) in peaks.into_iter().zip([-0.2, 0.2]).enumerate() {
                let y = place as f64 + offset;
                chart.marks.push(Mark::Bar { y, value, thickness: 0.36, color: style(kind).color });
                chart.marks.push(Mark::Value { at: (value, y), text: format!("{value:.1}") });
            }
        }
        for (kind, name) in ["training", "prediction"].into_iter().enumerate() {
            chart.name(Entry::new(Key::Patch(style(kind).color, 0.85), name));
        }
        let caption = "Peak memory over what was held before, of training and of prediction with batches of the same size; runs of one cohort share it, and of several the greatest is shown.";
        Drawing::chart(format!("{caption}{}", best.note()), chart)
    }))
}

/// The last epoch's loss or accuracy against the number of learned numbers.
fn size(report: &Report, accuracy: bool) -> Option<Sketch<'_>> {
    let first = report.trials.first()?.parameters;
    if report.trials.iter().all(|trial| trial.parameters == first) {
        return None;
    }
    let of = move |trial: &TrialReport, held_out: bool| {
        let value = |fold: &crate::FoldReport| {
            let record = fold.epochs.last()?;
            match (accuracy, held_out) {
                (true, true) => record.val_accuracy,
                (true, false) => record.train_accuracy,
                (false, true) => record.val_loss,
                (false, false) => Some(record.train_loss),
            }
        };
        let value = mean(trial.folds.iter().map(value)).filter(|value| value.is_finite())?;
        Some(if accuracy { 100.0 * value } else { value })
    };
    if report.trials.iter().filter(|trial| of(trial, true).is_some()).count() < 2 {
        return None;
    }
    let word = if accuracy { "accuracy" } else { "loss" };
    let title = format!("{} by the number of learned numbers", capital(word));
    Some(Sketch::new(format!("size-{word}"), title, Section::Trials, move || {
        let axis = if accuracy {
            Axis::new("Accuracy (%)", Spread::Linear)
        } else {
            Axis::new("Loss", Spread::Ratio)
        };
        let mut chart = Chart::new(Axis::new("Learned numbers", Spread::Ratio), axis);
        for (place, kind) in [false, true].into_iter().enumerate() {
            let points =
                report.trials.iter().filter_map(|trial| Some((trial.parameters as f64, of(trial, kind)?)));
            let mut points: Vec<(f64, f64)> = points.collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut line: Vec<(f64, f64)> = Vec::new();
            for same in points.chunk_by(|a, b| a.0 == b.0) {
                line.extend(mean(same.iter().map(|point| Some(point.1))).map(|middle| (same[0].0, middle)));
            }
            let style = Style::of(place);
            if points.len() > line.len() && points.len() <= 500 {
                chart.marks.push(Mark::Points { points, style, radius: 2.4, opacity: 0.4 });
            }
            chart.marks.extend(Mark::series(line, style));
            chart.name(Entry::new(Key::Series(style), if kind { held_out(report) } else { "training" }));
        }
        Drawing::chart(
            format!(
                "{} after the last epoch, means over the folds and over trials of the same size.",
                capital(word)
            ),
            chart,
        )
    }))
}
