//! Bars of the trials' means.

use foldwise_study::selection::Metric;

use super::run::Scope;
use crate::TrialReport;
use crate::heading::searched;
use crate::number::{mean_std, name, plural, with_unit};
use crate::page::Page;
use crate::ranking::Ranking;
use crate::sheet::{Field, Sheet, cut};

/// Bars shown at most.
const BARS_MAX: usize = 30;
/// Characters of a label.
const LABEL_CHARS_MAX: usize = 36;
/// Columns where nobody says how many there are.
const WIDTH: usize = 100;
/// Columns of the longest bar.
const BAR_CHARS: (usize, usize) = (10, 60);
/// Where the least of what is drawn lies beyond this share of the greatest, bars do not begin at zero.
const BREAK: f64 = 0.5;
/// Steps from the beginning of the axis to its end.
const STEPS: f64 = 10.0;

/// A bar per trial with a mean, the best on top.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    let metric = scope.report.selection.rule.metric;
    page.title(&format!("Chart: mean {} ± standard deviation", name(metric)));
    let trials = bars(scope);
    let Some(axis) = Axis::of(&trials) else {
        page.line("No trial has a mean yet.");
        return;
    };
    let (from, to) = (with_unit(metric, axis.from), with_unit(metric, axis.to));
    if axis.from > 0.0 {
        page.line(&format!(
            "The axis goes from {from}, not from zero, to {to}: compare the ends of the bars, not their lengths."
        ));
    } else {
        page.line(&format!("The axis goes from zero to {to}."));
    }
    page.line(
        "█ up to the mean, of which ▓ is the last standard deviation; ░ one standard deviation beyond.",
    );
    page.gap();
    let labels: Vec<String> = trials.iter().map(|trial| label(trial)).collect();
    let values: Vec<String> = trials.iter().map(|trial| value(metric, trial)).collect();
    let longest = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let (label_chars, value_chars) = (longest(&labels), longest(&values));
    let room = scope.options.width.unwrap_or(WIDTH).saturating_sub(label_chars + value_chars + 4);
    let chars = room.clamp(BAR_CHARS.0, BAR_CHARS.1);
    for ((trial, label), value) in trials.iter().zip(&labels).zip(&values) {
        let bar = axis.bar(trial, chars);
        let gap = " ".repeat(label_chars - label.chars().count());
        let rest = " ".repeat(chars - bar.chars().count());
        page.block(&format!("{label}{gap}  {bar}{rest}  {value}"));
    }
}

fn bars(scope: Scope<'_>) -> Vec<&TrialReport> {
    let shown: Vec<usize> = scope.trials().map(|trial| trial.index).collect();
    let ranked = Ranking::new(scope.report).trials.into_iter();
    let with_mean = ranked.filter(|trial| trial.mean.is_some() && shown.contains(&trial.index));
    with_mean.take(BARS_MAX).collect()
}

fn value(metric: Metric, trial: &TrialReport) -> String {
    let value = trial.mean.map_or_else(String::new, |mean| mean_std(metric, mean, trial.std));
    match trial.failed_folds() {
        0 => value,
        failed => format!("{value}, {} failed", plural(failed, "fold")),
    }
}

fn label(trial: &TrialReport) -> String {
    cut(format!("{} {}", trial.index, searched(trial)).trim_end(), LABEL_CHARS_MAX)
}

/// What bars are drawn along.
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    /// From zero, or from a round number below all that is drawn, where that is far from zero.
    fn of(trials: &[&TrialReport]) -> Option<Self> {
        let ends = |trial: &&TrialReport| {
            let (mean, std) = (trial.mean?, trial.std.unwrap_or(0.0));
            Some((mean - std, mean + std))
        };
        let ends: Vec<(f64, f64)> = trials.iter().filter_map(ends).collect();
        let low = ends.iter().map(|(low, _)| *low).reduce(f64::min)?;
        let high = ends.iter().map(|(_, high)| *high).reduce(f64::max)?;
        if low <= BREAK * high || high <= low {
            return Some(Self { from: 0.0, to: if high > 0.0 { high } else { 1.0 } });
        }
        let step = round_step((high - low) / STEPS);
        let from = ((low - step) / step).floor() * step;
        Some(Self { from: from.max(0.0), to: high })
    }

    fn bar(&self, trial: &TrialReport, chars: usize) -> String {
        let mean = trial.mean.unwrap_or(self.from);
        let std = trial.std.unwrap_or(0.0);
        let place = |value: f64| {
            let share = ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
            (0..chars).take_while(|column| (*column as f64 + 0.5) / chars as f64 <= share).count()
        };
        let (low, end, high) = (place(mean - std), place(mean), place(mean + std));
        "█".repeat(low) + &"▓".repeat(end - low) + &"░".repeat(high - end)
    }
}

/// The largest of 1, 2 and 5 times a power of ten that is no larger.
fn round_step(size: f64) -> f64 {
    let power = 10_f64.powf(size.log10().floor());
    [5.0, 2.0].into_iter().map(|times| times * power).find(|step| *step <= size).unwrap_or(power)
}

/// One line per bar.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let metric = scope.report.selection.rule.metric;
    let mut sheet = Sheet::new(["trial", "searched", "mean", "std"]);
    for trial in bars(scope) {
        let value = |value: Option<f64>| Field::or_none(value, |value| Field::metric(metric, value));
        sheet.push(vec![
            Field::index(trial.index),
            Field::Text(searched(trial)),
            value(trial.mean),
            value(trial.std),
        ]);
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::round_step;

    #[test]
    fn steps_are_round() {
        for (size, step) in [(0.003, 0.002), (0.7, 0.5), (1.0, 1.0), (19.0, 10.0)] {
            assert!((round_step(size) - step).abs() < 1e-12, "{size}");
        }
    }
}
