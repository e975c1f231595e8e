//! What each searched dimension does: alone, in pairs, and by its share of the variance.

use super::draw::theme::SERIES_MAX;
use super::draw::{Axis, Chart, Color, Entry, Key, Mark, Shape, Spread, Style};
use super::heat::Heat;
use super::sketch::{Drawing, Picture, Sketch, capital, mean_std, metric_name, metric_title, shown, slug};
use crate::dimension::{Dimension, dimensions};
use crate::importance::{Importance, importance};
use crate::number::{bare, plural};
use crate::{Report, Section};

/// Dimensions with a figure of their own.
const DIMENSIONS_MAX: usize = 12;
/// Pairs with a figure of their own.
const PAIRS_MAX: usize = 10;
/// Values of a dimension whose pairs can be read.
const VALUES_MAX: usize = 20;
/// Trials whose means are shown one by one.
const POINTS_MAX: usize = 300;

pub(super) fn sketches(report: &Report) -> Vec<Sketch<'_>> {
    if report.trials.iter().filter(|trial| trial.mean.is_some()).count() < 2 {
        return Vec::new();
    }
    let found = dimensions(report);
    let mut sketches: Vec<Sketch<'_>> =
        found.iter().take(DIMENSIONS_MAX).map(|dimension| alone(report, dimension.clone())).collect();
    let fit = |dimension: &Dimension<'_>| dimension.values.len() <= VALUES_MAX;
    let pairs = found
        .iter()
        .enumerate()
        .flat_map(|(place, one)| found[place + 1..].iter().map(move |other| (one, other)));
    let pairs = pairs.filter(|(one, other)| fit(one) && fit(other)).take(PAIRS_MAX);
    sketches.extend(pairs.map(|(one, other)| pair(report, one.clone(), other.clone())));
    sketches.extend(importance(report).map(|(dimensions, importance)| shares(dimensions, importance)));
    sketches
}

/// The trials' means by the values of one dimension.
fn alone<'a>(report: &'a Report, dimension: Dimension<'a>) -> Sketch<'a> {
    let name = format!("effect-{}", slug(dimension.path));
    let title = format!("{} by {}", capital(&metric_name(report)), dimension.heading);
    Sketch::new(name, title, Section::Trials, move || {
        let metric = report.selection.rule.metric;
        let order = dimension.order();
        // Values one beside the other, unless they are numbers of which there are many.
        let numbers = dimension.numbers().filter(|numbers| numbers.len() > SERIES_MAX);
        let labels = dimension.labels();
        let x = match &numbers {
            Some(_) => Axis::new(dimension.heading.clone(), Spread::Ratio),
            None => Axis::of_categories(
                dimension.heading.clone(),
                order.iter().map(|level| labels[*level].clone()).collect(),
            ),
        };
        let mut by_level: Vec<Vec<f64>> = vec![Vec::new(); dimension.values.len()];
        for (trial, level) in report.trials.iter().zip(&dimension.levels) {
            if let Some((mean, level)) = trial.mean.zip(*level) {
                by_level[level].push(shown(metric, mean));
            }
        }
        let mut chart = Chart::new(x, Axis::new(metric_title(report), Spread::Linear));
        let place = |position: usize, level: usize| {
            numbers.as_ref().map_or(position as f64, |numbers| numbers[level])
        };
        let style = Style::of(0);
        let ring = Style { shape: Shape::Ring, ..Style::plain(Color::Muted) };
        let mut line = Vec::new();
        let several = by_level.iter().any(|values| values.len() > 1);
        for (position, &level) in order.iter().enumerate() {
            let x = place(position, level);
            if several && report.trials.len() <= POINTS_MAX {
                let points = by_level[level].iter().map(|value| (x, *value)).collect();
                chart.marks.push(Mark::Points { points, style: ring, radius: 2.8, opacity: 0.9 });
            }
            let Some((mean, std)) = mean_std(&by_level[level]) else { continue };
            line.push((x, mean));
            if let Some(std) = std {
                chart.marks.push(Mark::Upright { x, low: mean - std, high: mean + std, style });
            }
        }
        chart.marks.extend(Mark::series(line, style));
        chart.name(Entry::new(
            Key::Series(style),
            if several { "mean ± standard deviation of the trials" } else { "the trial" },
        ));
        if several && report.trials.len() <= POINTS_MAX {
            chart.name(Entry::new(Key::Marker(Shape::Ring, Color::Muted), "a trial"));
        }
        let caption = if several {
            format!(
                "Mean {} of the trials with each value of {}, over all values of the rest, with one standard deviation up and down.",
                metric_name(report),
                dimension.path
            )
        } else {
            format!("{} of the trial with each value of {}.", capital(&metric_name(report)), dimension.path)
        };
        Drawing::chart(caption, chart)
    })
}

/// Means by the values of two dimensions.
fn pair<'a>(report: &'a Report, down: Dimension<'a>, across: Dimension<'a>) -> Sketch<'a> {
    let name = format!("effect-{}-and-{}", slug(down.path), slug(across.path));
    let title = format!("{} by {} and {}", capital(&metric_name(report)), down.heading, across.heading);
    Sketch::new(name, title, Section::Trials, move || {
        let metric = report.selection.rule.metric;
        let (rows, columns) = (down.order(), across.order());
        let mut values = vec![vec![Vec::new(); across.values.len()]; down.values.len()];
        for ((trial, row), column) in report.trials.iter().zip(&down.levels).zip(&across.levels) {
            if let (Some(mean), Some(row), Some(column)) = (trial.mean, *row, *column) {
                values[row][column].push(mean);
            }
        }
        let cell = |row: &usize, column: &usize| mean_std(&values[*row][*column]).map(|(mean, _)| mean);
        let cells: Vec<Vec<Option<f64>>> =
            rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect()).collect();
        let labels = |dimension: &Dimension<'_>, order: &[usize]| {
            let labels = dimension.labels();
            order.iter().map(|place| labels[*place].clone()).collect()
        };
        let heat = Heat {
            down: (down.heading.clone(), labels(&down, &rows)),
            across: (across.heading.clone(), labels(&across, &columns)),
            texts: cells
                .iter()
                .map(|row| row.iter().map(|value| value.map(|value| bare(metric, value))).collect())
                .collect(),
            shares: super::heat::ranged(&cells),
        };
        let unit = metric_title(report);
        let caption = format!(
            "{unit}: mean of the trials with both values. Darker is higher, from the lowest to the highest of what is shown."
        );
        Drawing { caption, picture: Picture::Other(heat.into_write()) }
    })
}

/// Shares of the variance as bars.
fn shares<'a>(dimensions: Vec<Dimension<'a>>, importance: Importance) -> Sketch<'a> {
    Sketch::new("importance", "Importance of what was searched", Section::Trials, move || {
        let mut bars: Vec<(String, f64, usize)> = Vec::new();
        for (dimension, share) in dimensions.iter().zip(&importance.alone) {
            bars.push((dimension.heading.clone(), *share, 0));
        }
        for (one, other, share) in &importance.pairs {
            bars.push((format!("{} × {}", dimensions[*one].heading, dimensions[*other].heading), *share, 1));
        }
        bars.sort_by(|a, b| b.1.total_cmp(&a.1));
        bars.truncate(DIMENSIONS_MAX + PAIRS_MAX);
        if let Some(rest) = importance.rest() {
            bars.push(("everything else together".to_owned(), rest, 2));
        }
        let labels = bars.iter().map(|(label, _, _)| label.clone()).collect();
        let x = Axis::new("Share of the variance of the trials' means (%)", Spread::FromZero);
        let mut chart = Chart::new(x, Axis::of_categories("", labels));
        for (place, (_, share, kind)) in bars.iter().enumerate() {
            let (y, value) = (place as f64, 100.0 * share);
            let color = [Color::Series(0), Color::Series(1), Color::Muted][*kind];
            chart.marks.push(Mark::Bar { y, value, thickness: 0.62, color });
            chart.marks.push(Mark::Value { at: (value, y), text: format!("{value:.1} %") });
        }
        let how = "Functional analysis of variance: the share of the variance of the trials' mean scores that lies between the means of a value's trials";
        let limits = if importance.is_full {
            "; of pairs what they do beyond both alone. It tells nothing of values that were not tried."
        } else {
            ". The trials are no full grid, so that shares overlap and need not add up."
        };
        Drawing::chart(format!("{how}{limits} Over {}.", plural(importance.trials, "trial")), chart)
    })
}
