//! Parallel coordinates: an upright axis per searched dimension, one for the score, and a line per trial.

use super::draw::{Anchor, Color, FONT, Head, Style, Svg, fitted, heading, legend_at, width_of};
use super::draw::{Entry, Key};
use super::sketch::{Best, Drawing, Picture, Sketch, metric_name, metric_title, shown};
use super::{Look, draw::Shape};
use crate::dimension::dimensions;
use crate::number::with_unit;
use crate::{Report, Section};

/// Trials shown at most.
const TRIALS_MAX: usize = 300;
/// Dimensions of which lines can still be followed.
const DIMENSIONS: std::ops::RangeInclusive<usize> = 2..=10;
/// Values of a dimension that each have a place; of more, numbers are spread and other dimensions left out.
const VALUES_MAX: usize = 24;
/// Pixels around everything.
const EDGE: f64 = 14.0;
/// Pixels from the lowest to the highest value.
const HEIGHT: f64 = 280.0;
/// Pixels left free beside the outermost axes.
const LABELS: f64 = 78.0;

pub(super) fn sketches(report: &Report) -> Vec<Sketch<'_>> {
    parallel(report).into_iter().collect()
}

/// An axis with its ticks, and each line's place on it, 0 to 1 from below.
struct Upright {
    title: String,
    ticks: Vec<(f64, String)>,
    places: Vec<Option<f64>>,
}

fn parallel(report: &Report) -> Option<Sketch<'_>> {
    let best = Best::of(report, TRIALS_MAX, |trial| trial.mean.is_some());
    let mut axes = dimensions(report);
    axes.retain(|dimension| dimension.values.len() <= VALUES_MAX || dimension.numbers().is_some());
    if best.trials.len() < 3 || !DIMENSIONS.contains(&axes.len()) {
        return None;
    }
    Some(Sketch::new("parallel", "Configurations side by side", Section::Trials, move || {
        let metric = report.selection.rule.metric;
        let mut uprights: Vec<Upright> = axes
            .iter()
            .map(|dimension| {
                let order = dimension.order();
                let mut place = vec![0; order.len()];
                order.iter().enumerate().for_each(|(position, level)| place[*level] = position);
                let share = |level: usize| (place[level] as f64 + 0.5) / order.len() as f64;
                let labels = dimension.labels();
                let every = order.len().div_ceil(VALUES_MAX / 2).max(1);
                let ticks = order.iter().step_by(every).map(|level| (share(*level), labels[*level].clone()));
                let places =
                    best.trials.iter().map(|trial| dimension.levels.get(trial.index).copied()?.map(share));
                Upright { title: dimension.heading.clone(), ticks: ticks.collect(), places: places.collect() }
            })
            .collect();
        let scores: Vec<f64> = best.trials.iter().filter_map(|trial| trial.mean).collect();
        let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let high = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let share = move |value: f64| if high > low { (value - low) / (high - low) } else { 0.5 };
        let stop = |part: f64| {
            let value = low + part * (high - low);
            (part, crate::number::bare(metric, value))
        };
        uprights.push(Upright {
            title: metric_title(report),
            ticks: if high > low {
                [0.0, 0.25, 0.5, 0.75, 1.0].map(stop).to_vec()
            } else {
                vec![(0.5, stop(0.0).1)]
            },
            places: scores.iter().map(|score| Some(share(*score))).collect(),
        });
        let shares: Vec<f64> = scores.iter().map(|score| share(*score)).collect();
        let key = [low, f64::midpoint(low, high), high];
        let legend = key.map(|value| {
            let color = Color::Along(share(value));
            Entry::new(
                Key::Line(Style::plain(color)),
                format!("{} {}", metric_name(report), with_unit(metric, value)),
            )
        });
        let first =
            best.trials.first().map(|trial| (trial.index, shown(metric, trial.mean.unwrap_or_default())));
        let thick = first
            .map(|(trial, _)| format!(" The thick line is the best, trial {trial}."))
            .unwrap_or_default();
        let caption = format!(
            "A line per trial through the values that it has, coloured by its mean {}.{thick} Values are at equal distances.{}",
            metric_name(report),
            best.note()
        );
        let write = move |head: Head<'_>, look: Look| write(head, look, &uprights, &legend, &shares);
        Drawing { caption, picture: Picture::Other(Box::new(write)) }
    }))
}

fn write(head: Head<'_>, look: Look, axes: &[Upright], legend: &[Entry], shares: &[f64]) -> String {
    let width = look.width();
    let mut svg = Svg::new(look.theme);
    let top = heading(&mut svg, head.title, width);
    let top = legend_at(&mut svg, legend, EDGE, top, width - 2.0 * EDGE) + 30.0;
    let (bottom, last) = (top + HEIGHT, axes.len().saturating_sub(1).max(1) as f64);
    let gap = (width - 2.0 * (EDGE + LABELS)) / last;
    let x = |axis: usize| EDGE + LABELS + gap * axis as f64;
    let y = |share: f64| bottom - share * HEIGHT;
    // The best comes first and is drawn last.
    for (trial, share) in shares.iter().enumerate().rev() {
        let points =
            axes.iter().enumerate().filter_map(|(axis, upright)| Some((x(axis), y(upright.places[trial]?))));
        let points: Vec<(f64, f64)> = points.collect();
        let (thickness, opacity) = if trial == 0 { (3.2, 1.0) } else { (1.3, 0.65) };
        svg.line(&points, Style::plain(Color::Along(*share)), thickness, opacity);
        if trial == 0 {
            points.iter().for_each(|point| svg.marker(*point, Shape::Diamond, Color::Ink, 3.0, 1.0));
        }
    }
    for (axis, upright) in axes.iter().enumerate() {
        let place = x(axis);
        svg.line(&[(place, top), (place, bottom)], Style::plain(Color::Ink), 1.2, 1.0);
        let title = fitted(&upright.title, FONT, gap.min(2.0 * (EDGE + LABELS)) - 8.0);
        svg.text((place, top - 12.0), &title, Anchor::Middle, Color::Ink);
        for (share, label) in &upright.ticks {
            let label = fitted(label, FONT, gap.min(120.0) - 16.0);
            let at = (place + 6.0, y(*share) + 4.0);
            let size = (width_of(&label, FONT) + 4.0, FONT + 3.0);
            svg.rect((at.0 - 2.0, at.1 - FONT + 1.0), size, Color::Ground, 0.75);
            svg.text(at, &label, Anchor::Start, Color::Ink);
        }
    }
    svg.finish(head, width, bottom + EDGE)
}
