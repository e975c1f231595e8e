//! The first row of each class that was taken for another.

use super::part::{class_name, nothing, predictions, together};
use super::run::Scope;
use crate::page::Page;
use crate::sheet::{Field, Sheet};

/// A table per measured part, of a trial's folds the first row of all.
pub(super) fn write(scope: Scope<'_>, page: &mut Page) {
    page.title("Wrong: of each class the first row that was taken for another (rows count from 0)");
    let parts = together(scope);
    if parts.is_empty() {
        return nothing(scope, page, "wrongly classified rows");
    }
    for part in parts {
        page.gap();
        page.line(&part.name);
        let mut sheet = Sheet::new(["true", "row", "predicted"]);
        for (class, wrong) in part.classes.first_wrong.iter().enumerate() {
            let name = |class: usize| Field::Text(class_name(scope.report, class));
            let predicted = Field::or_none(*wrong, |wrong| name(wrong.predicted as usize));
            let row = Field::or_none(*wrong, |wrong| Field::Index(wrong.row.into()));
            sheet.push(vec![name(class), row, predicted]);
        }
        page.block(&sheet.text(scope.options));
    }
}

/// One line per run, part and class with a wrong row.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let mut sheet = Sheet::new(["trial", "fold", "part", "true", "row", "predicted"]);
    for run in scope.chosen_runs() {
        for part in predictions(&run) {
            let wrong = part.classes.iter().flat_map(|classes| classes.first_wrong.iter().enumerate());
            for (class, wrong) in wrong.filter_map(|(class, wrong)| Some((class, (*wrong)?))) {
                let name = |class: usize| Field::Text(class_name(scope.report, class));
                let mut line = run.fields();
                line.extend([Field::text(part.part.word()), name(class), Field::Index(wrong.row.into())]);
                line.push(name(wrong.predicted as usize));
                sheet.push(line);
            }
        }
    }
    sheet
}
