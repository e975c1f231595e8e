//! Checkpoints: where an attempt came to, for whoever goes on.

use super::{Change, Checkpoint, CohortId, LeaseName, Ledger, Now, Rejection, Reply, StudyId};

impl Ledger {
    /// Keeps a checkpoint while its cohort is open and has none of a later epoch. One of a lost lease is as good as any:
    /// every attempt goes through the same states.
    pub(super) fn keep_checkpoint(
        &mut self,
        worker: &str,
        lease: LeaseName,
        checkpoint: Checkpoint,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        self.seen(worker, now)?;
        let over = self.study(lease.study)?.is_over();
        let cohort = self.cohort(lease)?;
        let known = (1..=cohort.attempt).contains(&lease.attempt);
        // One of an epoch that cannot be would keep every other away.
        let epochs = cohort.runs.iter().map(|run| self.studies[&lease.study].epochs_max(run.trial)).max();
        let possible = (1..=epochs.unwrap_or(0)).contains(&checkpoint.epoch);
        let newer = cohort.checkpoint.as_ref().is_none_or(|kept| kept.epoch < checkpoint.epoch);
        let again = cohort.checkpoint.as_ref() == Some(&checkpoint);
        if again && cohort.is_open() {
            return Ok(Reply::CheckpointKept(true));
        }
        if over || !cohort.is_open() || !known || !possible || !newer {
            return Ok(Reply::CheckpointKept(false));
        }
        self.set_checkpoint(lease.study, lease.cohort, Some(checkpoint), changes)?;
        Ok(Reply::CheckpointKept(true))
    }

    /// Replaces a cohort's checkpoint.
    pub(super) fn set_checkpoint(
        &mut self,
        study: StudyId,
        cohort: CohortId,
        checkpoint: Option<Checkpoint>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Rejection> {
        let entry = &mut self.study_mut(study)?.cohorts[cohort as usize];
        let former = std::mem::replace(&mut entry.checkpoint, checkpoint.clone());
        if former == checkpoint {
            return Ok(());
        }
        if let Some(checkpoint) = &checkpoint {
            self.need(&checkpoint.digest);
        }
        changes.push(Change::CohortCheckpointed { study, cohort, checkpoint });
        if let Some(former) = former {
            self.unneed(&former.digest, changes);
        }
        Ok(())
    }
}
