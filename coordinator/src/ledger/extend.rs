//! A study gets more trials or more folds; what is done is kept.

use std::sync::Arc;

use foldwise_study::plan::Plan as CohortPlan;

use super::{Change, EndedAs, Ledger, Now, Plan, Rejection, Reply, StudyId, StudyPhase, StudyRecord};

impl Ledger {
    /// `record` is what the study is to be: checked, with every trial and fold that it has at their places.
    pub(super) fn extend_study(
        &mut self,
        id: StudyId,
        record: Arc<StudyRecord>,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        let study = self.study(id)?;
        if record.spec_json == study.record.spec_json {
            return Ok(Reply::Study(id));
        }
        if !study.record.earlier.iter().chain([&study.record.spec_json]).eq(&record.earlier) {
            return Err(Rejection::Overtaken(id));
        }
        if let StudyPhase::Ended { end: end @ EndedAs::Cancelled, .. } = &study.phase {
            let remedy = "retry it first (`foldwise retry`)";
            return Err(Rejection::Over { study: id, end: end.word(), remedy });
        }
        let known = (study.record.trials.len(), study.record.sizes.len());
        let record = Arc::new(StudyRecord {
            request_id: study.record.request_id.clone(),
            created_unix_ms: study.record.created_unix_ms,
            profile: study.profile.clone(),
            ..Arc::unwrap_or_clone(record)
        });
        let device = study.device;
        // A spec that says what it said before changes nothing that a person set meanwhile.
        let priority = Some(record.spec.priority).filter(|&new| new != study.record.spec.priority);
        self.reopen_study(id, changes)?;
        let study = self.study_mut(id)?;
        study.extend(Arc::clone(&record));
        changes.push(Change::StudyExtended { study: id, record: Arc::clone(&record) });
        if let Some(device) = device {
            // The one that the others were planned with, whatever the coordinator is given now.
            let profile = self.profile_of(self.study(id)?, device);
            let width = record.spec.plan.width;
            let added = CohortPlan::added(&record.trials, &record.sizes, known, &profile, width);
            let plan = Plan { profile, cohorts: added.cohorts };
            let first = self.study_mut(id)?.apply_plan(&plan);
            changes.push(Change::StudyPlanned { study: id, first, plan });
        }
        self.feed(id);
        if let Some(priority) = priority {
            self.prioritize_study(id, priority, changes)?;
        }
        self.finish_if_done(id, now, changes)?;
        Ok(Reply::Study(id))
    }
}
