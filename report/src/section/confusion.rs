//! Which classes were taken for which.

use super::part::{class_name, nothing, predictions, together};
use super::run::Scope;
use crate::page::Page;
use crate::sheet::{Field, Sheet, cut};

/// Classes of which a matrix can still be read.
const CLASSES_MAX: usize = 25;
/// Characters of a class's name in a heading.
const NAME_CHARS_MAX: usize = 10;

/// A matrix per measured part; the folds of a trial are added up.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    page.title("Confusion: rows by true class (down) and predicted class (across)");
    let parts = together(scope);
    if parts.is_empty() {
        return nothing(scope, page, "confusion of classes");
    }
    for part in parts {
        let confusion = &part.classes.confusion;
        page.gap();
        page.line(&part.name);
        if confusion.len() > CLASSES_MAX {
            page.line(&format!("{} classes are too many to read; --format csv has them.", confusion.len()));
            continue;
        }
        let name = |class: usize| cut(&class_name(scope.report, class), NAME_CHARS_MAX);
        let mut sheet = Sheet::new(["true".to_owned()].into_iter().chain((0..confusion.len()).map(name)));
        for (class, row) in confusion.iter().enumerate() {
            let counts = row.iter().map(|&count| Field::Count(count));
            sheet.push([Field::Text(name(class))].into_iter().chain(counts).collect());
        }
        page.block(&sheet.text(scope.options));
    }
}

/// One line per run, part, true and predicted class.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let mut sheet = Sheet::new(["trial", "fold", "part", "true", "predicted", "rows"]);
    for run in scope.chosen_runs() {
        for part in predictions(&run) {
            let rows = part.classes.iter().flat_map(|classes| classes.confusion.iter().enumerate());
            for (class, predicted, count) in rows.flat_map(|(class, row)| {
                row.iter().enumerate().map(move |(predicted, count)| (class, predicted, count))
            }) {
                let name = |class| Field::Text(class_name(scope.report, class));
                let mut line = run.fields();
                line.extend([
                    Field::text(part.part.word()),
                    name(class),
                    name(predicted),
                    Field::Count(*count),
                ]);
                sheet.push(line);
            }
        }
    }
    sheet
}
