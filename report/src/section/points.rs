//! Predicted numbers beside their targets.

use foldwise_study::outcome::Point;

use super::epochs::thinned;
use super::part::{nothing, predictions};
use super::run::Scope;
use crate::number::count;
use crate::page::Page;
use crate::sheet::{Field, Sheet};

const COLUMNS: [&str; 5] = ["row", "output", "x", "target", "predicted"];

/// A table per run and measured part, of many points some.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    page.title("Points: predicted numbers beside their targets");
    let mut found = false;
    for run in scope.chosen_runs() {
        for part in predictions(&run) {
            let Some(numbers) = &part.numbers else { continue };
            found = true;
            page.gap();
            page.line(&format!("{}: {} rows, epoch {}", run.name(), part.part.word(), part.epoch));
            let mut points: Vec<&Point> = numbers.points.iter().collect();
            points.sort_by(|a, b| a.x.unwrap_or(0.0).total_cmp(&b.x.unwrap_or(0.0)));
            let shown = thinned(&points);
            let mut sheet = Sheet::new(COLUMNS);
            shown.iter().flat_map(|point| fields(point)).for_each(|line| sheet.push(line));
            page.block(&sheet.without_empty_columns().text(scope.options));
            if shown.len() < points.len() {
                let (shown, all) = (shown.len(), count(points.len() as u64));
                page.line(&format!("{shown} of {all} points; --format csv has all."));
            }
        }
    }
    if !found {
        nothing(scope, page, "predicted numbers");
    }
}

/// One line per output.
fn fields(point: &Point) -> Vec<Vec<Field>> {
    let real = |value: f32| Field::Real(shortest(value));
    let pairs = point.target.iter().zip(&point.predicted).enumerate();
    let line = |(output, (target, predicted)): (usize, (&f32, &f32))| {
        let x = Field::or_none(point.x, real);
        vec![Field::Index(point.row.into()), Field::index(output), x, real(*target), real(*predicted)]
    };
    pairs.map(line).collect()
}

/// A 32-bit number as the 64-bit one that is written alike: 0.1 stays 0.1.
pub(crate) fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}

/// One line per run, part, point and output.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let mut sheet = Sheet::new(["trial", "fold", "part"].into_iter().chain(COLUMNS));
    for run in scope.chosen_runs() {
        for part in predictions(&run) {
            let points = part.numbers.iter().flat_map(|numbers| &numbers.points);
            for fields in points.flat_map(fields) {
                let mut line = run.fields();
                line.push(Field::text(part.part.word()));
                line.extend(fields);
                sheet.push(line);
            }
        }
    }
    sheet
}
