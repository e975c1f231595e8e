//! What an attempt at a cohort tells a collector of traces: its parts one after the other, and its epochs. Where nobody wants
//! traces, or the coordinator named no span, nothing is told.

use std::collections::HashMap;
use std::time::SystemTime;

use foldwise_proto::v1 as proto;
use foldwise_traces::{Parent, Span, Traces, Value};

/// The part that epochs are parts of.
const TRAINING: &str = "train";

/// The account of one attempt.
#[derive(Debug)]
pub(super) struct Journal {
    traces: Traces,
    /// The attempt's span, which the coordinator tells of.
    attempt: Option<Parent>,
    slot: u32,
    /// When the part under way began.
    part_began: SystemTime,
    /// When the last epoch of each run ended, by trial and fold.
    epoch_ended: HashMap<(u32, u32), SystemTime>,
}

impl Journal {
    /// The account of what a lease begins now.
    pub(super) fn of(traces: &Traces, lease: &proto::Lease, slot: u32) -> Self {
        let attempt = if traces.wanted() { lease.trace_parent.parse().ok() } else { None };
        Self { traces: traces.clone(), attempt, slot, part_began: now(), epoch_ended: HashMap::new() }
    }

    /// The trainer and what it needs are there.
    pub(super) fn prepared(&mut self) {
        self.part("prepare", Vec::new(), None);
    }

    /// A run has trained an epoch.
    pub(super) fn epoch(&mut self, member: &proto::MemberEpoch) {
        let (Some(attempt), Some(run), Some(epoch)) = (self.attempt, member.run, member.epoch) else {
            return;
        };
        let (ended, parent) = (now(), attempt.below(TRAINING, 0));
        let began = self.epoch_ended.insert((run.trial, run.fold), ended).unwrap_or(self.part_began);
        let mut attributes: Vec<(&'static str, Value)> = vec![
            ("foldwise.trial", run.trial.into()),
            ("foldwise.fold", run.fold.into()),
            ("foldwise.epoch", epoch.epoch.into()),
            ("foldwise.train_loss", epoch.train_loss.into()),
        ];
        attributes.extend(epoch.val_loss.map(|loss| ("foldwise.val_loss", loss.into())));
        attributes.extend(epoch.val_accuracy.map(|accuracy| ("foldwise.val_accuracy", accuracy.into())));
        let own = parent.below(&format!("epoch of {} {}", run.trial, run.fold), epoch.epoch.into());
        let parent = Some(parent);
        self.traces.tell(Span { own, parent, name: "epoch", began, ended, attributes, failure: None });
    }

    /// Training has ended, in a way; with a reason where it failed.
    pub(super) fn trained(&mut self, how: &'static str, failure: Option<&str>) {
        self.part(TRAINING, vec![("foldwise.ended", how.into())], failure.map(str::to_owned));
    }

    /// Results were handed in, or could not be.
    pub(super) fn handed_in(&mut self, failure: Option<&str>) {
        self.part("hand in", Vec::new(), failure.map(str::to_owned));
    }

    fn part(&mut self, name: &'static str, more: Vec<(&'static str, Value)>, failure: Option<String>) {
        let ended = now();
        let began = std::mem::replace(&mut self.part_began, ended);
        let Some(attempt) = self.attempt else { return };
        let mut attributes = vec![("foldwise.slot", Value::from(self.slot))];
        attributes.extend(more);
        let (own, parent) = (attempt.below(name, 0), Some(attempt));
        self.traces.tell(Span { own, parent, name, began, ended, attributes, failure });
    }
}

#[allow(clippy::disallowed_methods, reason = "spans of several machines are put together by the time of day")]
fn now() -> SystemTime {
    SystemTime::now()
}
