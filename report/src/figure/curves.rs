//! Learning curves: of the best trials together, of the chosen one with its folds, and of the final model.

use foldwise_study::outcome::EpochRecord;

use super::draw::theme::SERIES_MAX;
use super::draw::{Axis, Chart, Color, Entry, Key, Mark, Spread, Style};
use super::sketch::{
    Best, Drawing, Sketch, capital, held_out, mean_std, style, thinned, trial_label, trial_name,
};
use crate::section::{Run, Scope, folds_of};
use crate::{Report, Section, Shown, TrialReport};

/// Trials with a band; more bands hide each other.
const BANDS_MAX: usize = 3;

/// What is drawn by epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Loss,
    Accuracy,
}

/// Whose rows it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Training,
    HeldOut,
}

pub(super) fn sketches(report: &Report) -> Vec<Sketch<'_>> {
    let mut found = Vec::new();
    for quantity in [Quantity::Accuracy, Quantity::Loss] {
        for rows in [Rows::HeldOut, Rows::Training] {
            found.extend(of_trials(report, quantity, rows));
        }
    }
    let chosen = Scope::new(report, Shown::default()).chosen();
    for quantity in [Quantity::Accuracy, Quantity::Loss] {
        found.extend(chosen.and_then(|trial| of_one(report, trial, quantity)));
    }
    found.extend(chosen.and_then(|trial| of_folds(report, trial)));
    for quantity in [Quantity::Accuracy, Quantity::Loss] {
        found.extend(of_final(report, quantity));
    }
    found
}

impl Quantity {
    fn word(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
        }
    }

    fn axis(self, rows: &str) -> Axis {
        let title = format!("{rows} {}", self.word()).trim().to_owned();
        match self {
            Self::Loss => Axis::new(capital(&title), Spread::Ratio),
            Self::Accuracy => Axis::new(format!("{} (%)", capital(&title)), Spread::Linear),
        }
    }

    /// Of the training rows as measured after the epoch where the study asked for it, else as they were trained on.
    fn of(self, rows: Rows, run: &Run<'_>, record: &EpochRecord) -> Option<f64> {
        let after = run.measured(record.epoch);
        let value = match (self, rows) {
            (Self::Loss, Rows::Training) => {
                after.and_then(|after| after.training_loss).or(Some(record.train_loss))
            }
            (Self::Accuracy, Rows::Training) => {
                after.and_then(|after| after.training_accuracy).or(record.train_accuracy)
            }
            (Self::Loss, Rows::HeldOut) => record.val_loss,
            (Self::Accuracy, Rows::HeldOut) => record.val_accuracy,
        };
        let value = value.filter(|value| value.is_finite())?;
        Some(if self == Self::Accuracy { 100.0 * value } else { value })
    }
}

impl Rows {
    fn word(self, report: &Report) -> &'static str {
        match self {
            Self::Training => "training",
            Self::HeldOut => held_out(report),
        }
    }

    fn slug(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::HeldOut => "validation",
        }
    }
}

/// How much of a trial is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// The mean.
    Line,
    /// With its deviation.
    Band,
    /// And each fold behind.
    Folds,
}

/// One run's values by epoch.
fn curve(run: &Run<'_>, quantity: Quantity, rows: Rows) -> Vec<(f64, f64)> {
    let points = run
        .epochs
        .iter()
        .filter_map(|record| Some((f64::from(record.epoch), quantity.of(rows, run, record)?)));
    points.collect()
}

fn has(runs: &[Run<'_>], quantity: Quantity, rows: Rows) -> bool {
    runs.iter().any(|run| run.epochs.iter().any(|record| quantity.of(rows, run, record).is_some()))
}

/// By epoch the mean over the runs that have it and, of several, how far one standard deviation reaches.
fn means(runs: &[Run<'_>], quantity: Quantity, rows: Rows) -> Vec<(f64, f64, Option<f64>)> {
    let mut epochs: Vec<u32> =
        runs.iter().flat_map(|run| run.epochs.iter().map(|record| record.epoch)).collect();
    epochs.sort_unstable();
    epochs.dedup();
    let points = thinned(&epochs).into_iter().filter_map(|epoch| {
        let values = runs.iter().filter_map(|run| quantity.of(rows, run, run.record(epoch)?));
        let (mean, std) = mean_std(&values.collect::<Vec<f64>>())?;
        Some((f64::from(epoch), mean, std))
    });
    points.collect()
}

/// Mean, band and folds of one trial's runs.
fn put(chart: &mut Chart, runs: &[Run<'_>], quantity: Quantity, rows: Rows, style: Style, detail: Detail) {
    let means = means(runs, quantity, rows);
    let floor = means.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    // A loss's band may reach below zero, where no ratio can be drawn.
    let lowest = if quantity == Quantity::Loss { floor / 2.0 } else { f64::NEG_INFINITY };
    let band = means.iter().filter_map(|&(x, mean, std)| Some((x, (mean - std?).max(lowest), mean + std?)));
    let band: Vec<(f64, f64, f64)> = band.collect();
    if band.len() > 1 && detail != Detail::Line {
        chart.marks.push(Mark::Band { points: band, color: style.color });
    }
    if detail == Detail::Folds && runs.len() > 1 {
        let faint = runs.iter().map(|run| Mark::faint(thinned(&curve(run, quantity, rows)), style));
        chart.marks.extend(faint);
    }
    let line = means.into_iter().map(|(x, mean, _)| (x, mean)).collect();
    chart.marks.extend(Mark::series(line, style));
}

fn epoch_axis() -> Axis {
    Axis::new("Epoch", Spread::Whole)
}

/// The best trials together.
fn of_trials(report: &Report, quantity: Quantity, rows: Rows) -> Option<Sketch<'_>> {
    let best =
        Best::of(report, SERIES_MAX, |trial| has(&folds_of(trial).collect::<Vec<_>>(), quantity, rows));
    // Of a single trial the figure with both kinds of rows says the same.
    if best.trials.len() < 2 {
        return None;
    }
    let (what, word) = (format!("{} {}", rows.word(report), quantity.word()), rows.slug());
    let name = format!("curves-{word}-{}", quantity.word());
    Some(Sketch::new(name, format!("{} by epoch", capital(&what)), Section::Curves, move || {
        let mut chart = Chart::new(epoch_axis(), quantity.axis(rows.word(report)));
        for (place, trial) in best.trials.iter().enumerate() {
            let runs: Vec<Run<'_>> = folds_of(trial).collect();
            put(
                &mut chart,
                &runs,
                quantity,
                rows,
                style(place),
                if place < BANDS_MAX { Detail::Band } else { Detail::Line },
            );
            chart.name(Entry::new(Key::Series(style(place)), trial_label(trial)));
        }
        let few = if report.folds() > 1 && best.trials.len() > BANDS_MAX {
            format!(" for the best {BANDS_MAX}")
        } else {
            String::new()
        };
        let about = format!("{}{few}", folds_about(report.folds()));
        let caption = format!(
            "{} after each epoch{about}.{}{}",
            capital(&what),
            training_note(report, rows),
            best.note()
        );
        Drawing::chart(caption, chart)
    }))
}

fn folds_about(folds: usize) -> &'static str {
    if folds > 1 {
        ": the mean over the folds that have it, and a band of one standard deviation up and down"
    } else {
        ""
    }
}

/// Says when training rows were measured.
fn training_note(report: &Report, rows: Rows) -> String {
    if rows == Rows::HeldOut {
        return String::new();
    }
    let after = report.trials.iter().flat_map(folds_of).any(|run| {
        run.measurements
            .is_some_and(|measured| measured.epochs.iter().any(|epoch| epoch.training_loss.is_some()))
    });
    let when = if after {
        "Training rows were measured after the epoch, as validation rows are."
    } else {
        "Training values are of the rows as they were trained on, before each step."
    };
    format!(" {when}")
}

/// Training and held-out rows of one trial, with each fold.
fn of_one<'a>(report: &'a Report, trial: &'a TrialReport, quantity: Quantity) -> Option<Sketch<'a>> {
    let runs: Vec<Run<'a>> = folds_of(trial).collect();
    let kinds = [Rows::Training, Rows::HeldOut].map(|rows| (rows, has(&runs, quantity, rows)));
    if !kinds.iter().any(|(_, there)| *there) {
        return None;
    }
    let (name, title) = (
        format!("curves-chosen-{}", quantity.word()),
        format!("{} of trial {} by epoch", capital(quantity.word()), trial.index),
    );
    Some(Sketch::new(name, title, Section::Curves, move || {
        let mut chart = Chart::new(epoch_axis(), quantity.axis(""));
        for (place, (rows, _)) in kinds.into_iter().filter(|(_, there)| *there).enumerate() {
            put(&mut chart, &runs, quantity, rows, style(place), Detail::Folds);
            chart.name(Entry::new(Key::Series(style(place)), rows.word(report)));
        }
        let folds = if runs.len() > 1 {
            format!("{}; thin lines are the folds", folds_about(runs.len()))
        } else {
            String::new()
        };
        let note = training_note(report, Rows::Training);
        Drawing::chart(format!("{} after each epoch{folds}.{note}", capital(&trial_name(trial))), chart)
    }))
}

/// Each fold of one trial, told apart.
fn of_folds<'a>(report: &'a Report, trial: &'a TrialReport) -> Option<Sketch<'a>> {
    let runs: Vec<Run<'a>> = folds_of(trial).collect();
    let quantity =
        if has(&runs, Quantity::Accuracy, Rows::HeldOut) { Quantity::Accuracy } else { Quantity::Loss };
    if !(2..=SERIES_MAX).contains(&runs.len()) || !has(&runs, quantity, Rows::HeldOut) {
        return None;
    }
    let what = format!("{} {}", held_out(report), quantity.word());
    let title = format!("{} of each fold of trial {} by epoch", capital(&what), trial.index);
    Some(Sketch::new("curves-folds", title, Section::Curves, move || {
        let mut chart = Chart::new(epoch_axis(), quantity.axis(held_out(report)));
        for (place, run) in runs.iter().enumerate() {
            let points = thinned(&curve(run, quantity, Rows::HeldOut));
            if points.is_empty() {
                continue;
            }
            chart.marks.extend(Mark::series(points, style(place)));
            chart.name(Entry::new(
                Key::Series(style(place)),
                format!("fold {}", run.fold.unwrap_or_default()),
            ));
        }
        Drawing::chart(
            format!("{} after each epoch, fold by fold, of {}.", capital(&what), trial_name(trial)),
            chart,
        )
    }))
}

/// The final model.
fn of_final(report: &Report, quantity: Quantity) -> Option<Sketch<'_>> {
    let stage = report.final_stage.as_ref()?;
    let run = Scope::new(report, Shown::default()).final_run()?;
    let kinds = [Rows::Training, Rows::HeldOut].map(|rows| (rows, curve(&run, quantity, rows)));
    if kinds.iter().all(|(_, points)| points.len() < 2) {
        return None;
    }
    let title = format!("{} of the final model by epoch", capital(quantity.word()));
    Some(Sketch::new(format!("curves-final-{}", quantity.word()), title, Section::Curves, move || {
        let mut chart = Chart::new(epoch_axis(), quantity.axis(""));
        for (place, (rows, points)) in kinds.into_iter().filter(|(_, points)| !points.is_empty()).enumerate()
        {
            chart.marks.extend(Mark::series(thinned(&points), style(place)));
            chart.name(Entry::new(Key::Series(style(place)), rows.word(report)));
        }
        let kept = stage.best_epoch.map(|epoch| format!(" The weights of epoch {epoch} were kept."));
        if let Some(epoch) = stage.best_epoch {
            let ends: Vec<f64> = chart.marks.iter().flat_map(Mark::ys).collect();
            let (low, high) = ends.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(*value), high.max(*value))
            });
            let x = f64::from(epoch);
            let style = Style { dash: "3 4", ..Style::plain(Color::Muted) };
            chart.marks.push(Mark::Line {
                points: vec![(x, low), (x, high)],
                style,
                width: 1.4,
                opacity: 1.0,
            });
            chart.name(Entry::new(Key::Line(style), format!("epoch {epoch}, kept")));
        }
        let caption = format!(
            "The final model, of trial {}, after each epoch.{}",
            stage.trial,
            kept.unwrap_or_default()
        );
        Drawing::chart(caption, chart)
    }))
}
