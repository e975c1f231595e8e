//! What happens to studies, told to whoever watches.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldwise_study::outcome::EpochRecord;
use foldwise_study::plan::RunId;
use tokio::sync::broadcast;

use crate::ledger::{Change, Command, Ledger, StudyId};

/// Happenings that a watcher may fall behind before it is dropped, and that are kept for watchers that come back.
const BACKLOG_MAX: usize = 4096;

/// Something that happened to a study.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// Its counts or its state changed.
    Changed(StudyId),
    /// Runs came to their ends.
    Runs(StudyId, Vec<RunId>),
    /// Runs came to a worker, or came back from one without an end.
    Hands(StudyId, Vec<RunId>),
    /// A run trained an epoch.
    Epoch(StudyId, RunId, EpochRecord),
}

impl Happening {
    /// The study it happened to.
    #[must_use]
    pub fn study(&self) -> StudyId {
        match self {
            Self::Changed(study)
            | Self::Runs(study, _)
            | Self::Hands(study, _)
            | Self::Epoch(study, _, _) => *study,
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

    /// What a durable change tells, by a ledger that has it; `None` for what nobody watches.
    pub(crate) fn of_change(change: &Change, ledger: &Ledger) -> Option<Vec<Self>> {
        let study = change.study()?;
        let mut told = vec![Self::Changed(study)];
        match change {
            Change::CohortDone { results, .. } => {
                told.insert(0, Self::Runs(study, results.iter().map(|result| result.run).collect()));
            }
            Change::CohortLeased { cohort, .. }
            | Change::CohortReturned { cohort, .. }
            | Change::CohortRetried { cohort, .. }
            | Change::CohortFailed { cohort, .. } => {
                let cohorts = ledger.studies().get(&study).map(|study| &study.cohorts);
                if let Some(cohort) = cohorts.and_then(|cohorts| cohorts.get(*cohort as usize)) {
                    told.insert(0, Self::Hands(study, cohort.runs.clone()));
                }
            }
            _ => {}
        }
        Some(told)
    }
}

/// A happening with its place in the order of all of this coordinator's life.
#[derive(Debug, Clone)]
pub struct Told {
    /// From 1.
    pub sequence: u64,
    /// What happened.
    pub happening: Happening,
}

/// Tells happenings to all watchers, and keeps the last of them for watchers that come back.
#[derive(Debug, Clone)]
pub struct Events {
    /// Tells this coordinator's life from others'.
    life: u64,
    sender: broadcast::Sender<Told>,
    kept: Arc<Mutex<VecDeque<Told>>>,
}

/// From where a watcher watches.
#[derive(Debug)]
pub struct Watcher {
    /// What it missed since it was dropped; `None` where that is not known any more.
    pub missed: Option<Vec<Told>>,
    /// The last sequence that it knows, or what comes before the first that it will be told.
    pub sequence: u64,
    /// What happens from now on.
    pub happenings: broadcast::Receiver<Told>,
}

impl Events {
    /// Nobody watches yet. `life` differs from that of any coordinator before, such as the time of its start.
    #[must_use]
    pub fn new(life: u64) -> Self {
        Self { life, sender: broadcast::channel(BACKLOG_MAX).0, kept: Arc::default() }
    }

    /// Tells a happening; nobody needs to listen.
    pub fn tell(&self, happening: Happening) {
        let mut kept = self.kept();
        let told = Told { sequence: kept.back().map_or(0, |last| last.sequence) + 1, happening };
        if kept.len() == BACKLOG_MAX {
            kept.pop_front();
        }
        kept.push_back(told.clone());
        let _ = self.sender.send(told);
    }

    /// Watches from now on, or from where a token says.
    #[must_use]
    pub fn watch(&self, token: &str) -> Watcher {
        let kept = self.kept();
        let happenings = self.sender.subscribe();
        let now = kept.back().map_or(0, |last| last.sequence);
        let first = kept.front().map_or(1, |first| first.sequence);
        let known = self.sequence_of(token).filter(|&known| known <= now && known + 1 >= first);
        let missed = known.map(|known| kept.iter().filter(|told| told.sequence > known).cloned().collect());
        Watcher { missed, sequence: known.unwrap_or(now), happenings }
    }

    /// What a watcher hands in to go on after this.
    #[must_use]
    pub fn token(&self, sequence: u64) -> String {
        format!("{}-{sequence}", self.life)
    }

    fn sequence_of(&self, token: &str) -> Option<u64> {
        let (life, sequence) = token.split_once('-')?;
        (life.parse() == Ok(self.life)).then(|| sequence.parse().ok()).flatten()
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Told>> {
        // Nothing under the lock panics half-way.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{BACKLOG_MAX, Events, Happening};

    #[test]
    fn a_watcher_that_comes_back_is_told_what_it_missed() {
        let events = Events::new(7);
        (1..=3).for_each(|study| events.tell(Happening::Changed(study)));
        let watcher = events.watch(&events.token(1));
        let studies: Vec<u64> =
            watcher.missed.expect("is known").iter().map(|told| told.happening.study()).collect();
        assert_eq!((studies, watcher.sequence), (vec![2, 3], 1));
    }

    #[test]
    fn what_is_too_long_ago_or_of_another_life_is_not_known() {
        let events = Events::new(7);
        assert_eq!(events.watch(&events.token(0)).missed.expect("nothing was missed").len(), 0);
        (0..=BACKLOG_MAX as u64).for_each(|study| events.tell(Happening::Changed(study)));
        for token in ["", "7-0", "8-3", "7-999999", "7", "x-1"] {
            assert!(events.watch(token).missed.is_none(), "{token}");
        }
        assert!(events.watch("7-1").missed.is_some());
    }
}
