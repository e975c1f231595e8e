//! All runs are in: the selection picks the trial, the final stage trains it, outer folds judge the search, the study ends.

use std::ops::Range;
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
        if study.last_cohorts().next().is_some() {
            if study.last_cohorts().any(Cohort::is_open) {
                return Ok(());
            }
            let (end, message) = study.ending();
            return self.end_study(id, end, message, now, changes);
        }
        let winner = study.choice();
        let study = self.study_mut(id)?;
        study.winner = winner;
        let Some(trial) = study.winner else {
            let message = "no trial can win: every trial has a failed fold".to_owned();
            return self.end_study(id, EndedAs::Failed, message, now, changes);
        };
        let last = study.last_trainings(trial);
        if last.is_empty() {
            return self.end_study(id, EndedAs::Succeeded, String::new(), now, changes);
        }
        last.into_iter().try_for_each(|cohort| self.add_cohort(id, cohort, changes).map(drop))
    }
}

impl Study {
    /// The winner among the trials that may win, as they stand.
    pub(super) fn choice(&self) -> Option<u32> {
        self.choice_on(0..self.record.choosing())
    }

    /// What the search within an outer fold chooses, as it stands.
    #[must_use]
    pub fn choice_within(&self, outer: u32) -> Option<u32> {
        self.choice_on(self.record.within(outer))
    }

    fn choice_on(&self, folds: Range<u32>) -> Option<u32> {
        let places = folds.start as usize..folds.end as usize;
        let scores: Vec<TrialScores> = self
            .runs
            .chunks(self.record.sizes.len())
            .zip(self.record.trials.facts())
            .enumerate()
            .map(|(trial, (runs, facts))| TrialScores {
                trial,
                parameters: facts.parameters.total,
                folds: runs.get(places.clone()).unwrap_or_default().iter().map(RunEntry::score).collect(),
            })
            .collect();
        let winner = choose(&self.record.rule, &scores).winner;
        winner.and_then(|winner| u32::try_from(winner).ok())
    }

    /// What is trained when the search is over: the winner, unless the spec has no final stage, and in each outer fold what
    /// the search within it chose.
    fn last_trainings(&self, winner: u32) -> Vec<Cohort> {
        let record = &self.record;
        let last = (!record.spec.final_stage.skip).then(|| {
            let epochs = self.last_epochs(winner, 0..record.choosing());
            Cohort::new(vec![record.final_run(winner)], Stage::Final { epochs })
        });
        let outer = (0..record.outer()).filter_map(|fold| {
            let trial = self.choice_within(fold)?;
            let epochs = self.last_epochs(trial, record.within(fold));
            Some(Cohort::new(vec![record.outer_run(trial, fold)], Stage::Outer { fold, epochs }))
        });
        last.into_iter().chain(outer).collect()
    }

    /// The cohorts of the last trainings, once there are any.
    pub(super) fn last_cohorts(&self) -> impl Iterator<Item = &Cohort> {
        let numbers = self.final_cohort.iter().chain(self.outer_cohorts.values());
        numbers.filter_map(|&number| self.cohorts.get(number as usize))
    }

    /// How a study ends whose last trainings have ended: what failed in outer folds is missing in the report, and takes
    /// nothing from the winner.
    fn ending(&self) -> (EndedAs, String) {
        let last = self.final_cohort.and_then(|number| self.cohorts.get(number as usize));
        match last {
            Some(Cohort { state: CohortState::Failed { .. }, failure, .. }) => {
                let why = failure.as_ref().map(ToString::to_string).unwrap_or_default();
                (EndedAs::Failed, format!("the final stage failed: {why}"))
            }
            _ => (EndedAs::Succeeded, String::new()),
        }
    }

    /// Passes of a last training: the spec's number, or for a refit the mean of the trial's best epochs on these folds.
    fn last_epochs(&self, trial: u32, folds: Range<u32>) -> u32 {
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
            (Stage::Final { .. } | Stage::Outer { .. }, CohortState::Superseded { .. }) => {}
            (Stage::Final { .. }, _) => {
                self.final_cohort = Some(number);
                self.phase = StudyPhase::Finishing { trial: cohort.runs[0].trial };
            }
            (Stage::Outer { fold, .. }, _) => {
                self.outer_cohorts.insert(fold, number);
                if let (StudyPhase::Searching, Some(trial)) = (&self.phase, self.choice()) {
                    self.phase = StudyPhase::Finishing { trial };
                }
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
