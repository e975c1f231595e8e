//! How well each class is recognized, or how far off predicted numbers are.

use foldwise_study::outcome::ClassScore;

use super::part::{Together, class_name, nothing, predictions, together};
use super::run::Scope;
use crate::Report;
use crate::number::NONE;
use crate::page::Page;
use crate::sheet::{Field, Sheet};

const SCORES: [&str; 5] = ["class", "rows", "accuracy", "precision", "f1"];
const ERRORS: [&str; 3] = ["r2", "mean_absolute_error", "mean_squared_error"];

/// A table per measured part, the folds of a trial together; of numbers a line per run, part and output.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    page.title("Classes: accuracy (recall), precision and F1; of numbers R² and errors");
    let (parts, numbers) = (together(scope), numbers(scope));
    if parts.is_empty() && numbers.is_empty() {
        return nothing(scope, page, "predictions");
    }
    for part in parts {
        page.gap();
        page.line(&part.name);
        page.block(&table(scope.report, &part).text(scope.options));
        let mean = part.classes.macro_f1.map_or_else(|| NONE.to_owned(), |f1| Field::Share(f1).short());
        page.line(&format!("Macro F1 {mean}; accuracy {}.", Field::Share(accuracy(&part)).short()));
    }
    if !numbers.is_empty() {
        page.gap();
        page.block(&numbers.text(scope.options));
    }
}

/// Share of all rows on the diagonal.
fn accuracy(part: &Together) -> f64 {
    let confusion = &part.classes.confusion;
    let hits: u64 = confusion.iter().enumerate().filter_map(|(class, row)| row.get(class)).sum();
    let rows: u64 = confusion.iter().flatten().sum();
    hits as f64 / rows.max(1) as f64
}

fn table(report: &Report, part: &Together) -> Sheet {
    let mut sheet = Sheet::new(SCORES);
    for (class, score) in part.classes.scores.iter().enumerate() {
        sheet.push(fields(report, class, score));
    }
    sheet
}

fn fields(report: &Report, class: usize, score: &ClassScore) -> Vec<Field> {
    let share = |value: Option<f64>| Field::or_none(value, Field::Share);
    vec![
        Field::Text(class_name(report, class)),
        Field::Count(score.rows),
        share(score.recall),
        share(score.precision),
        share(score.f1),
    ]
}

fn numbers(scope: Scope<'_>) -> Sheet {
    let mut sheet =
        Sheet::new(["trial", "fold", "part", "epoch", "rows", "output"].into_iter().chain(ERRORS));
    for run in scope.chosen_runs() {
        for part in predictions(&run) {
            let Some(numbers) = &part.numbers else { continue };
            for (output, absolute) in numbers.mean_absolute_error.iter().enumerate() {
                let mut line = run.fields();
                line.extend([
                    Field::text(part.part.word()),
                    Field::Index(part.epoch.into()),
                    Field::Count(part.rows),
                ]);
                line.push(Field::index(output));
                line.push(Field::or_none(numbers.r2.get(output).copied().flatten(), Field::Real));
                line.push(Field::Real(*absolute));
                line.push(Field::or_none(numbers.mean_squared_error.get(output).copied(), Field::Real));
                sheet.push(line);
            }
        }
    }
    sheet
}

/// One line per run, part and class, and one with the macro F1, whose class is empty; of numbers one per output.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let numbers = numbers(scope);
    if !numbers.is_empty() {
        return numbers;
    }
    let before = ["trial", "fold", "part", "epoch"];
    let mut sheet = Sheet::new(before.into_iter().chain(SCORES).chain(["macro_f1"]));
    for run in scope.chosen_runs() {
        for part in predictions(&run) {
            let Some(classes) = &part.classes else { continue };
            let mut who = run.fields();
            who.extend([Field::text(part.part.word()), Field::Index(part.epoch.into())]);
            for (class, score) in classes.scores.iter().enumerate() {
                let line = who.iter().cloned().chain(fields(scope.report, class, score)).chain([Field::None]);
                sheet.push(line.collect());
            }
            let all = [Field::None, Field::Count(part.rows), Field::or_none(part.accuracy, Field::Share)];
            let rest = [Field::None, Field::None, Field::or_none(classes.macro_f1, Field::Share)];
            sheet.push(who.into_iter().chain(all).chain(rest).collect());
        }
    }
    sheet
}
