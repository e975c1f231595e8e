//! Nested cross-validation: what was promised within each outer fold, and what the rest of the rows said.

use foldwise_study::selection::Metric;

use super::draw::{Axis, Chart, Color, Entry, Key, Mark, Shape, Spread, Style};
use super::sketch::{Drawing, Sketch, capital, shown};
use crate::number::{mean_std, measure, plural};
use crate::{Report, Section};

/// Outer folds that each have a place.
const OUTER_MAX: usize = 40;

pub(super) fn sketches(report: &Report) -> Vec<Sketch<'_>> {
    outer(report).into_iter().collect()
}

/// A place per outer fold: the mean that its choice was made by, and the score of the tested rows.
fn outer(report: &Report) -> Option<Sketch<'_>> {
    let nested = report.nested.as_ref()?;
    if nested.scored().next().is_none() || nested.outer.len() > OUTER_MAX {
        return None;
    }
    let name = capital(measure(report.selection.rule.metric));
    let title = format!("{name} of the search by outer fold");
    Some(Sketch::new("outer-folds", title, Section::Outer, move || {
        let metric = report.selection.rule.metric;
        let label = |fold: usize, trial: Option<usize>| match trial {
            Some(trial) => format!("{fold}: trial {trial}"),
            None => fold.to_string(),
        };
        let labels = nested.outer.iter().map(|outer| label(outer.fold, outer.trial)).collect();
        let mut chart = Chart::new(
            Axis::of_categories("Outer fold, and what was chosen within it", labels),
            Axis::new(with_percent(metric), Spread::Linear),
        );
        let (tested, promised) = (Style::of(0), Style { shape: Shape::Ring, ..Style::plain(Color::Muted) });
        if let Some(mean) = nested.mean {
            if let Some((low, high)) = nested.low.zip(nested.high) {
                let (low, high) = (shown(metric, low), shown(metric, high));
                let last = nested.outer.len() as f64 - 0.5;
                let points = vec![(-0.5, low, high), (last, low, high)];
                chart.marks.push(Mark::Band { points, color: tested.color });
                chart.name(Entry::new(Key::Patch(tested.color, 0.16), "95 % interval of the mean"));
            }
            let line = Style { dash: "7 3", ..Style::plain(Color::Ink) };
            chart.marks.push(Mark::Level { y: shown(metric, mean), style: line });
            chart.name(Entry::new(Key::Line(line), "mean of the tested rows"));
        }
        let at = |value: &dyn Fn(&crate::OuterReport) -> Option<f64>| -> Vec<(f64, f64)> {
            let places = nested.outer.iter().enumerate();
            places.filter_map(|(place, outer)| Some((place as f64, shown(metric, value(outer)?)))).collect()
        };
        let inner = at(&|outer| outer.inner_mean());
        chart.marks.push(Mark::Points { points: inner, style: promised, radius: 4.5, opacity: 1.0 });
        let scores = at(&|outer| outer.score);
        chart.marks.push(Mark::Points { points: scores, style: tested, radius: 5.5, opacity: 1.0 });
        chart.name(Entry::new(Key::Marker(tested.shape, tested.color), "tested on the rest of the rows"));
        chart.name(Entry::new(Key::Marker(Shape::Ring, Color::Muted), "mean that chose it"));
        let mean = nested.mean.map(|mean| {
            format!(
                " Mean and standard deviation of the tested rows: {}.",
                mean_std(metric, mean, nested.std)
            )
        });
        let caption = format!(
            "In each of {} the whole search was made again on the fold's training rows. Rings are the mean scores by which it \
             chose, filled markers the scores of its choice on rows that it did not see.{}",
            plural(nested.outer.len(), "outer fold"),
            mean.unwrap_or_default()
        );
        Drawing::chart(caption, chart)
    }))
}

fn with_percent(metric: Metric) -> String {
    let unit = if metric == Metric::ValAccuracy { " (%)" } else { "" };
    format!("{}{unit}", capital(measure(metric)))
}
