//! The statistics of all trials under the study's rule and under the other epoch rules.

use foldwise_study::selection::{EpochRule, Rule, Selection, TrialScores, choose, select, test_train_ratio};

use super::Run;
use crate::{Alternatives, Choice, CommonEpoch};

/// Selections over the same runs. Their summaries are in the order of trials.
pub(super) struct Statistics {
    /// By the study's rule.
    pub(super) chosen: Selection,
    /// By each run's best epoch.
    pub(super) best: Selection,
    /// By each run's last epoch.
    pub(super) last: Selection,
    /// By each trial's best common epoch.
    common: Selection,
    /// That epoch, by trial.
    pub(super) common_epochs: Vec<Option<CommonEpoch>>,
}

impl Statistics {
    /// `parameters` has the trainable numbers of each trial, `grid` its runs by fold.
    pub(super) fn new(rule: &Rule, parameters: &[u64], grid: &[Vec<Run>], sizes: &[(usize, usize)]) -> Self {
        let scores = |score: &dyn Fn(usize, &Run) -> Option<f64>| -> Vec<TrialScores> {
            let trials = parameters.iter().zip(grid).enumerate();
            let scores = trials.map(|(trial, (&parameters, runs))| TrialScores {
                trial,
                parameters,
                folds: runs.iter().map(|run| score(trial, run)).collect(),
            });
            scores.collect()
        };
        // Only the study's rule is told with comparisons.
        let by = |epoch| {
            let scores = scores(&|_, run| Some(run.score_by(epoch)?.1));
            if epoch == rule.epoch {
                select(rule, &scores, test_train_ratio(sizes))
            } else {
                choose(rule, &scores)
            }
        };
        let (best, last) = (by(EpochRule::Best), by(EpochRule::Last));
        let common_epochs: Vec<Option<CommonEpoch>> =
            grid.iter().map(|runs| best_common_epoch(rule, runs)).collect();
        let common = choose(rule, &scores(&|trial, run| run.value_at(common_epochs[trial]?.epoch)));
        let chosen = match rule.epoch {
            EpochRule::Best => best.clone(),
            EpochRule::Last => last.clone(),
        };
        Self { chosen, best, last, common, common_epochs }
    }

    /// What each epoch rule chooses.
    pub(super) fn alternatives(&self) -> Alternatives {
        Alternatives {
            best_epoch: choice(&self.best),
            last_epoch: choice(&self.last),
            best_common_epoch: choice(&self.common),
        }
    }
}

fn choice(selection: &Selection) -> Option<Choice> {
    let trial = selection.winner?;
    Some(Choice { trial, mean: selection.summaries[trial].mean? })
}

/// Of the epochs at which every finished run has a finite value, the one with the best mean; the earliest of equals.
fn best_common_epoch(rule: &Rule, runs: &[Run]) -> Option<CommonEpoch> {
    let finished: Vec<&Run> = runs.iter().filter(|run| run.epochs().next().is_some()).collect();
    let mut best: Option<CommonEpoch> = None;
    for epoch in finished.first()?.epochs() {
        let values: Option<Vec<f64>> = finished.iter().map(|run| run.value_at(epoch)).collect();
        let Some(values) = values else { continue };
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        if best.is_none_or(|best| rule.metric.direction().is_better(mean, best.mean)) {
            best = Some(CommonEpoch { epoch, mean });
        }
    }
    best
}
