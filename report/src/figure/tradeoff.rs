//! Scores against what they cost: learned numbers and training time, with the front that nothing beats in both.

use foldwise_study::selection::Direction;

use super::draw::{Axis, Chart, Color, Entry, Key, Mark, Shape, Spread, Style};
use super::sketch::{Best, Drawing, Sketch, capital, metric_name, metric_title, shown};
use crate::{Report, Section, TrialReport};

/// Trials shown at most.
const TRIALS_MAX: usize = 500;
/// Trials of the front that are named.
const NAMED_MAX: usize = 12;

/// What something costs.
type Cost = fn(&TrialReport) -> Option<f64>;

pub(super) fn sketches(report: &Report) -> Vec<Sketch<'_>> {
    let parameters: Cost = |trial| trial.learned_numbers().map(|numbers| numbers as f64);
    let kinds = [
        ("score-parameters", "learned numbers", "Learned numbers", parameters),
        (
            "score-time",
            "training time",
            "Training time of the longest cohort (s)",
            TrialReport::seconds as Cost,
        ),
    ];
    kinds
        .into_iter()
        .filter_map(|(name, what, axis, cost)| tradeoff(report, name, what, axis, cost))
        .collect()
}

fn tradeoff<'a>(
    report: &'a Report,
    name: &str,
    what: &'a str,
    axis: &'a str,
    cost: Cost,
) -> Option<Sketch<'a>> {
    let has = move |trial: &TrialReport| trial.mean.is_some() && cost(trial).is_some();
    let best = Best::of(report, TRIALS_MAX, has);
    let costs: Vec<f64> = best.trials.iter().filter_map(|trial| cost(trial)).collect();
    // Where everything costs the same, nothing is traded.
    if !costs.iter().any(|cost| *cost != costs[0]) {
        return None;
    }
    let title = format!("{} against {what}", capital(&metric_name(report)));
    Some(Sketch::new(name, title, Section::Trials, move || {
        let metric = report.selection.rule.metric;
        let points: Vec<(f64, f64, usize)> = best
            .trials
            .iter()
            .filter_map(|trial| Some((cost(trial)?, shown(metric, trial.mean?), trial.index)))
            .collect();
        let front = front(&points, metric.direction());
        let mut chart =
            Chart::new(Axis::new(axis, Spread::Ratio), Axis::new(metric_title(report), Spread::Linear));
        let (usual, marked) = (Style::of(0), Style::of(1));
        let steps = front.windows(2).flat_map(|pair| [(pair[1].0, pair[0].1), (pair[1].0, pair[1].1)]);
        let line: Vec<(f64, f64)> =
            front.first().map(|point| (point.0, point.1)).into_iter().chain(steps).collect();
        chart.marks.push(Mark::Line { points: line, style: marked.solid(), width: 1.4, opacity: 0.8 });
        let is_front = |index: usize| front.iter().any(|point| point.2 == index);
        let rest = points.iter().filter(|point| !is_front(point.2)).map(|point| (point.0, point.1)).collect();
        chart.marks.push(Mark::Points { points: rest, style: usual, radius: 4.0, opacity: 0.75 });
        let ends = front.iter().map(|point| (point.0, point.1)).collect();
        chart.marks.push(Mark::Points { points: ends, style: marked, radius: 5.0, opacity: 1.0 });
        for point in front.iter().take(NAMED_MAX) {
            chart.marks.push(Mark::Label { at: (point.0, point.1), text: point.2.to_string() });
        }
        chart.name(Entry::new(
            Key::Marker(Shape::Square, marked.color),
            "on the front (trial's number beside)",
        ));
        chart.name(Entry::new(Key::Marker(Shape::Circle, Color::Series(0)), "another trial"));
        let numbers: Vec<String> = front.iter().take(NAMED_MAX).map(|point| point.2.to_string()).collect();
        let caption = format!(
            "Mean {} of the trials against {what}. No other trial is better for less than one on the front: {}.{}",
            metric_name(report),
            numbers.join(", "),
            best.note()
        );
        Drawing::chart(caption, chart)
    }))
}

/// Those for which no other is at least as good for no more, by cost.
fn front(points: &[(f64, f64, usize)], direction: Direction) -> Vec<(f64, f64, usize)> {
    let better = |a: f64, b: f64| match direction {
        Direction::Maximize => a > b,
        Direction::Minimize => a < b,
    };
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| {
        let scores = if better(a.1, b.1) {
            std::cmp::Ordering::Less
        } else if better(b.1, a.1) {
            std::cmp::Ordering::Greater
        } else {
            a.2.cmp(&b.2)
        };
        a.0.total_cmp(&b.0).then(scores)
    });
    let mut front: Vec<(f64, f64, usize)> = Vec::new();
    for point in sorted {
        if front.last().is_none_or(|last| better(point.1, last.1)) {
            front.push(point);
        }
    }
    front
}

#[cfg(test)]
mod tests {
    use foldwise_study::selection::Direction;

    use super::front;

    #[test]
    fn the_front_is_what_nothing_beats() {
        let points = [(10.0, 0.8, 0), (10.0, 0.9, 1), (5.0, 0.7, 2), (20.0, 0.9, 3), (30.0, 0.95, 4)];
        let numbers = |direction| front(&points, direction).iter().map(|point| point.2).collect::<Vec<_>>();
        assert_eq!(numbers(Direction::Maximize), [2, 1, 4]);
        assert_eq!(numbers(Direction::Minimize), [2]);
    }
}
