//! Several studies side by side.

use foldwise_study::selection::Metric;

use crate::heading::searched;
use crate::number::{NONE, mean_std};
use crate::page::Page;
use crate::sheet::{Field, Sheet};
use crate::{Report, TableOptions, TrialReport};

/// One line per study: its winner, what it has, and what it came to. Times are of the winner's longest cohort.
#[must_use]
pub fn comparison(reports: &[Report], options: TableOptions) -> String {
    let columns = [
        "study",
        "winner",
        "parameters",
        "without_batch_norm",
        "epoch",
        "validation",
        "test",
        "training_time",
        "state",
    ];
    let mut sheet = Sheet::new(columns);
    for report in reports {
        let row = Row::of(report);
        let test = test_text(report);
        sheet.push(vec![
            Field::text(&report.study.display_name),
            Field::or_none(row.winner, |trial| Field::Text(searched(trial))),
            Field::or_none(row.winner.and_then(TrialReport::learned_numbers), Field::Count),
            Field::or_none(row.winner.and_then(plain_parameters), Field::Count),
            row.epoch_short(),
            Field::Text(row.score_text(report.selection.rule.metric)),
            Field::Text(test),
            Field::or_none(row.winner.and_then(TrialReport::seconds), Field::Seconds),
            Field::text(report.study.state.word()),
        ]);
    }
    let mut page = Page::new(options);
    page.block(&sheet.text(options));
    page.into_text()
}

/// The same with all numbers in full, one line per study under a header (RFC 4180, but with line feeds alone).
#[must_use]
pub fn comparison_csv(reports: &[Report]) -> String {
    let columns = [
        "study",
        "display_name",
        "state",
        "winner",
        "searched",
        "parameters",
        "batch_norm_parameters",
        "metric",
        "mean",
        "std",
        "epochs",
        "test_accuracy",
        "test_loss",
        "seconds",
        "final_seconds",
    ];
    let mut sheet = Sheet::new(columns);
    for report in reports {
        let (row, stage) = (Row::of(report), report.final_stage.as_ref());
        let epochs: Vec<String> = row.epochs.iter().map(ToString::to_string).collect();
        sheet.push(vec![
            Field::text(&report.study.name),
            Field::text(&report.study.display_name),
            Field::text(report.study.state.word()),
            Field::or_none(row.winner, |trial| Field::index(trial.index)),
            Field::or_none(row.winner, |trial| Field::Text(searched(trial))),
            Field::or_none(row.winner.and_then(TrialReport::learned_numbers), Field::Count),
            Field::or_none(row.winner, |trial| Field::Count(trial.batch_norm_parameters)),
            Field::text(report.selection.rule.metric.word()),
            Field::or_none(row.winner.and_then(|trial| trial.mean), Field::Real),
            Field::or_none(row.winner.and_then(|trial| trial.std), Field::Real),
            Field::Text(epochs.join(" ")),
            Field::or_none(stage.and_then(|stage| stage.test_accuracy), Field::Share),
            Field::or_none(stage.and_then(|stage| stage.test_loss), Field::Real),
            Field::or_none(row.winner.and_then(TrialReport::seconds), Field::Seconds),
            Field::or_none(stage.and_then(|stage| stage.seconds), Field::Seconds),
        ]);
    }
    sheet.csv()
}

/// What a study came to.
struct Row<'a> {
    winner: Option<&'a TrialReport>,
    /// Of the folds that have a score, the epochs that they are of.
    epochs: Vec<u32>,
}

impl<'a> Row<'a> {
    fn of(report: &'a Report) -> Self {
        let winner = report.selection.winner.and_then(|winner| report.trials.get(winner));
        let folds = winner.into_iter().flat_map(|trial| &trial.folds);
        Self {
            winner,
            epochs: folds.filter_map(|fold| fold.score_epoch(report.selection.rule.epoch)).collect(),
        }
    }

    fn epoch_short(&self) -> Field {
        match self.epochs[..] {
            [] => Field::None,
            [only] => Field::Index(only.into()),
            _ => {
                let sum: f64 = self.epochs.iter().map(|&epoch| f64::from(epoch)).sum();
                Field::Text(format!("{:.1}", sum / self.epochs.len() as f64))
            }
        }
    }

    fn score_text(&self, metric: Metric) -> String {
        let score = self.winner.and_then(|trial| Some(mean_std(metric, trial.mean?, trial.std)));
        score.unwrap_or_else(|| NONE.to_owned())
    }
}

fn plain_parameters(trial: &TrialReport) -> Option<u64> {
    Some(trial.learned_numbers()?.saturating_sub(trial.batch_norm_parameters))
}

/// Test accuracy, or the loss where the target is a number.
fn test_text(report: &Report) -> String {
    let stage = report.final_stage.as_ref();
    let accuracy = stage.and_then(|stage| stage.test_accuracy).map(Field::Share);
    let loss = stage.and_then(|stage| stage.test_loss).map(Field::Real);
    accuracy.or(loss).unwrap_or(Field::None).short()
}
