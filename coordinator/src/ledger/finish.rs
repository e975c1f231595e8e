//! All runs are in: the selection picks the trial, the final stage trains it, the study ends.

use std::sync::Arc;

use foldwise_study::plan::RunId;
use foldwise_study::selection::{TrialScores, choose};

use super::{
    Change, Cohort, CohortId, CohortState, EndedAs, Ledger, Now, Plan, Rejection, RunEnd, RunEntry, Stage,
    Study, StudyId, StudyPhase,
};

impl Ledger {
    /// Moves a study on when its open work has ended.
    pub(super) fn finish_if_done(
        &mut self,
        id: StudyId,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<(), Rejection> {
        let study = self.study(id)?;
        if study.is_over() || study.device.is_none() || study.open > 0 {
            return Ok(());
        }
        if let Some(number) = study.final_cohort {
            let cohort = &study.cohorts[number as usize];
            return match &cohort.state {
                CohortState::Done { .. } => {
                    self.end_study(id, EndedAs::Succeeded, String::new(), now, changes)
                }
                CohortState::Failed { .. } => {
                    let why = cohort.failure.as_ref().map(ToString::to_string).unwrap_or_default();
                    let message = format!("the final stage failed: {why}");
                    self.end_study(id, EndedAs::Failed, message, now, changes)
                }
                CohortState::Ready | CohortState::Leased { .. } | CohortState::Superseded { .. } => Ok(()),
            };
        }
        let winner = study.choice();
        let study = self.study_mut(id)?;
        study.winner = winner;
        let Some(trial) = study.winner else {
            let message = "no trial can win: every trial has a failed fold".to_owned();
            return self.end_study(id, EndedAs::Failed, message, now, changes);
        };
        if study.record.spec.final_stage.skip {
            return self.end_study(id, EndedAs::Succeeded, String::new(), now, changes);
        }
        let epochs = study.final_epochs(trial);
        let run = RunId { trial, fold: study.record.folds() };
        self.add_cohort(id, Cohort::new(vec![run], Stage::Final { epochs }), changes)?;
        Ok(())
    }
}

impl Study {
    /// The winner among the trials that may win, as they stand.
    pub(super) fn choice(&self) -> Option<u32> {
        let folds = self.record.sizes.len();
        let scores: Vec<TrialScores> = self
            .runs
            .chunks(folds)
            .zip(self.record.trials.facts())
            .enumerate()
            .map(|(trial, (runs, facts))| TrialScores {
                trial,
                parameters: facts.parameters.total,
                folds: runs.iter().map(RunEntry::score).collect(),
            })
            .collect();
        let winner = choose(&self.record.rule, &scores).winner;
        winner.and_then(|winner| u32::try_from(winner).ok())
    }

    /// Passes of the winner's last training: the spec's number, or for a refit the mean of its best epochs.
    fn final_epochs(&self, trial: u32) -> u32 {
        let spec = &self.record.spec;
        let trained = self.record.trials.facts().get(trial as usize).map_or(1, |facts| facts.epochs);
        if let Some(hold_out) = &spec.final_stage.hold_out {
            return hold_out.epochs.unwrap_or(trained);
        }
        if spec.final_stage.repeat.is_some() {
            return trained;
        }
        if let Some(epochs) = spec.final_stage.refit.as_ref().and_then(|refit| refit.epochs) {
            return epochs;
        }
        let folds = 0..self.record.folds();
        let best: Vec<u64> = folds
            .filter_map(|fold| match self.run(RunId { trial, fold })?.end {
                RunEnd::Finished { epoch, .. } => Some(u64::from(epoch)),
                RunEnd::Open | RunEnd::Diverged { .. } => None,
            })
            .collect();
        let count = best.len() as u64;
        if count == 0 {
            return trained;
        }
        let rounded = (best.iter().sum::<u64>() * 2 + count) / (2 * count);
        u32::try_from(rounded).unwrap_or(trained).max(1)
    }

    /// Adds the cohorts of a plan; the number of the first.
    pub(super) fn apply_plan(&mut self, plan: &Plan) -> CohortId {
        let first = self.next_cohort();
        self.device = Some(plan.profile.kind);
        self.profile = Some(Arc::clone(&plan.profile));
        for runs in &plan.cohorts {
            self.insert_cohort(Cohort::new(runs.clone(), Stage::Search));
        }
        first
    }

    pub(super) fn next_cohort(&self) -> CohortId {
        CohortId::try_from(self.cohorts.len()).expect("cohorts are bounded by runs and attempts")
    }

    pub(super) fn insert_cohort(&mut self, cohort: Cohort) -> CohortId {
        let number = self.next_cohort();
        match (cohort.stage, &cohort.state) {
            (Stage::Search, _) => {
                for &run in &cohort.runs {
                    if let Some(entry) = self.run_mut(run) {
                        entry.cohort = number;
                    }
                }
            }
            (Stage::Final { .. }, CohortState::Superseded { .. }) => {}
            (Stage::Final { .. }, _) => {
                self.final_cohort = Some(number);
                self.phase = StudyPhase::Finishing { trial: cohort.runs[0].trial };
            }
        }
        self.cohorts.push(cohort);
        self.count(number);
        number
    }
}

impl RunEntry {
    fn score(&self) -> Option<f64> {
        match self.end {
            RunEnd::Finished { score, .. } => Some(score),
            RunEnd::Open | RunEnd::Diverged { .. } => None,
        }
    }
}
