//! The first row of each class that was taken for another.

use foldwise_study::outcome::WrongRow;

use super::part::{class_name, nothing, predictions, together};
use super::points::shortest;
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
        let mut sheet = Sheet::new(["true", "row", "predicted", "probability"]);
        for (class, wrong) in part.classes.first_wrong.iter().enumerate() {
            let name = |class: usize| Field::Text(class_name(scope.report, class));
            let predicted = Field::or_none(wrong.as_ref(), |wrong| name(wrong.predicted as usize));
            let row = Field::or_none(wrong.as_ref(), |wrong| Field::Index(wrong.row.into()));
            sheet.push(vec![name(class), row, predicted, probability(wrong.as_ref())]);
        }
        page.block(&sheet.without_empty_columns().text(scope.options));
    }
}

/// One line per run, part and class with a wrong row.
pub(super) fn sheet(scope: Scope<'_>) -> Sheet {
    let mut sheet = Sheet::new(["trial", "fold", "part", "true", "row", "predicted", "probability"]);
    for run in scope.chosen_runs() {
        for part in predictions(&run) {
            let wrong = part.classes.iter().flat_map(|classes| classes.first_wrong.iter().enumerate());
            for (class, wrong) in wrong.filter_map(|(class, wrong)| Some((class, wrong.as_ref()?))) {
                let name = |class: usize| Field::Text(class_name(scope.report, class));
                let mut line = run.fields();
                line.extend([Field::text(part.part.word()), name(class), Field::Index(wrong.row.into())]);
                line.extend([name(wrong.predicted as usize), probability(Some(wrong))]);
                sheet.push(line);
            }
        }
    }
    sheet
}

/// How sure the model was of what it said.
fn probability(wrong: Option<&WrongRow>) -> Field {
    let probability = wrong.and_then(|wrong| wrong.probability);
    Field::or_none(probability, |probability| Field::Share(shortest(probability)))
}
