//! The way of the weights through their first two principal components.

use super::draw::{Axis, Chart, Color, Entry, Key, Mark, Shape, Spread, Style};
use super::sketch::{Drawing, Sketch, held_out};
use crate::number::{count, plural};
use crate::{ComponentPoint, ComponentsReport, Report, Section};

pub(super) fn sketches(report: &Report) -> Vec<Sketch<'_>> {
    let groups = report.components.iter().filter(|group| group.points.len() > 1);
    groups
        .enumerate()
        .map(|(place, group)| {
            // Networks of different kinds may have equally many numbers.
            let name = if place > 0 { format!("components-{}", place + 1) } else { "components".to_owned() };
            let title = format!("The way of the weights of networks of {} numbers", count(group.weights));
            Sketch::new(name, title, Section::Components, move || way(report, group))
        })
        .collect()
}

/// The value that a copy is coloured by: accuracy, else the loss.
fn value(point: &ComponentPoint, by_accuracy: bool) -> Option<f64> {
    if by_accuracy { point.val_accuracy } else { point.val_loss.or(point.train_loss) }
}

fn way(report: &Report, group: &ComponentsReport) -> Drawing {
    let by_accuracy = group.points.iter().any(|point| point.val_accuracy.is_some());
    let values: Vec<f64> = group.points.iter().filter_map(|point| value(point, by_accuracy)).collect();
    let (low, high) = (
        values.iter().copied().fold(f64::INFINITY, f64::min),
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    );
    let share = |value: f64| if high > low { (value - low) / (high - low) } else { 1.0 };
    let axis = |name: &str, place: usize| {
        let share = group.explained.get(place).map(|share| format!(" ({:.0} % of variance)", 100.0 * share));
        Axis::new(format!("{name} component{}", share.unwrap_or_default()), Spread::Linear)
    };
    let mut chart = Chart::new(axis("First", 0), axis("Second", 1));
    let mut runs = 0;
    for run in group.points.chunk_by(|one, next| (one.trial, one.fold) == (next.trial, next.fold)) {
        runs += 1;
        let points = run.iter().map(|point| (point.first, point.second)).collect();
        chart.marks.push(Mark::faint(points, Style::plain(Color::Ink)));
        for point in run {
            let at = vec![(point.first, point.second)];
            let (shape, color) = match value(point, by_accuracy) {
                Some(value) => (Shape::Circle, Color::Along(share(value))),
                None => (Shape::Ring, Color::Muted),
            };
            let style = Style { shape, ..Style::plain(color) };
            chart.marks.push(Mark::Points { points: at, style, radius: 4.5, opacity: 1.0 });
        }
    }
    let what = if by_accuracy { "accuracy" } else { "loss" };
    if !values.is_empty() {
        let text = |value: f64| {
            if by_accuracy { format!("{:.1} %", 100.0 * value) } else { crate::number::loss(value) }
        };
        let middle = f64::midpoint(low, high);
        let stops = if high > low { vec![low, middle, high] } else { vec![low] };
        for stop in stops {
            let key = Key::Marker(Shape::Circle, Color::Along(share(stop)));
            chart.name(Entry::new(key, format!("{} {what} {}", held_out(report), text(stop))));
        }
    }
    if group.points.iter().any(|point| value(point, by_accuracy).is_none()) {
        chart.name(Entry::new(Key::Marker(Shape::Ring, Color::Muted), "not measured, such as the start"));
    }
    let left_out = match group.left_out {
        0 => String::new(),
        1 => " One copy is left out.".to_owned(),
        more => format!(" {} copies are left out.", count(more as u64)),
    };
    Drawing::chart(
        format!(
            "Copies of the weights of {}, each a point on their first two principal components, the directions in which they vary most, joined in order of epochs.{left_out}",
            plural(runs, "run")
        ),
        chart,
    )
}
