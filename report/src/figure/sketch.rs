//! A figure before it is drawn, and what all kinds of figures share.

use foldwise_study::selection::Metric;

use super::draw::{Chart, Head, Style};
use super::{Figure, FigureName, Look};
use crate::heading::searched;
use crate::number::{count, plural};
use crate::ranking::Ranking;
use crate::section::{Together, mean};
use crate::{Report, Section, TrialReport};

/// Points of a line at most; more cannot be seen.
const LINE_POINTS_MAX: usize = 400;

/// A figure that can be drawn.
pub(super) struct Sketch<'a> {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) section: Section,
    draw: Box<dyn FnOnce() -> Drawing + 'a>,
}

/// What a figure says and shows.
pub(super) struct Drawing {
    pub(super) caption: String,
    pub(super) picture: Picture,
}

/// Writes a picture that is no chart.
pub(super) type Write = Box<dyn FnOnce(Head<'_>, Look) -> String>;

/// What it shows.
pub(super) enum Picture {
    Chart(Chart),
    Other(Write),
}

impl<'a> Sketch<'a> {
    pub(super) fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        section: Section,
        draw: impl FnOnce() -> Drawing + 'a,
    ) -> Self {
        Self { name: name.into(), title: title.into(), section, draw: Box::new(draw) }
    }

    pub(super) fn into_name(self) -> FigureName {
        FigureName { name: self.name, title: self.title, section: self.section }
    }

    pub(super) fn figure(self, look: Look) -> Figure {
        let Self { name, title, section, draw } = self;
        let Drawing { caption, picture } = draw();
        let head = Head { name: &name, title: &title, caption: &caption };
        let svg = match picture {
            Picture::Chart(chart) => chart.write(head, look),
            Picture::Other(write) => write(head, look),
        };
        Figure { name, title, caption, section, svg }
    }
}

impl Drawing {
    pub(super) fn chart(caption: impl Into<String>, chart: Chart) -> Self {
        Self { caption: caption.into(), picture: Picture::Chart(chart) }
    }
}

/// The best of many trials, and how many there were.
pub(super) struct Best<'a> {
    pub(super) trials: Vec<&'a TrialReport>,
    all: usize,
}

impl<'a> Best<'a> {
    /// The first `most` by rank of those that have what a figure shows.
    pub(super) fn of(report: &'a Report, most: usize, has: impl Fn(&TrialReport) -> bool) -> Self {
        let mut trials = Ranking::new(report).trials;
        trials.retain(|trial| has(trial));
        let all = trials.len();
        trials.truncate(most);
        Self { trials, all }
    }

    /// Says which were left out.
    pub(super) fn note(&self) -> String {
        if self.trials.len() == self.all {
            return String::new();
        }
        format!(" The best {} of {} trials are shown.", self.trials.len(), count(self.all as u64))
    }
}

/// A trial in a legend or beside an axis.
pub(super) fn trial_label(trial: &TrialReport) -> String {
    let values = searched(trial);
    if values.is_empty() { format!("trial {}", trial.index) } else { format!("{} · {values}", trial.index) }
}

/// A trial in a sentence.
pub(super) fn trial_name(trial: &TrialReport) -> String {
    let label = trial_label(trial);
    if label.starts_with("trial") { label } else { format!("trial {label}") }
}

/// A metric's value as figures show it: percent, or the loss as it is.
pub(super) fn shown(metric: Metric, value: f64) -> f64 {
    match metric {
        Metric::ValAccuracy => 100.0 * value,
        Metric::ValLoss => value,
    }
}

/// What the rows are called that runs were validated on.
pub(super) fn held_out(report: &Report) -> &'static str {
    if report.spec["validation"] == "test_set" { "test" } else { "validation" }
}

/// A metric at the beginning of an axis's title, with its unit.
pub(super) fn metric_title(report: &Report) -> String {
    let rows = capital(held_out(report));
    match report.selection.rule.metric {
        Metric::ValAccuracy => format!("{rows} accuracy (%)"),
        Metric::ValLoss => format!("{rows} loss"),
    }
}

/// A metric's name in a sentence.
pub(super) fn metric_name(report: &Report) -> String {
    let word = match report.selection.rule.metric {
        Metric::ValAccuracy => "accuracy",
        Metric::ValLoss => "loss",
    };
    format!("{} {word}", held_out(report))
}

/// The first letter large.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A path as a part of a figure's name.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for char in text.chars() {
        if char.is_ascii_alphanumeric() {
            slug.push(char.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// Of many points the first, the last and some at equal distances between.
pub(super) fn thinned<T: Clone>(points: &[T]) -> Vec<T> {
    if points.len() <= LINE_POINTS_MAX {
        return points.to_vec();
    }
    let last = points.len() - 1;
    (0..LINE_POINTS_MAX).map(|place| points[place * last / (LINE_POINTS_MAX - 1)].clone()).collect()
}

/// Mean and, of several values, standard deviation (divisor n − 1).
pub(super) fn mean_std(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let middle = mean(values.iter().copied().map(Some))?;
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    Some((middle, (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())))
}

/// A series for each place among a few, plain colours beyond.
pub(super) fn style(place: usize) -> Style {
    Style::of(place)
}

/// Of predictions of a part of the rows: the end of a figure's name, which rows they are, and whose.
pub(super) fn part_name(part: &Together) -> (String, String, String) {
    let (who, rows) = part.name.rsplit_once(": ").unwrap_or(("", &part.name));
    let of_final = if who.starts_with("Final") { "final-" } else { "" };
    let name = format!("-{of_final}{}", slug(rows.trim_end_matches(" rows")));
    let of = if rows == "train rows" { "training rows" } else { rows };
    (name, of.to_owned(), who.to_lowercase())
}

/// How many folds, in a sentence.
pub(super) fn over_folds(folds: usize) -> String {
    format!("over {}", plural(folds, "fold"))
}
