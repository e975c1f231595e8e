//! A plan for people.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::view::{CohortView, FoldView, PlanView, TrialView};
use crate::quantity::{count, counted, rough};
use crate::table::{self, Column};

/// What is said of a number that nobody knows.
const UNKNOWN: &str = "unknown";
/// Trials listed unless all are asked for.
const TRIALS_LISTED_MAX: usize = 50;

/// The plan as a page; `all` trials, and the `cohorts` one by one, if asked for.
pub(super) fn page(plan: &PlanView, all: bool, cohorts: bool) -> String {
    let most = if all { usize::MAX } else { TRIALS_LISTED_MAX };
    let mut text = head(plan);
    text.push('\n');
    text.push_str(&trials(&plan.trials, most));
    if cohorts {
        text.push('\n');
        text.push_str(&cohort_table(&plan.cohorts));
    }
    text
}

fn head(plan: &PlanView) -> String {
    let shape = plan.row_shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
    let target = match (plan.classes, plan.targets) {
        (Some(classes), _) => format!("{} classes", count(classes as u64)),
        (None, 1) => "a number to predict".to_owned(),
        (None, targets) => format!("{} numbers to predict", count(targets as u64)),
    };
    let test = plan.test_rows.map(|rows| format!(", {} test rows", count(rows as u64)));
    let rows = format!("{} training rows{}", count(plan.train_rows as u64), test.unwrap_or_default());
    let folds_in_all = plan.folds.len() * (plan.outer_folds.len() + 1);
    let runs = format!(
        "{} ({} × {})",
        count(plan.runs as u64),
        counted(plan.trials.len() as u64, "trial"),
        counted(folds_in_all as u64, "fold")
    );
    let outer = (!plan.outer_folds.is_empty()).then(|| ("outer", outer_folds(plan)));
    let last = match plan.final_stage {
        "skip" => "none",
        "hold_out" => "the chosen trial once more, with a part of the training rows held out",
        "repeat" => "the chosen trial once more, on one of its folds as in the search",
        _ => "the chosen trial once more, on all training rows",
    };
    let first = [
        ("study", plan.name.clone()),
        ("data", format!("{}: {rows} of {shape}, {target}", plan.dataset)),
        ("folds", folds(&plan.folds)),
    ];
    let rest = [
        ("runs", runs),
        ("epochs", format!("{} in all", count(plan.epochs))),
        ("cost", cost(plan)),
        ("final", last.to_owned()),
        ("cohorts", widths(plan)),
    ];
    table::labelled(&first.into_iter().chain(outer).chain(rest).collect::<Vec<_>>())
}

fn cost(plan: &PlanView) -> String {
    match plan.cost {
        0 => "unknown: the study's own code".to_owned(),
        cost => format!("about {} multiply-accumulates", rough(cost)),
    }
}

fn folds(folds: &[FoldView]) -> String {
    let train = range(folds.iter().map(|fold| fold.train_rows));
    let validation = range(folds.iter().map(|fold| fold.validation_rows));
    let number = counted(folds.len() as u64, "fold");
    format!("{number} of {train} training and {validation} validation rows")
}

fn outer_folds(plan: &PlanView) -> String {
    let train = range(plan.outer_folds.iter().map(|fold| fold.train_rows));
    let test = range(plan.outer_folds.iter().map(|fold| fold.test_rows));
    let number = counted(plan.outer_folds.len() as u64, "outer fold");
    let within = counted(plan.folds.len() as u64, "fold");
    format!("{number} of {train} training and {test} test rows, {within} within each")
}

fn range(values: impl Iterator<Item = usize> + Clone) -> String {
    let (least, most) = (values.clone().min().unwrap_or(0), values.max().unwrap_or(0));
    let most_shown = count(most as u64);
    if least == most { most_shown } else { format!("{} to {most_shown}", count(least as u64)) }
}

fn widths(plan: &PlanView) -> String {
    let mut widths: BTreeMap<usize, u64> = BTreeMap::new();
    for cohort in &plan.cohorts {
        *widths.entry(cohort.width).or_default() += 1;
    }
    let parts: Vec<String> =
        widths.iter().rev().map(|(width, number)| format!("{} of {width}", count(*number))).collect();
    let cohorts = count(plan.cohorts.len() as u64);
    format!("{cohorts} on {} ({} runs), profile {}", plan.device, parts.join(", "), plan.profile)
}

fn trials(trials: &[TrialView], most: usize) -> String {
    let mut columns = vec![Column::Number("trial")];
    // Every trial has a value for every searched path.
    let searched = trials.first().into_iter().flat_map(|trial| trial.parameters.keys());
    columns.extend(searched.map(|path| Column::Text(path)));
    columns.extend([
        Column::Number("parameters"),
        Column::Number("of batch norm"),
        Column::Number("MACs per epoch"),
    ]);
    let rows = trials.iter().take(most).map(|trial| {
        // Of a study's own code nothing is known.
        let known = |text: String| if trial.parameter_count > 0 { text } else { UNKNOWN.to_owned() };
        let mut row = vec![trial.trial.to_string()];
        row.extend(trial.parameters.values().map(value));
        row.extend([
            known(count(trial.parameter_count)),
            known(count(trial.batch_norm_parameter_count)),
            known(rough(trial.epoch_cost)),
        ]);
        row
    });
    let mut text = table::table(&columns, rows);
    if let Some(more) = trials.len().checked_sub(most).filter(|&more| more > 0) {
        text.push_str(&format!("and {} (--all lists them)\n", counted(more as u64, "more trial")));
    }
    text
}

/// A searched value as a study file writes it, texts without quotes.
fn value(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string().replace(',', ", "),
    }
}

fn cohort_table(cohorts: &[CohortView]) -> String {
    let columns = [Column::Number("cohort"), Column::Number("width"), Column::Text("runs (trial/fold)")];
    let rows = cohorts.iter().enumerate().map(|(number, cohort)| {
        let runs: Vec<String> = cohort.runs.iter().map(|[trial, fold]| format!("{trial}/{fold}")).collect();
        vec![number.to_string(), cohort.width.to_string(), runs.join(" ")]
    });
    table::table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::value;

    #[test]
    fn values_look_as_in_a_study_file() {
        assert_eq!(value(&json!([96, 48])), "[96, 48]");
        assert_eq!(value(&json!("relu")), "relu");
        assert_eq!(value(&json!(0.003)), "0.003");
    }
}
