//! What the committer's changes tell a collector of traces: studies, and attempts at their cohorts. What an attempt consists of
//! its worker tells, which is given the attempt's span with its lease.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use foldwise_traces::{Parent, Span, Trace, Traces, Value};

use crate::ledger::{Change, CohortId, EndedAs, Ledger, StudyId};

/// An attempt under way.
#[derive(Debug)]
struct Begun {
    attempt: u32,
    unix_ms: u64,
    slot: u32,
}

/// Tells what has become durable.
#[derive(Debug, Default)]
pub(crate) struct Chronicle {
    traces: Traces,
    /// When the attempts under way began. Those of before a restart are not known, and begin with it.
    begun: HashMap<(StudyId, CohortId), Begun>,
    started_unix_ms: u64,
}

/// A moment of the wall clock.
pub(crate) fn moment(unix_ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(unix_ms)
}

impl Chronicle {
    pub(crate) fn new(traces: Traces, now_unix_ms: u64) -> Self {
        Self { traces, begun: HashMap::new(), started_unix_ms: now_unix_ms }
    }

    /// Tells of a change, by a ledger that has it.
    pub(crate) fn tell(&mut self, change: &Change, ledger: &Ledger, now_unix_ms: u64) {
        if !self.traces.wanted() {
            return;
        }
        match change {
            Change::CohortLeased { study, cohort, attempt, slot, .. } => {
                let begun = Begun { attempt: *attempt, unix_ms: now_unix_ms, slot: *slot };
                self.begun.insert((*study, *cohort), begun);
            }
            Change::CohortDone { study, cohort, attempt, worker, .. } => {
                self.attempt(ledger, (*study, *cohort, *attempt), worker, None, now_unix_ms);
            }
            Change::CohortReturned { study, cohort, failure, .. }
            | Change::CohortFailed { study, cohort, failure, .. } => {
                let (name, why) = ((*study, *cohort, failure.attempt), failure.to_string());
                self.attempt(ledger, name, &failure.worker, Some(why), now_unix_ms);
            }
            Change::StudyEnded { study, end, message, unix_ms } => {
                self.study(ledger, *study, *end, message, *unix_ms);
            }
            Change::StudyDeleted { study } => self.begun.retain(|(other, _), _| other != study),
            _ => {}
        }
    }

    fn attempt(
        &mut self,
        ledger: &Ledger,
        (study, cohort, attempt): (StudyId, CohortId, u32),
        worker: &str,
        failure: Option<String>,
        ended_unix_ms: u64,
    ) {
        let begun = self.begun.remove(&(study, cohort)).filter(|begun| begun.attempt == attempt);
        let Some(entry) = ledger.studies().get(&study) else { return };
        let trace = Trace::of_request(&entry.record.request_id);
        let runs = entry.cohorts.get(cohort as usize).map_or(0, |cohort| cohort.runs.len());
        let mut attributes: Vec<(&'static str, Value)> = vec![
            ("foldwise.study", format!("studies/{study}").into()),
            ("foldwise.cohort", cohort.into()),
            ("foldwise.attempt", attempt.into()),
            ("foldwise.runs", runs.into()),
            ("foldwise.worker", worker.to_owned().into()),
        ];
        attributes.extend(begun.as_ref().map(|begun| ("foldwise.slot", begun.slot.into())));
        self.traces.tell(Span {
            own: trace.attempt(cohort, attempt),
            parent: Some(trace.study()),
            name: "attempt",
            began: moment(begun.map_or(self.started_unix_ms, |begun| begun.unix_ms)),
            ended: moment(ended_unix_ms),
            attributes,
            failure,
        });
    }

    fn study(&self, ledger: &Ledger, study: StudyId, end: EndedAs, message: &str, ended_unix_ms: u64) {
        let Some(entry) = ledger.studies().get(&study) else { return };
        let record = &entry.record;
        let how = match end {
            EndedAs::Succeeded => "succeeded",
            EndedAs::Failed => "failed",
            EndedAs::Cancelled => "cancelled",
        };
        self.traces.tell(Span {
            own: Trace::of_request(&record.request_id).study(),
            parent: None,
            name: "study",
            began: moment(record.created_unix_ms),
            ended: moment(ended_unix_ms),
            attributes: vec![
                ("foldwise.study", format!("studies/{study}").into()),
                ("foldwise.name", record.spec.name.clone().into()),
                ("foldwise.trials", record.trials.len().into()),
                ("foldwise.folds", record.folds().into()),
                ("foldwise.ended", how.into()),
            ],
            failure: (end == EndedAs::Failed).then(|| message.to_owned()),
        });
    }
}

/// The span that a worker tells the parts of, in the lease of an attempt.
pub(crate) fn parent_of(request_id: &str, cohort: CohortId, attempt: u32) -> Parent {
    Trace::of_request(request_id).attempt(cohort, attempt)
}
