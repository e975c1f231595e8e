//! Configurations compared: means with their deviations, and the score of each fold.

use super::draw::{Axis, Chart, Color, Entry, Key, Mark, Shape, Spread, Style};
use super::sketch::{
    Best, Drawing, Sketch, capital, metric_name, metric_title, over_folds, shown, trial_label, trial_name,
};
use crate::number::{mean_std, plural};
use crate::section::Scope;
use crate::{Report, Section, Shown, TrialReport};

/// Configurations shown at most.
const TRIALS_MAX: usize = 20;
/// Folds that each have a row.
const FOLDS_MAX: usize = 30;

pub(super) fn sketches(report: &Report) -> Vec<Sketch<'_>> {
    [configurations(report), folds(report)].into_iter().flatten().collect()
}

fn scores<'a>(trial: &'a TrialReport) -> impl Iterator<Item = f64> + use<'a> {
    trial.folds.iter().filter_map(|fold| fold.score).filter(|score| score.is_finite())
}

/// A row per trial: its folds, their mean and one standard deviation to each side.
fn configurations(report: &Report) -> Option<Sketch<'_>> {
    let best = Best::of(report, TRIALS_MAX, |trial| trial.mean.is_some());
    if best.trials.len() < 2 {
        return None;
    }
    let title = format!("{} of the configurations", capital(&metric_name(report)));
    Some(Sketch::new("configurations", title, Section::Chart, move || {
        let metric = report.selection.rule.metric;
        let labels = best.trials.iter().map(|trial| trial_label(trial)).collect();
        let mut chart =
            Chart::new(Axis::new(metric_title(report), Spread::Linear), Axis::of_categories("Trial", labels));
        let several = best.trials.iter().any(|trial| trial.std.is_some());
        for (place, trial) in best.trials.iter().enumerate() {
            let y = place as f64;
            let won = report.selection.winner == Some(trial.index);
            let style = Style::of(usize::from(won));
            let points = scores(trial).map(|score| (shown(metric, score), y)).collect();
            if several {
                let ring = Style { shape: Shape::Ring, ..Style::plain(Color::Muted) };
                chart.marks.push(Mark::Points { points, style: ring, radius: 2.6, opacity: 0.8 });
            }
            let mean = trial.mean.unwrap_or_default();
            if let Some(std) = trial.std {
                let (low, high) = (shown(metric, mean - std), shown(metric, mean + std));
                chart.marks.push(Mark::Lying { y, low, high, style });
            }
            let point = vec![(shown(metric, mean), y)];
            chart.marks.push(Mark::Points { points: point, style, radius: 5.0, opacity: 1.0 });
        }
        let (mean, winner) = (Style::of(0), Style::of(1));
        if report.selection.winner.is_some() {
            chart.name(Entry::new(Key::Marker(winner.shape, winner.color), "winner"));
        }
        let name = if several { "mean ± standard deviation" } else { "score" };
        chart.name(Entry::new(Key::Marker(mean.shape, mean.color), name));
        if several {
            chart.name(Entry::new(Key::Marker(Shape::Ring, Color::Muted), "a fold"));
        }
        let spread = if several {
            " with one standard deviation to each side, and the score of each fold"
        } else {
            ""
        };
        let how = if several {
            format!("Mean {} {}", metric_name(report), over_folds(report.folds()))
        } else {
            capital(&metric_name(report))
        };
        Drawing::chart(
            format!("{how}{spread}, best on top. The axis does not begin at zero.{}", best.note()),
            chart,
        )
    }))
}

/// The chosen trial's folds, with their mean and deviation.
fn folds(report: &Report) -> Option<Sketch<'_>> {
    let trial = Scope::new(report, Shown::default()).chosen()?;
    if scores(trial).count() < 2 || trial.folds.len() > FOLDS_MAX {
        return None;
    }
    let title = format!("{} of trial {} by fold", capital(&metric_name(report)), trial.index);
    Some(Sketch::new("folds", title, Section::Folds, move || {
        let metric = report.selection.rule.metric;
        let labels: Vec<String> = trial.folds.iter().map(|fold| format!("{}", fold.fold)).collect();
        let mut chart =
            Chart::new(Axis::of_categories("Fold", labels), Axis::new(metric_title(report), Spread::Linear));
        let last = trial.folds.len() as f64 - 0.5;
        let style = Style::of(0);
        if let Some((mean, std)) = trial.mean.zip(trial.std) {
            let (low, high) = (shown(metric, mean - std), shown(metric, mean + std));
            chart
                .marks
                .push(Mark::Band { points: vec![(-0.5, low, high), (last, low, high)], color: style.color });
            chart.name(Entry::new(Key::Patch(style.color, 0.16), "one standard deviation"));
        }
        if let Some(mean) = trial.mean {
            let line = Style { dash: "7 3", ..Style::plain(Color::Ink) };
            chart.marks.push(Mark::Level { y: shown(metric, mean), style: line });
            chart.name(Entry::new(Key::Line(line), "mean"));
        }
        let points = trial.folds.iter().enumerate();
        let points = points.filter_map(|(place, fold)| Some((place as f64, shown(metric, fold.score?))));
        chart.marks.push(Mark::Points { points: points.collect(), style, radius: 5.5, opacity: 1.0 });
        chart.name(Entry::new(Key::Marker(style.shape, style.color), "a fold"));
        let value = trial
            .mean
            .map(|mean| format!(" Mean and standard deviation: {}.", mean_std(metric, mean, trial.std)));
        let failed = match trial.failed_folds() {
            0 => String::new(),
            failed => format!(
                " {} failed and {} no score.",
                capital(&plural(failed, "fold")),
                if failed == 1 { "has" } else { "have" }
            ),
        };
        let caption =
            format!("Score of each fold of {}.{}{failed}", trial_name(trial), value.unwrap_or_default());
        Drawing::chart(caption, chart)
    }))
}
