//! How much of a mean is owed to taking each run's best epoch.

use foldwise_study::selection::{EpochRule, Metric};

use crate::number::{bare, with_unit};
use crate::sheet::{Field, Sheet};
use crate::{Choice, Report};

/// A line per way to take an epoch: the trial that it would choose, that trial's mean, and how far the mean lies from
/// that by the study's own rule. `None` until all runs have ended, and where no trial can win.
pub(crate) fn optimism(report: &Report) -> Option<Sheet> {
    let alternatives = report.selection.alternatives.as_ref()?;
    let winner = report.trials.get(report.selection.winner?)?;
    let (metric, own) = (report.selection.rule.metric, winner.mean?);
    let rules = [
        ("each run's best epoch", alternatives.best_epoch, winner.best_epoch_mean, EpochRule::Best),
        ("each run's last epoch", alternatives.last_epoch, winner.last_epoch_mean, EpochRule::Last),
        (
            "one epoch for all folds",
            alternatives.best_common_epoch,
            winner.best_common_epoch.map(|common| common.mean),
            EpochRule::Best,
        ),
    ];
    let mut sheet = Sheet::new(["epoch", "would_choose", "its_mean", "the_winner's_mean", "difference"]);
    for (place, (name, choice, mean, rule)) in rules.into_iter().enumerate() {
        let is_own = place < 2 && rule == report.selection.rule.epoch;
        let name = if is_own { format!("{name} (the rule)") } else { name.to_owned() };
        let text = |value: Option<f64>| Field::or_none(value, |value| Field::Text(with_unit(metric, value)));
        let difference = mean.filter(|_| !is_own).map(|mean| mean - own);
        sheet.push(vec![
            Field::Text(name),
            Field::or_none(choice, |choice: Choice| Field::Text(format!("trial {}", choice.trial))),
            text(choice.map(|choice| choice.mean)),
            text(mean),
            Field::or_none(difference, |difference| Field::Text(signed(metric, difference))),
        ]);
    }
    Some(sheet)
}

fn signed(metric: Metric, difference: f64) -> String {
    let sign = match difference {
        below if below < 0.0 => "−",
        above if above > 0.0 => "+",
        _ => "",
    };
    let unit = match metric {
        Metric::ValAccuracy => " points",
        Metric::ValLoss => "",
    };
    format!("{sign}{}{unit}", bare(metric, difference.abs()))
}
