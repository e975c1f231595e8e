//! The store: where the ledger's changes are made durable, and read from at the next start.
//!
//! Both databases understand the statements of `write` and the questions of `read`, which know nothing of either; what
//! they differ in stands in [`Sqlite`] and [`Postgres`].

use std::fmt::Debug;
use std::sync::Arc;

use foldwise_study::outcome::RunOutcome;
use foldwise_study::plan::RunId;

use crate::ledger::{Change, Snapshot, StudyId};

mod backup;
mod contradiction;
mod error;
mod inspect;
mod measured;
pub mod postgres;
mod read;
mod row;
mod sqlite;
mod token;
mod write;

pub use backup::{Copied, backup, needed_files};
pub use error::{Place, StoreError};
pub use inspect::{InspectedStudy, Inspection, inspect};
pub use postgres::Postgres;
pub use sqlite::Sqlite;

/// The folder of kept files in a state folder.
pub(crate) const ARTIFACTS: &str = "artifacts";

/// The coordinator's database.
pub trait Store: Debug + Send {
    /// Writes all changes in one transaction: all of them are durable when this returns, or none is.
    ///
    /// # Errors
    /// When the transaction failed; nothing of it was kept.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;

    /// Everything that the ledger is rebuilt from.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn load(&self) -> Result<Snapshot, StoreError>;

    /// Whether what the ledger says can be trusted to be all there is: that nobody else may be writing by now.
    ///
    /// # Errors
    /// When that cannot be told, for the time being or for good.
    fn assured(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Where other threads can read results from while this one writes.
    fn results(&self) -> Results;
}

/// A run's result as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// The run; the final stage's fold is the one after the last.
    pub run: RunId,
    /// The attempt that brought it.
    pub attempt: u32,
    /// What came out.
    pub outcome: RunOutcome,
    /// Digest of the kept weights, in the final stage.
    pub weights_digest: Option<String>,
    /// The device, as its driver names it.
    pub device_model: String,
    /// The software that trained it.
    pub software: String,
}

/// How a database's results are read.
pub(crate) trait ReadResults: Debug + Send + Sync {
    /// As [`Results::runs`].
    fn runs(&self, study: StudyId) -> Result<Vec<StoredRun>, StoreError>;
    /// As [`Results::trial`].
    fn trial(&self, study: StudyId, trial: u32) -> Result<Vec<StoredRun>, StoreError>;
}

/// Read-only access to results, for reports.
#[derive(Debug, Clone)]
pub struct Results(Arc<dyn ReadResults>);

impl Results {
    pub(crate) fn new(results: Arc<dyn ReadResults>) -> Self {
        Self(results)
    }

    /// The results of a study's runs that ended, by trial and fold, with what they measured.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn runs(&self, study: StudyId) -> Result<Vec<StoredRun>, StoreError> {
        self.0.runs(study)
    }

    /// The results of one trial's runs that ended, by fold, without what they measured.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn trial(&self, study: StudyId, trial: u32) -> Result<Vec<StoredRun>, StoreError> {
        self.0.trial(study, trial)
    }
}
