//! What the ledger can be told, and what it answers.

use std::sync::Arc;

use foldwise_study::outcome::{EpochRecord, RunOutcome};
use foldwise_study::plan::RunId;

use super::cohort::Stage;
use super::study::StudyRecord;
use super::worker::WorkerInfo;
use super::{LeaseName, StudyId};

/// What the ledger can be told.
#[derive(Debug, Clone)]
pub enum Command {
    /// Keep a checked study.
    CreateStudy(Box<StudyRecord>),
    /// End a study early.
    CancelStudy(StudyId),
    /// A worker introduces itself, or does so again.
    RegisterWorker(WorkerInfo),
    /// A worker says goodbye.
    DeregisterWorker(String),
    /// A slot asks for work.
    Lease {
        /// The worker's id.
        worker: String,
        /// The slot's number.
        slot: u32,
    },
    /// A lease is alive.
    Progress {
        /// The worker's id.
        worker: String,
        /// The lease.
        lease: LeaseName,
        /// Epochs since the last report.
        epochs: Vec<(RunId, EpochRecord)>,
    },
    /// A cohort ended with results.
    Complete {
        /// The worker's id.
        worker: String,
        /// The lease.
        lease: LeaseName,
        /// One result per run.
        results: Vec<MemberResult>,
    },
    /// A cohort ended without results.
    Fail {
        /// The worker's id.
        worker: String,
        /// The lease.
        lease: LeaseName,
        /// Why.
        failure: Failure,
    },
    /// Time has passed.
    Tick,
}

/// The result of one member of a cohort.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberResult {
    /// The run.
    pub run: RunId,
    /// What came out.
    pub outcome: RunOutcome,
    /// Digest of the kept weights, in the final stage.
    pub weights_digest: Option<String>,
    /// The device, as its driver names it.
    pub device_model: String,
    /// The software that trained it.
    pub software: String,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// For people.
    pub message: String,
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The trainer process ended without a result.
    Crash,
    /// The device's memory did not suffice: the cohort is split in halves.
    OutOfMemory,
    /// The data could not be had, or is not what the study was submitted with.
    Data,
    /// Anything else that training reported.
    Training,
    /// The worker stops and hands the cohort back. Costs no attempt.
    Released,
    /// The worker fell silent.
    Silence,
}

/// What the ledger answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The study, new or from an earlier request.
    Study(StudyId),
    /// The worker is known.
    Registered,
    /// Work, or none for now.
    Lease(Option<Box<LeaseGrant>>),
    /// What to do next.
    Order(Order),
    /// Whether results were kept.
    Completed(bool),
    /// Nothing to say.
    Done,
}

/// A cohort and all that a trainer needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct LeaseGrant {
    /// The lease.
    pub name: LeaseName,
    /// The study.
    pub record: Arc<StudyRecord>,
    /// The runs, in member order.
    pub runs: Vec<RunId>,
    /// The search, or the final stage.
    pub stage: Stage,
}

/// An order to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Go on.
    Continue,
    /// Stop: the result is not wanted any more.
    Stop,
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No such study.
    #[error("there is no study `{0}`; `foldwise list` shows those there are")]
    NoStudy(String),
    /// A name that several studies share.
    #[error("several studies are named `{name}`: {numbers:?}; use the number")]
    SeveralStudies {
        /// The name.
        name: String,
        /// Their numbers.
        numbers: Vec<StudyId>,
    },
    /// A request id that was used for another spec.
    #[error("request id `{request}` was used for another spec (study {study}); choose a new one")]
    RequestReused {
        /// The id.
        request: String,
        /// The study it made.
        study: StudyId,
    },
    /// A worker that the coordinator does not know, perhaps since it restarted.
    #[error("worker `{0}` is not registered; register it again")]
    NoWorker(String),
    /// A slot that the worker did not register.
    #[error("worker `{worker}` has no slot {slot}")]
    NoSlot {
        /// The worker's id.
        worker: String,
        /// The slot's number.
        slot: u32,
    },
    /// A lease of a cohort that there is not.
    #[error("there is no cohort {cohort} in study {study}")]
    NoCohort {
        /// The study.
        study: StudyId,
        /// The cohort's number.
        cohort: u32,
    },
    /// Results that do not belong to the cohort.
    #[error("the results are not those of cohort {cohort} of study {study}: {reason}")]
    WrongResults {
        /// The study.
        study: StudyId,
        /// The cohort's number.
        cohort: u32,
        /// What is wrong.
        reason: String,
    },
}
