//! Studies come and are cancelled.

use std::sync::Arc;

use foldwise_study::plan::DeviceProfile;

use super::{
    Change, CohortState, EndedAs, Ledger, Now, Rejection, Reply, Study, StudyId, StudyPhase, StudyRecord,
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
        // Kept with the study, which is planned with what the name meant when it was submitted.
        record.profile = DeviceProfile::chosen(&self.config.profiles, &record.spec.plan)?.map(Arc::new);
        record.created_unix_ms = now.unix_ms;
        let record = Arc::new(record);
        let study = self.next_study;
        self.insert_study(study, Arc::clone(&record));
        changes.push(Change::StudyCreated { study, record });
        Ok(Reply::Study(study))
    }

    pub(super) fn insert_study(&mut self, study: StudyId, record: Arc<StudyRecord>) {
        if let Some(parcel) = &record.spec.data.parcel {
            self.need(parcel);
        }
        self.requests.insert(record.request_id.clone(), study);
        self.studies.insert(study, Study::new(study, record));
        self.next_study = self.next_study.max(study + 1);
        self.feed(study);
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
        // Nobody can release a study that is over; one that is reopened later goes on.
        study.paused = false;
        let leased: Vec<_> = study.leased.iter().copied().collect();
        for cohort in leased {
            self.let_go(id, cohort);
            self.study_mut(id)?.change(cohort, |cohort| cohort.state = CohortState::Ready);
        }
        self.feed(id);
        changes.push(Change::StudyEnded { study: id, end, message, unix_ms: now.unix_ms });
        Ok(())
    }
}
