//! The order of trials for readers.

use std::cmp::Ordering;

use foldwise_study::selection::Direction;

use crate::{Report, TrialReport};

/// The trials, best first.
pub(crate) struct Ranking<'a> {
    /// Those that can win by mean, then those that have one but a failed fold too many, then the rest by number.
    pub(crate) trials: Vec<&'a TrialReport>,
    /// How many can win: the first ones.
    pub(crate) can_win: usize,
}

impl<'a> Ranking<'a> {
    pub(crate) fn new(report: &'a Report) -> Self {
        let rule = &report.selection.rule;
        let group = |trial: &TrialReport| match trial.mean {
            Some(_) if rule.allow_failed_folds || trial.failed_folds() == 0 => 0,
            Some(_) => 1,
            None => 2,
        };
        let mut trials: Vec<(u8, &TrialReport)> =
            report.trials.iter().map(|trial| (group(trial), trial)).collect();
        trials.sort_by(|(a_group, a), (b_group, b)| {
            a_group.cmp(b_group).then_with(|| by_mean(a, b, rule.metric.direction()))
        });
        let can_win = trials.iter().filter(|(group, _)| *group == 0).count();
        Self { trials: trials.into_iter().map(|(_, trial)| trial).collect(), can_win }
    }
}

/// The selection's order: by mean, then fewer parameters, then number. Trials without a mean are in order of number.
fn by_mean(a: &TrialReport, b: &TrialReport, direction: Direction) -> Ordering {
    let (Some(a_mean), Some(b_mean)) = (a.mean, b.mean) else { return a.index.cmp(&b.index) };
    let means = match direction {
        Direction::Maximize => b_mean.total_cmp(&a_mean),
        Direction::Minimize => a_mean.total_cmp(&b_mean),
    };
    means.then(a.parameters.cmp(&b.parameters)).then(a.index.cmp(&b.index))
}
