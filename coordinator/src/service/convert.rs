//! Between the protocol's types and ours.

use foldwise_proto::v1;
use foldwise_study::outcome::{EpochRecord, RunEnd as Ended, RunOutcome, TestRecord};
use foldwise_study::plan::RunId;
use foldwise_study::spec::DeviceKind;
use prost_types::Timestamp;
use tonic::Status;

use crate::chronicle;
use crate::ledger::{
    Allowed, Checkpoint, CohortState, EndedAs, Failure, FailureKind, LeaseGrant, LeaseName, Ledger,
    MemberResult, Now, RunEnd, SlotInfo, Stage, Study, StudyId, StudyPhase, Worker, WorkerInfo,
};

/// A failure's message is cut to so many bytes.
const MESSAGE_BYTES_MAX: usize = 4096;
/// Longest name of a device or of software.
const NAME_BYTES_MAX: usize = 200;
/// What is said of a study with code of its own while every worker refuses that.
const NOBODY_RUNS_COMMANDS: &str =
    "it brings code of its own, and no connected worker allows that: start one with --allow-commands FOLDER";
/// Longest name of a worker.
const WORKER_ID_MAX: usize = 100;
/// Most slots of a worker.
const SLOTS_MAX: usize = 1024;

pub(super) fn study_name(id: StudyId) -> String {
    format!("studies/{id}")
}

pub(super) fn timestamp(unix_ms: u64) -> Timestamp {
    let seconds = i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX);
    let nanos = i32::try_from(unix_ms % 1000).unwrap_or(0) * 1_000_000;
    Timestamp { seconds, nanos }
}

pub(crate) fn study(study: &Study) -> v1::Study {
    let record = &study.record;
    let (state, message, end_time) = match &study.phase {
        StudyPhase::Searching | StudyPhase::Finishing { .. } if study.paused => {
            (v1::StudyState::Paused, String::new(), None)
        }
        StudyPhase::Searching => (v1::StudyState::Searching, String::new(), None),
        StudyPhase::Finishing { .. } => (v1::StudyState::Finishing, final_trouble(study), None),
        StudyPhase::Ended { end, message, unix_ms } => {
            let state = match end {
                EndedAs::Succeeded => v1::StudyState::Succeeded,
                EndedAs::Failed => v1::StudyState::Failed,
                EndedAs::Cancelled => v1::StudyState::Cancelled,
            };
            (state, message.clone(), Some(timestamp(*unix_ms)))
        }
    };
    let best = study.best().filter(|best| study.winner.is_none_or(|winner| winner == best.trial));
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let profile = study.device.and(study.profile.as_ref());
    v1::Study {
        name: study_name(study.number),
        display_name: record.spec.name.clone(),
        state: state.into(),
        runs: Some(counts(study)),
        trials: narrow(record.trials.len()),
        folds: record.folds(),
        device: study.device.map(|device| device.word().to_owned()).unwrap_or_default(),
        cohorts: narrow(study.cohorts.iter().filter(|cohort| cohort.stage == Stage::Search).count()),
        best_trial: study.winner.or(best.map(|best| best.trial)),
        best_mean: best.map(|best| best.mean),
        seconds_left: if study.is_over() || study.paused { None } else { study.progress.seconds_left() },
        create_time: Some(timestamp(record.created_unix_ms)),
        end_time,
        message,
        extensions: narrow(record.earlier.len()),
        priority: study.priority,
        profile: profile.map(|profile| profile.name.clone()).unwrap_or_default(),
        profile_digest: profile.map(|profile| profile.digest()).unwrap_or_default(),
    }
}

/// A study, with what a reader should know of those who could train it.
pub(super) fn study_among(ledger: &Ledger, study: &Study, now: Now) -> v1::Study {
    let mut told = self::study(study);
    if told.message.is_empty() && !study.is_over() && ledger.has_nobody_for(study, now) {
        NOBODY_RUNS_COMMANDS.clone_into(&mut told.message);
    }
    told
}

/// How the last attempt at the final stage failed; empty if none did.
fn final_trouble(study: &Study) -> String {
    let cohort = study.final_cohort.and_then(|number| study.cohorts.get(number as usize));
    let failure = cohort.and_then(|cohort| cohort.failure.as_ref());
    failure.map(|failure| format!("final stage, attempt {}: {failure}", failure.attempt)).unwrap_or_default()
}

fn counts(study: &Study) -> v1::RunCounts {
    let counts = study.counts();
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let waiting = narrow(counts.queued);
    let (queued, cancelled) = if study.is_over() { (0, waiting) } else { (waiting, 0) };
    v1::RunCounts {
        queued,
        leased: narrow(counts.leased),
        finished: narrow(counts.finished),
        failed: narrow(counts.failed),
        cancelled,
    }
}

/// Every run of the search, by trial and then fold.
pub(crate) fn positions(study: &Study) -> impl Iterator<Item = (u32, u32)> + use<> {
    let folds = study.record.folds();
    let trials = u32::try_from(study.record.trials.len()).unwrap_or(u32::MAX);
    (0..trials).flat_map(move |trial| (0..folds).map(move |fold| (trial, fold)))
}

/// Where a run of the search stands.
pub(crate) fn run_state(study: &Study, id: RunId) -> v1::RunState {
    let Some(run) = study.run(id) else { return v1::RunState::Unspecified };
    match run.end {
        RunEnd::Finished { .. } => return v1::RunState::Finished,
        RunEnd::Diverged { .. } => return v1::RunState::Failed,
        RunEnd::Open => {}
    }
    let cohort = study.device.and_then(|_| study.cohorts.get(run.cohort as usize));
    match cohort.map(|cohort| &cohort.state) {
        Some(CohortState::Failed { split: false }) => v1::RunState::Failed,
        _ if study.is_over() => v1::RunState::Cancelled,
        Some(CohortState::Leased { .. }) => v1::RunState::Leased,
        _ => v1::RunState::Queued,
    }
}

pub(crate) fn run(study: &Study, id: RunId) -> Option<v1::Run> {
    let entry = study.run(id)?;
    let cohort = study.device.and_then(|_| study.cohorts.get(entry.cohort as usize));
    let worker = cohort.and_then(|cohort| match &cohort.state {
        CohortState::Leased { worker, .. } | CohortState::Done { worker, .. } => Some(worker.clone()),
        CohortState::Ready | CohortState::Failed { .. } | CohortState::Superseded { .. } => {
            cohort.failure.as_ref().map(|failure| failure.worker.clone())
        }
    });
    let (score, diverged) = match entry.end {
        RunEnd::Finished { score, .. } => (Some(score), None),
        RunEnd::Diverged { epoch } => (None, Some(format!("the loss was no longer finite in epoch {epoch}"))),
        RunEnd::Open => (None, None),
    };
    let failure = cohort.and_then(|cohort| cohort.failure.as_ref());
    let error = diverged.or_else(|| failure.map(ToString::to_string));
    let checkpoint = cohort.and_then(|cohort| cohort.checkpoint.as_ref());
    Some(v1::Run {
        trial: id.trial,
        fold: id.fold,
        state: run_state(study, id).into(),
        attempts: cohort.map_or(0, |cohort| cohort.attempt),
        worker: worker.unwrap_or_default(),
        score,
        error: error.unwrap_or_default(),
        failure: failure.map_or(v1::FailureKind::Unspecified, |failure| failure_kind(failure.kind)).into(),
        failure_time: failure.map(|failure| timestamp(failure.unix_ms)),
        checkpoint_epoch: checkpoint.map_or(0, |checkpoint| checkpoint.epoch),
    })
}

/// Whether a run failed, or is open after an attempt that did.
pub(super) fn is_troubled(run: &v1::Run) -> bool {
    match run.state() {
        v1::RunState::Failed => true,
        v1::RunState::Queued | v1::RunState::Leased => !run.error.is_empty(),
        v1::RunState::Finished | v1::RunState::Cancelled | v1::RunState::Unspecified => false,
    }
}

fn failure_kind(kind: FailureKind) -> v1::FailureKind {
    match kind {
        FailureKind::Crash => v1::FailureKind::Crash,
        FailureKind::OutOfMemory => v1::FailureKind::OutOfMemory,
        FailureKind::Data => v1::FailureKind::Data,
        FailureKind::Training => v1::FailureKind::Training,
        FailureKind::Released => v1::FailureKind::Released,
        FailureKind::Silence => v1::FailureKind::Silence,
        FailureKind::Hang => v1::FailureKind::Hang,
    }
}

pub(super) fn checkpoint(checkpoint: Option<v1::Checkpoint>) -> Result<Checkpoint, Status> {
    let checkpoint = checkpoint.ok_or_else(|| Status::invalid_argument("`checkpoint` is missing"))?;
    if checkpoint.epoch == 0 {
        return Err(Status::invalid_argument("a checkpoint has one epoch at least"));
    }
    Ok(Checkpoint { epoch: checkpoint.epoch, digest: checkpoint.digest.to_ascii_lowercase() })
}

pub(super) fn worker(worker: &Worker, now: Now, lease_ms: u64) -> v1::Worker {
    let slots =
        worker.info.slots.iter().zip(&worker.leases).zip(0..).map(|((slot, lease), index)| v1::Slot {
            index,
            device: slot.device.word().to_owned(),
            model: slot.model.clone(),
            lease: lease.map(|lease| lease.to_string()).unwrap_or_default(),
        });
    let silent_ms = now.monotonic_ms.saturating_sub(worker.last_seen.monotonic_ms);
    v1::Worker {
        id: worker.info.id.clone(),
        slots: slots.collect(),
        software: worker.info.software.clone(),
        alive: silent_ms <= lease_ms,
        last_seen: Some(timestamp(worker.last_seen.unix_ms)),
        draining: worker.draining,
    }
}

impl std::fmt::Display for LeaseName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "studies/{} cohort {}, attempt {}", self.study, self.cohort, self.attempt)
    }
}

pub(super) fn worker_info(request: v1::RegisterWorkerRequest) -> Result<WorkerInfo, Status> {
    let id = worker_id(request.worker)?;
    if request.slots.is_empty() || request.slots.len() > SLOTS_MAX {
        return Err(Status::invalid_argument(format!("a worker has 1 to {SLOTS_MAX} slots")));
    }
    let slots = request.slots.into_iter().map(|slot| {
        let device = match slot.device.as_str() {
            "cpu" => DeviceKind::Cpu,
            "cuda" => DeviceKind::Cuda,
            other => return Err(Status::invalid_argument(format!("unknown kind of device `{other}`"))),
        };
        Ok(SlotInfo { device, model: cut_name(slot.model) })
    });
    let slots = slots.collect::<Result<_, _>>()?;
    let allowed = Allowed { commands: request.allows_commands };
    Ok(WorkerInfo { id, software: cut_name(request.software), slots, allowed })
}

pub(super) fn worker_id(id: String) -> Result<String, Status> {
    let fine = !id.is_empty() && id.len() <= WORKER_ID_MAX && id.chars().all(|c| c.is_ascii_graphic());
    if fine {
        Ok(id)
    } else {
        let message =
            format!("a worker's name has 1 to {WORKER_ID_MAX} printable ASCII characters, no space");
        Err(Status::invalid_argument(message))
    }
}

pub(super) fn lease_name(name: Option<v1::LeaseName>) -> Result<LeaseName, Status> {
    let name = name.ok_or_else(|| Status::invalid_argument("`lease` is missing"))?;
    let number = name.study.strip_prefix("studies/").and_then(|number| number.parse().ok());
    let study = number.ok_or_else(|| Status::invalid_argument(format!("`{}` is no study", name.study)))?;
    Ok(LeaseName { study, cohort: name.cohort, attempt: name.attempt })
}

pub(super) fn lease(grant: &LeaseGrant, traced: bool) -> v1::Lease {
    let LeaseName { cohort, attempt, .. } = grant.name;
    let parent = traced.then(|| chronicle::parent_of(&grant.record.request_id, cohort, attempt).to_string());
    v1::Lease {
        name: Some(v1::LeaseName {
            study: study_name(grant.name.study),
            cohort: grant.name.cohort,
            attempt: grant.name.attempt,
        }),
        spec: grant.record.spec_json.clone(),
        runs: grant.runs.iter().map(|run| v1::RunId { trial: run.trial, fold: run.fold }).collect(),
        data_digest: grant.record.data_digest.clone(),
        folds_digest: grant.record.folds_digest.clone(),
        final_stage: match grant.stage {
            Stage::Search => None,
            Stage::Final { epochs } => Some(v1::FinalStage { epochs, outer_fold: None }),
            Stage::Outer { fold, epochs } => Some(v1::FinalStage { epochs, outer_fold: Some(fold) }),
        },
        earlier_specs: grant.record.earlier.clone(),
        checkpoint: grant
            .checkpoint
            .as_ref()
            .map(|kept| v1::Checkpoint { epoch: kept.epoch, digest: kept.digest.clone() }),
        trace_parent: parent.unwrap_or_default(),
    }
}

pub(super) fn epoch_from(epoch: v1::Epoch) -> EpochRecord {
    EpochRecord {
        epoch: epoch.epoch,
        train_loss: epoch.train_loss,
        train_accuracy: epoch.train_accuracy,
        val_loss: epoch.val_loss,
        val_accuracy: epoch.val_accuracy,
        lr: epoch.lr,
    }
}

pub(super) fn epoch_to(record: &EpochRecord) -> v1::Epoch {
    v1::Epoch {
        epoch: record.epoch,
        train_loss: record.train_loss,
        train_accuracy: record.train_accuracy,
        val_loss: record.val_loss,
        val_accuracy: record.val_accuracy,
        lr: record.lr,
    }
}

pub(super) fn member_epochs(epochs: Vec<v1::MemberEpoch>) -> Result<Vec<(RunId, EpochRecord)>, Status> {
    let convert = |member: v1::MemberEpoch| {
        let (Some(run), Some(epoch)) = (member.run, member.epoch) else {
            return Err(Status::invalid_argument("`epochs` has an entry without run or epoch"));
        };
        Ok((RunId { trial: run.trial, fold: run.fold }, epoch_from(epoch)))
    };
    epochs.into_iter().map(convert).collect()
}

pub(super) fn member_result(outcome: v1::Outcome, device_model: &str, software: &str) -> MemberResult {
    let end = match outcome.diverged_epoch {
        0 => Ended::Finished,
        epoch => Ended::Diverged(epoch),
    };
    MemberResult {
        run: RunId { trial: outcome.trial, fold: outcome.fold },
        outcome: RunOutcome {
            end,
            epochs: outcome.epochs.into_iter().map(epoch_from).collect(),
            seconds: outcome.seconds,
            test: outcome.test.map(|test| TestRecord { loss: test.loss, accuracy: test.accuracy }),
            measurements: None,
        },
        measurements: None,
        weights_digest: Some(outcome.weights_digest.to_ascii_lowercase()).filter(|digest| !digest.is_empty()),
        device_model: device_model.to_owned(),
        software: software.to_owned(),
    }
}

pub(super) fn failure(kind: v1::FailureKind, message: String) -> Failure {
    let kind = match kind {
        v1::FailureKind::Crash => FailureKind::Crash,
        v1::FailureKind::OutOfMemory => FailureKind::OutOfMemory,
        v1::FailureKind::Data => FailureKind::Data,
        v1::FailureKind::Released => FailureKind::Released,
        v1::FailureKind::Hang => FailureKind::Hang,
        v1::FailureKind::Training | v1::FailureKind::Unspecified | v1::FailureKind::Silence => {
            FailureKind::Training
        }
    };
    Failure { kind, message: cut(message) }
}

/// What a worker calls something of its own, of which it may have a thousand.
fn cut_name(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(NAME_BYTES_MAX));
    text
}

pub(super) fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MESSAGE_BYTES_MAX));
    text
}
