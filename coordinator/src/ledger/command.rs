//! What the ledger can be told, and what it answers.

use std::sync::Arc;

use foldwise_study::outcome::{EpochRecord, RunOutcome};
use foldwise_study::plan::{ProfileChoiceError, RunId};
use foldwise_study::spec::DeviceKind;

use crate::access::TokenRecord;

use super::cohort::{Checkpoint, Stage};
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
    /// Hand out no more of a study, and have what is out handed back.
    PauseStudy(StudyId),
    /// Go on with a paused study.
    ResumeStudy(StudyId),
    /// Give a study another priority.
    PrioritizeStudy {
        /// The study.
        study: StudyId,
        /// The priority; the bounds are the edge's to check.
        priority: i32,
    },
    /// Try failed and cancelled runs again.
    RetryStudy(StudyId),
    /// Add trials or folds to a study: its record after that, whose `earlier` ends with the spec it has now.
    ExtendStudy {
        /// The study.
        study: StudyId,
        /// What it is to be.
        record: Box<StudyRecord>,
    },
    /// Forget a study that is over.
    DeleteStudy(StudyId),
    /// A worker introduces itself, or does so again.
    RegisterWorker(WorkerInfo),
    /// A worker says goodbye.
    DeregisterWorker(String),
    /// A worker is to hand back what it has and end.
    DrainWorker(String),
    /// Keep a new token.
    CreateToken(Box<TokenRecord>),
    /// End a token.
    RevokeToken(String),
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
    /// A checkpoint of a cohort was uploaded.
    KeepCheckpoint {
        /// The worker's id.
        worker: String,
        /// The lease.
        lease: LeaseName,
        /// What was uploaded.
        checkpoint: Checkpoint,
    },
    /// A cohort ended with results.
    Complete {
        /// The worker's id.
        worker: String,
        /// The lease.
        lease: LeaseName,
        /// One result per run.
        results: Vec<MemberResult>,
        /// The slot that is idle with this and asks for its next cohort.
        next_slot: Option<u32>,
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
    /// What it measured beside, where its study asks for something.
    pub measurements: Option<KeptMeasurements>,
    /// Digest of the kept weights, in the final stage.
    pub weights_digest: Option<String>,
    /// The device, as its driver names it.
    pub device_model: String,
    /// The software that trained it.
    pub software: String,
}

/// What a run measured: a text that was checked where it came in, so that nobody has to read it before it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptMeasurements {
    /// JSON of [`Measurements`](foldwise_study::outcome::Measurements).
    pub json: String,
    /// Digest of the kept file of copies of its weights.
    pub snapshots: Option<String>,
}

impl std::fmt::Debug for KeptMeasurements {
    /// Without the text, which may have megabytes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (bytes, snapshots) = (self.json.len(), &self.snapshots);
        f.debug_struct("KeptMeasurements").field("bytes", &bytes).field("snapshots", snapshots).finish()
    }
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
    /// The trainer made no progress for too long.
    Hang,
}

impl FailureKind {
    /// Every kind, with the word that a store keeps.
    const WORDS: [(Self, &'static str); 7] = [
        (Self::Crash, "crash"),
        (Self::OutOfMemory, "out_of_memory"),
        (Self::Data, "data"),
        (Self::Training, "training"),
        (Self::Released, "released"),
        (Self::Silence, "silence"),
        (Self::Hang, "hang"),
    ];

    /// The word a store keeps.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(kind, _)| *kind == self).map_or("training", |(_, word)| word)
    }

    /// What happened, in words.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Crash => "the trainer crashed",
            Self::OutOfMemory => "memory ran out",
            Self::Data => "the data cannot be had",
            Self::Training => "training failed",
            Self::Released => "handed back",
            Self::Silence => "the worker fell silent",
            Self::Hang => "the trainer hung",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }
}

/// What the ledger answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The study, new or from an earlier request.
    Study(StudyId),
    /// The worker is known.
    Registered,
    /// Work.
    Lease(Box<LeaseGrant>),
    /// No work for a slot of this kind for now.
    NoWork(DeviceKind),
    /// What to do next.
    Order(Order),
    /// No work will come: the worker is to end.
    Drained,
    /// What came of results.
    Completed {
        /// Whether they were kept.
        accepted: bool,
        /// The next cohort of the slot that asked for one, if one waits.
        next: Option<Box<LeaseGrant>>,
    },
    /// Whether a checkpoint was kept.
    CheckpointKept(bool),
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
    /// Where an earlier attempt came to.
    pub checkpoint: Option<Checkpoint>,
}

/// An order to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Go on.
    Continue,
    /// Stop: the result is not wanted any more.
    Stop,
    /// Keep a checkpoint and hand the cohort back.
    HandBack,
    /// The same for all that the worker has, and end.
    Drain,
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
    /// A profile that a spec names and the coordinator cannot plan with.
    #[error(transparent)]
    Profile(#[from] ProfileChoiceError),
    /// Something that only a study under way can do.
    #[error("study {study} is over ({end}): {remedy}")]
    Over {
        /// The study.
        study: StudyId,
        /// How it ended.
        end: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// Something that only a study that is over can do.
    #[error("study {0} is not over: cancel it first (`foldwise cancel {0}`)")]
    NotOver(StudyId),
    /// An extension of a spec that the study does not have any more.
    #[error("study {0} was extended by someone else meanwhile: look at it and try again")]
    Overtaken(StudyId),
    /// A worker that the coordinator does not know, perhaps since it restarted.
    #[error("worker `{0}` is not registered; register it again")]
    NoWorker(String),
    /// A worker that is asked for by a person.
    #[error("there is no worker `{0}`; `foldwise workers` shows those there are")]
    UnknownWorker(String),
    /// A slot that the worker did not register.
    #[error("worker `{worker}` has no slot {slot}")]
    NoSlot {
        /// The worker's id.
        worker: String,
        /// The slot's number.
        slot: u32,
    },
    /// A token that there is not.
    #[error("there is no token `{0}`; `foldwise token list` shows those there are")]
    NoToken(String),
    /// A token's public part that is another's.
    #[error("there is a token `{0}` already: try again")]
    TokenExists(String),
    /// More tokens than are kept.
    #[error("there are {0} tokens already, which is as many as are kept")]
    TooManyTokens(usize),
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
