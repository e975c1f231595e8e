//! What was predicted: classes as matrices, numbers as functions beside their targets.

use foldwise_study::measure::Part;
use foldwise_study::outcome::Point;

use super::draw::theme::SERIES_MAX;
use super::draw::{Axis, Chart, Color, Entry, Key, Mark, Shape, Spread, Style};
use super::heat::Heat;
use super::sketch::{Best, Drawing, Picture, Sketch, held_out, part_name, slug, style, thinned, trial_label};
use crate::number::count;
use crate::section::{Run, Scope, Together, class_name, folds_of, predictions, shortest, together};
use crate::{PredictionsReport, Report, Section, Shown};

/// Classes of which a matrix can still be read.
const CLASSES_MAX: usize = 25;
/// Characters of a class's name.
const NAME_CHARS_MAX: usize = 16;

pub(super) fn sketches(report: &Report) -> Vec<Sketch<'_>> {
    let parts = together(Scope::new(report, Shown::default())).into_iter();
    let matrices = parts.filter(|part| (2..=CLASSES_MAX).contains(&part.classes.confusion.len()));
    let mut found: Vec<Sketch<'_>> = matrices.map(|part| matrix(report, part)).collect();
    for part in [Part::Validation, Part::Train, Part::Test] {
        found.extend(functions(report, part));
    }
    found
}

/// Rows by true and predicted class.
fn matrix(report: &Report, part: Together) -> Sketch<'_> {
    let (name, of, who) = part_name(&part);
    let title = format!("Confusion of {of}: {who}");
    Sketch::new(format!("confusion{name}"), title, Section::Confusion, move || {
        let confusion = &part.classes.confusion;
        let names: Vec<String> = (0..confusion.len())
            .map(|class| crate::sheet::cut(&class_name(report, class), NAME_CHARS_MAX))
            .collect();
        let sums: Vec<u64> = confusion.iter().map(|row| row.iter().sum()).collect();
        let share =
            |row: usize, count: u64| if sums[row] > 0 { Some(count as f64 / sums[row] as f64) } else { None };
        let shares = confusion
            .iter()
            .enumerate()
            .map(|(row, counts)| counts.iter().map(|&count| share(row, count)).collect());
        let texts = confusion.iter().map(|row| {
            row.iter().map(|&rows| Some(if rows == 0 { "·".to_owned() } else { count(rows) })).collect()
        });
        let heat = Heat {
            down: ("True class".to_owned(), names.clone()),
            across: ("Predicted class".to_owned(), names.clone()),
            texts: texts.collect(),
            shares: shares.collect(),
        };
        let hits: u64 = confusion.iter().enumerate().filter_map(|(class, row)| row.get(class)).sum();
        let all: u64 = sums.iter().sum();
        let right = if all > 0 {
            format!("{:.2} % of {} rows are on the diagonal", 100.0 * hits as f64 / all as f64, count(all))
        } else {
            "There are no rows".to_owned()
        };
        let caption = format!(
            "{}. Numbers are rows by true class (down) and predicted class (across). Darker is a larger share of the true class. {right}.",
            part.name
        );
        Drawing { caption, picture: Picture::Other(heat.into_write()) }
    })
}

/// A run's predictions of numbers.
fn numbers<'a>(run: &Run<'a>, part: Part) -> Option<&'a PredictionsReport> {
    predictions(run).find(|found| {
        found.part == part && found.numbers.as_ref().is_some_and(|numbers| !numbers.points.is_empty())
    })
}

/// Predicted numbers of the best trials, of one output: over the feature where rows have one alone, else over the target.
fn functions(report: &Report, part: Part) -> Option<Sketch<'_>> {
    let whose: Vec<(String, &PredictionsReport)> = if part == Part::Test {
        let run = Scope::new(report, Shown::default()).final_run()?;
        numbers(&run, part).map(|found| ("final model".to_owned(), found)).into_iter().collect()
    } else {
        let has = |run: &Run<'_>| numbers(run, part).is_some();
        let best = Best::of(report, SERIES_MAX - 1, |trial| folds_of(trial).any(|run| has(&run)));
        // Of a trial's folds the first that has them: folds share the function and not its points.
        let first = best.trials.iter().filter_map(|trial| {
            let found = folds_of(trial).find_map(|run| numbers(&run, part))?;
            Some((trial_label(trial), found))
        });
        first.collect()
    };
    if whose.is_empty() {
        return None;
    }
    let word = if part == Part::Validation { held_out(report) } else { part.word() };
    let title = format!("Predicted numbers of the {word} rows");
    let name = format!("points-{}", slug(part.word()));
    Some(Sketch::new(name, title, Section::Points, move || {
        let several = whose[0].1.numbers.as_ref().is_some_and(|numbers| numbers.r2.len() > 1);
        let first = if several { " Of several outputs the first is shown." } else { "" };
        let caption = format!(
            "Predictions of {word} rows by the weights of the selected epoch, beside their targets; of a trial's folds the first.{first}"
        );
        let over_x = whose.iter().all(|(_, found)| points(found).all(|point| point.x.is_some()));
        Drawing::chart(caption, if over_x { over_feature(&whose) } else { over_target(&whose) })
    }))
}

fn points(found: &PredictionsReport) -> impl Iterator<Item = &Point> {
    found.numbers.iter().flat_map(|numbers| &numbers.points)
}

/// Feature, target and prediction of each point, by feature.
fn rows(found: &PredictionsReport) -> Vec<(f64, f64, f64)> {
    let row = |point: &Point| {
        let (target, predicted) = (point.target.first()?, point.predicted.first()?);
        Some((point.x.map_or(0.0, shortest), shortest(*target), shortest(*predicted)))
    };
    let mut rows: Vec<(f64, f64, f64)> = points(found).filter_map(row).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows
}

/// Functions over the feature, with the targets behind.
fn over_feature(whose: &[(String, &PredictionsReport)]) -> Chart {
    let mut chart = Chart::new(
        Axis::new("Feature x", Spread::Linear),
        Axis::new("Target and prediction", Spread::Linear),
    );
    let target = Style { shape: Shape::Ring, ..Style::plain(Color::Muted) };
    let at = thinned(&rows(whose[0].1)).iter().map(|row| (row.0, row.1)).collect();
    chart.marks.push(Mark::Points { points: at, style: target, radius: 2.6, opacity: 0.9 });
    chart.name(Entry::new(Key::Marker(Shape::Ring, Color::Muted), "target"));
    for (place, (name, found)) in whose.iter().enumerate() {
        let line = thinned(&rows(found)).iter().map(|row| (row.0, row.2)).collect();
        chart.marks.push(Mark::Line { points: line, style: style(place), width: 2.0, opacity: 1.0 });
        chart.name(Entry::new(Key::Line(style(place)), name.clone()));
    }
    chart
}

/// Predictions over targets, with the line on which both are equal.
fn over_target(whose: &[(String, &PredictionsReport)]) -> Chart {
    let mut chart = Chart::new(Axis::new("Target", Spread::Linear), Axis::new("Prediction", Spread::Linear));
    let targets = || whose.iter().flat_map(|(_, found)| rows(found)).map(|row| row.1);
    let ends = (targets().fold(f64::INFINITY, f64::min), targets().fold(f64::NEG_INFINITY, f64::max));
    let line = Style { dash: "7 3", ..Style::plain(Color::Muted) };
    let diagonal = vec![(ends.0, ends.0), (ends.1, ends.1)];
    chart.marks.push(Mark::Line { points: diagonal, style: line, width: 1.4, opacity: 1.0 });
    chart.name(Entry::new(Key::Line(line), "prediction = target"));
    for (place, (name, found)) in whose.iter().enumerate() {
        let style = style(place);
        let at = rows(found).iter().map(|row| (row.1, row.2)).collect();
        chart.marks.push(Mark::Points { points: at, style, radius: 2.8, opacity: 0.7 });
        chart.name(Entry::new(Key::Marker(style.shape, style.color), name.clone()));
    }
    chart
}
