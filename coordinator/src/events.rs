//! What happens to studies, told to whoever watches.

use foldwise_study::outcome::EpochRecord;
use foldwise_study::plan::RunId;
use tokio::sync::broadcast;

use crate::ledger::{Change, Command, StudyId};

/// Happenings that a slow watcher may fall behind before it loses some and is given a fresh snapshot instead.
const BACKLOG_MAX: usize = 4096;

/// Something that happened to a study.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// Its counts or its state changed.
    Changed(StudyId),
    /// Runs changed.
    Runs(StudyId, Vec<RunId>),
    /// A run trained an epoch.
    Epoch(StudyId, RunId, EpochRecord),
}

impl Happening {
    /// The study it happened to.
    #[must_use]
    pub fn study(&self) -> StudyId {
        match self {
            Self::Changed(study) | Self::Runs(study, _) | Self::Epoch(study, _, _) => *study,
        }
    }

    /// What a command tells that is never written: epochs under way.
    pub(crate) fn of_command(command: &Command) -> Vec<Self> {
        match command {
            Command::Progress { lease, epochs, .. } => {
                epochs.iter().map(|&(run, record)| Self::Epoch(lease.study, run, record)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What a durable change tells.
    pub(crate) fn of_change(change: &Change) -> Vec<Self> {
        match change {
            Change::CohortDone { study, results, .. } => {
                let runs = results.iter().map(|result| result.run).collect();
                vec![Self::Runs(*study, runs), Self::Changed(*study)]
            }
            Change::StudyCreated { study, .. }
            | Change::StudyPlanned { study, .. }
            | Change::CohortAdded { study, .. }
            | Change::CohortLeased { study, .. }
            | Change::CohortReturned { study, .. }
            | Change::CohortFailed { study, .. }
            | Change::StudyEnded { study, .. } => vec![Self::Changed(*study)],
        }
    }
}

/// Tells happenings to all watchers.
#[derive(Debug, Clone)]
pub struct Events {
    sender: broadcast::Sender<Happening>,
}

impl Events {
    /// Nobody watches yet.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: broadcast::channel(BACKLOG_MAX).0 }
    }

    /// Tells a happening; nobody needs to listen.
    pub fn tell(&self, happening: Happening) {
        let _ = self.sender.send(happening);
    }

    /// Watches from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Happening> {
        self.sender.subscribe()
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}
