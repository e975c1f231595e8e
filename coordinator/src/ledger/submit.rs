//! Studies come and are cancelled.

use std::sync::Arc;

use super::{
    Change, CohortState, EndedAs, LeaseName, Ledger, Now, Rejection, Reply, Study, StudyId, StudyPhase,
    StudyRecord,
};

impl Ledger {
    pub(super) fn create_study(
        &mut self,
        mut record: StudyRecord,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        if let Some(&study) = self.requests.get(&record.request_id) {
            return if self.study(study)?.record.spec_json == record.spec_json {
                Ok(Reply::Study(study))
            } else {
                Err(Rejection::RequestReused { request: record.request_id, study })
            };
        }
        record.created_unix_ms = now.unix_ms;
        let record = Arc::new(record);
        let study = self.next_study;
        self.insert_study(study, Arc::clone(&record));
        changes.push(Change::StudyCreated { study, record });
        Ok(Reply::Study(study))
    }

    pub(super) fn insert_study(&mut self, study: StudyId, record: Arc<StudyRecord>) {
        self.requests.insert(record.request_id.clone(), study);
        self.studies.insert(study, Study::new(study, record));
        self.hungry.insert(study);
        self.next_study = self.next_study.max(study + 1);
    }

    pub(super) fn cancel_study(
        &mut self,
        study: StudyId,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        if !self.study(study)?.is_over() {
            self.end_study(study, EndedAs::Cancelled, "cancelled".to_owned(), now, changes)?;
        }
        Ok(Reply::Study(study))
    }

    /// Ends a study: nothing of it is leased any more, and workers that hold a part of it are told to stop when they
    /// report next.
    pub(super) fn end_study(
        &mut self,
        id: StudyId,
        end: EndedAs,
        message: String,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<(), Rejection> {
        let study = self.study_mut(id)?;
        study.phase = StudyPhase::Ended { end, message: message.clone(), unix_ms: now.unix_ms };
        study.ready.clear();
        let mut freed = Vec::new();
        for (cohort, number) in study.cohorts.iter_mut().zip(0..) {
            if let CohortState::Leased { worker, expires_ms, .. } = &cohort.state {
                let lease = LeaseName { study: id, cohort: number, attempt: cohort.attempt };
                freed.push((worker.clone(), *expires_ms, lease));
                cohort.state = CohortState::Ready;
            }
        }
        for (worker, expires_ms, lease) in freed {
            self.expiries.remove(&(expires_ms, lease));
            self.free_slot(&worker, lease);
        }
        self.hungry.remove(&id);
        changes.push(Change::StudyEnded { study: id, end, message, unix_ms: now.unix_ms });
        Ok(())
    }
}
