//! A cohort from initial weights to outcomes.

use std::time::Instant;

use foldwise_study::measure::Part;
use foldwise_study::outcome::{Predictions, RunEnd, RunOutcome, TestRecord};
use foldwise_study::selection::{EpochRule, Metric};
use foldwise_study::train::Precision;
use tch::{Device, Kind, Tensor, no_grad};

use super::chain::Chain;
use super::clip::Clipping;
use super::clock::Clock;
use super::cohort::{TestRows, check};
use super::evaluate::evaluate;
use super::fingerprint::fingerprint;
use super::intake::Intake;
use super::loss::Objective;
use super::measure::Recorder;
use super::meter::Meter;
use super::model::Model;
use super::module::Module;
use super::optimizer::Optimizer;
use super::picture;
use super::predictions::predictions;
use super::progress::{Ended, Progress};
use super::selected::Selected;
use super::step::{Learner, Paces};
use super::streams::Arrangement;
use super::tally::{Tally, Total};
use super::{
    AfterEpoch, Checkpoint, Cohort, DeviceData, EpochOfMember, MemberOutcome, Observer, TrainError, Weights,
};
use crate::{cuda, memory};

/// Trains a cohort, from its beginning or `from` a checkpoint of it, and gives back the outcome of each member, in
/// their order.
///
/// The observer is told what happens and can take checkpoints or end the cohort with [`TrainError::Stopped`]. A
/// member whose loss becomes NaN or infinite is frozen and the others go on unchanged. On a CPU a cohort that goes
/// on from a checkpoint ends as one that was never interrupted, bit for bit, but for its seconds, which are the sum
/// of both parts.
///
/// # Errors
/// [`TrainError::Incompatible`] before anything is trained; [`TrainError::Checkpoint`], also before, when the
/// checkpoint is not of this cohort; [`TrainError::OutOfMemory`] when a smaller cohort may fit;
/// [`TrainError::Stopped`] when the observer asked for it; what the observer said when it could not keep a
/// checkpoint; else what libtorch says.
pub fn train(
    data: &DeviceData,
    cohort: &Cohort,
    from: Option<&Checkpoint>,
    observer: &mut dyn Observer,
) -> Result<Vec<MemberOutcome>, TrainError> {
    let clock = Clock::start();
    memory::keep_freed();
    check(data, cohort)?;
    let mut run = Run::new(data, cohort, clock)?;
    if let Some(from) = from {
        run.resume(from)?;
    }
    run.epochs(observer)?;
    let outcomes = run.outcomes();
    memory::hand_back();
    outcomes
}

/// A cohort under way. What is per slot is in the slots' order.
pub(super) struct Run<'a> {
    pub(super) cohort: &'a Cohort,
    pub(super) fingerprint: String,
    pub(super) clock: Clock,
    device: Device,
    arrangement: Arrangement,
    intake: Intake<'a>,
    pub(super) learner: Learner,
    pub(super) progress: Vec<Progress>,
    pub(super) selected: Option<Selected>,
    pub(super) recorder: Recorder,
    /// Epochs that a checkpoint brought along.
    pub(super) done: u32,
}

/// Rows to evaluate: `[R, n]`, and how many of them are each slot's own.
struct Rows {
    index: Tensor,
    counts: Vec<usize>,
}

impl<'a> Run<'a> {
    fn new(data: &'a DeviceData, cohort: &'a Cohort, clock: Clock) -> Result<Self, TrainError> {
        let (members, device) = (&cohort.members, data.device());
        let first = &members[0];
        if let Device::Cuda(_) = device {
            cuda::round_to_tf32(first.train.precision == Precision::Tf32);
        }
        let mut meter = cohort.measure.resources.then(|| Meter::start(device));
        let arrangement = Arrangement::new(members);
        let training = arrangement.training(members, device)?;
        let intake = Intake::new(data, &arrangement.leaders(members), &training)?;
        let slots = || arrangement.slots.iter().map(|&slot| &members[slot]);
        let networks: Vec<_> = slots().map(|member| (&member.network, &member.source)).collect();
        let mut model = Model::new(&networks, first.train.precision, device)?;
        if let Some(meter) = &mut meter {
            // Before there is an optimizer: prediction needs weights and activations alone.
            let batch = training.f_narrow(1, 0, training.size()[1].min(first.train.batch_size as i64))?;
            meter.predict(&mut model, &intake, &batch)?;
        }
        let settings = slots().map(|member| member.train.optimizer.clone()).collect();
        let optimizer = Optimizer::new(settings, &model.parameters, device)?;
        let objective = Objective::new(&first.train, data.classes().is_some(), device)?;
        let steps = first.train.steps(first.train_rows.len()) as u64;
        let progress = |&member: &usize| Progress::new(member, &members[member].train, steps);
        let progress = arrangement.slots.iter().map(progress).collect();
        let clipping = Clipping::new(slots().map(|member| &member.train), device)?;
        let mut recorder = Recorder::new(&cohort.measure, &model, steps)?;
        recorder.meter = meter;
        let batch_size = first.train.batch_size as i64;
        let chain = match model.module() {
            Some(_) => None,
            None => Chain::new(&model, &objective, device)?,
        };
        let learner = Learner { model, chain, optimizer, objective, clipping, batch_size, steps: 0 };
        let fingerprint = fingerprint(data, cohort, learner.model.module().map(Module::digest))?;
        let mut run = Self {
            cohort,
            fingerprint,
            clock,
            device,
            arrangement,
            intake,
            learner,
            progress,
            selected: None,
            recorder,
            done: 0,
        };
        let tests = cohort.test != TestRows::None;
        let wanted = tests || cohort.keep_weights || !cohort.measure.predictions.is_empty();
        if wanted && (run.selects() || run.may_stop_early()) {
            run.selected = Some(Selected::of(&run.learner.model)?);
        }
        Ok(run)
    }

    /// Whether the best epoch is looked for.
    pub(super) fn selects(&self) -> bool {
        self.cohort.selection.epoch == EpochRule::Best && self.validates()
    }

    fn validates(&self) -> bool {
        !self.cohort.members[0].validation_rows.is_empty()
    }

    fn may_stop_early(&self) -> bool {
        self.validates() && self.cohort.members.iter().any(|member| member.train.early_stopping.is_some())
    }

    fn epochs(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let (members, device) = (&self.cohort.members, self.device);
        let first = &members[0];
        let (rows, epochs) = (first.train.rows(first.train_rows.len()), first.train.epochs);
        let steps = first.train.steps(first.train_rows.len()) as u64;
        let mut tally = Tally::new(members.len() as i64, rows as i64, &self.learner.objective, device)?;
        let validation = self.rows(Part::Validation)?;
        let training = if self.cohort.measure.training { self.rows(Part::Train)? } else { None };
        for epoch in self.done + 1..=epochs {
            let index = self.arrangement.epoch(members, epoch, device)?;
            let meter = self.recorder.meter.take();
            meter.iter().for_each(Meter::begin);
            let started = begin();
            let progress = &self.progress;
            let paces = Paces {
                at: &|step| progress.iter().map(|progress| progress.pace(step)).collect(),
                vary: progress.iter().any(Progress::varies),
                should_stop: &|| observer.should_stop(),
            };
            self.learner.epoch(&self.intake, &index, &paces, (&mut tally, &mut self.recorder))?;
            let trained = tally.totals(&vec![rows; members.len()])?;
            self.recorder.meter = meter.map(|mut meter| {
                meter.end(steps, rows as u64, started.elapsed());
                meter
            });
            let validated = self.evaluate(validation.as_ref())?;
            let whole = self.evaluate(training.as_ref())?;
            let alive = self.end_epoch(epoch, &trained, validated.as_deref(), observer)?;
            let ended = |slot: &usize| self.progress[*slot].has_ended();
            let stopped: Vec<usize> = alive.iter().copied().filter(ended).collect();
            let model = &self.learner.model;
            self.recorder.end_epoch((epoch, epochs), (&alive, &stopped), whole.as_deref(), model)?;
            self.freeze()?;
            if epoch == epochs || self.progress.iter().all(Progress::has_ended) {
                break;
            }
            self.between_epochs(epoch, observer)?;
        }
        self.take_last()
    }

    /// The rows of one part that slots are evaluated on, where there are any.
    fn rows(&self, part: Part) -> Result<Option<Rows>, TrainError> {
        let members = &self.cohort.members;
        let counts =
            |count: &dyn Fn(usize) -> usize| self.arrangement.slots.iter().map(|&slot| count(slot)).collect();
        Ok(match part {
            Part::Train => Some(Rows {
                index: self.arrangement.training(members, self.device)?,
                counts: counts(&|slot| members[slot].train_rows.len()),
            }),
            Part::Validation if !self.validates() => None,
            Part::Validation => Some(Rows {
                index: self.arrangement.validation(members, self.device)?,
                counts: counts(&|slot| members[slot].validation_rows.len()),
            }),
            Part::Test => test_rows(self.intake.data(), &self.cohort.test, members.len())?,
        })
    }

    fn evaluate(&mut self, rows: Option<&Rows>) -> Result<Option<Vec<Total>>, TrainError> {
        let Some(Rows { index, counts }) = rows else { return Ok(None) };
        let Learner { model, objective, .. } = &mut self.learner;
        evaluate(model, &self.intake, objective, index, counts, None).map(Some)
    }

    /// Ends an epoch; the slots that went through it whole.
    fn end_epoch(
        &mut self,
        epoch: u32,
        trained: &[Total],
        validated: Option<&[Total]>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<usize>, TrainError> {
        // Numbers have no accuracy.
        let metric =
            if self.learner.objective.classes { self.cohort.selection.metric } else { Metric::ValLoss };
        let selects = self.selects();
        let (mut taken, mut ended, mut alive) = (Vec::new(), Vec::new(), Vec::new());
        for (slot, progress) in self.progress.iter_mut().enumerate() {
            let val = validated.map(|validated| validated[slot]);
            match progress.end_epoch(epoch, trained[slot], val, metric) {
                Ended::Frozen | Ended::Diverged => {}
                Ended::Recorded { record, improved, stopped } => {
                    if if selects { improved } else { stopped } {
                        taken.push(slot as i64);
                    }
                    alive.push(slot);
                    ended.push(EpochOfMember { member: progress.member, record });
                }
            }
        }
        if let Some(selected) = &mut self.selected {
            selected.take(&self.learner.model, &taken)?;
        }
        ended.sort_by_key(|ended| ended.member);
        ended.into_iter().for_each(|ended| observer.epoch(ended));
        Ok(alive)
    }

    /// Clears members that have ended, so that they compute small finite numbers that nobody reads.
    fn freeze(&self) -> Result<(), TrainError> {
        let ended = self.progress.iter().enumerate().filter(|(_, progress)| progress.has_ended());
        ended.map(|(slot, _)| slot as i64).try_for_each(|slot| freeze(&self.learner, slot))
    }

    /// Where the last epoch counts, takes over the weights of members that went on to the end.
    fn take_last(&mut self) -> Result<(), TrainError> {
        let selects = self.selects();
        let Some(selected) = self.selected.as_mut().filter(|_| !selects) else { return Ok(()) };
        let going = self.progress.iter().enumerate().filter(|(_, progress)| !progress.has_ended());
        let slots: Vec<i64> = going.map(|(slot, _)| slot as i64).collect();
        selected.take(&self.learner.model, &slots)
    }

    fn between_epochs(&self, epoch: u32, observer: &mut dyn Observer) -> Result<(), TrainError> {
        match observer.after_epoch(epoch) {
            AfterEpoch::Continue => Ok(()),
            AfterEpoch::Checkpoint => self.keep(epoch, observer),
            AfterEpoch::CheckpointAndStop => {
                self.keep(epoch, observer)?;
                Err(TrainError::Stopped)
            }
        }
    }

    /// A checkpoint that cannot be taken costs nothing but itself.
    fn keep(&self, epoch: u32, observer: &mut dyn Observer) -> Result<(), TrainError> {
        match self.checkpoint(epoch) {
            Ok(checkpoint) => observer.keep(checkpoint),
            Err(TrainError::Checkpoint(error)) => {
                observer.not_taken(&error);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn outcomes(mut self) -> Result<Vec<MemberOutcome>, TrainError> {
        if let Some(selected) = &self.selected {
            selected.give_back(&mut self.learner.model)?;
        }
        let test = self.rows(Part::Test)?;
        let tested = self.evaluate(test.as_ref())?;
        let selects = self.selects();
        let counted: Vec<Option<u32>> = self
            .progress
            .iter()
            .map(|progress| {
                let last = progress.epochs.last();
                let counted = if selects { progress.best.as_ref().or(last) } else { last };
                counted.filter(|_| progress.diverged.is_none()).map(|record| record.epoch)
            })
            .collect();
        let mut predicted = self.predictions(&counted)?;
        let mut outcomes = Vec::with_capacity(self.progress.len());
        for (slot, progress) in self.progress.iter().enumerate() {
            let weights = match counted[slot] {
                Some(epoch) if self.cohort.keep_weights => {
                    Some(self.weights(slot, progress.member, epoch)?)
                }
                _ => None,
            };
            let test = tested.as_ref().map(|tested| tested[slot]).filter(|_| counted[slot].is_some());
            let (mut measurements, snapshots) = self.recorder.measured(slot)?;
            measurements.predictions = predicted.iter_mut().filter_map(|part| part[slot].take()).collect();
            let outcome = RunOutcome {
                end: progress.diverged.map_or(RunEnd::Finished, RunEnd::Diverged),
                epochs: progress.epochs.clone(),
                seconds: self.clock.seconds(),
                test: test.map(|total| TestRecord { loss: total.loss, accuracy: total.accuracy }),
                measurements: (!self.cohort.measure.is_empty()).then(|| Box::new(measurements)),
            };
            let best_epoch = counted[slot];
            outcomes.push((progress.member, MemberOutcome { outcome, best_epoch, weights, snapshots }));
        }
        outcomes.sort_by_key(|(member, _)| *member);
        Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
    }

    /// Predictions of each part that is asked for, by slot; none of members that diverged.
    fn predictions(&mut self, counted: &[Option<u32>]) -> Result<Vec<Vec<Option<Predictions>>>, TrainError> {
        let epochs: Vec<u32> = counted.iter().map(|counted| counted.unwrap_or(0)).collect();
        let mut all = Vec::new();
        for &part in &self.cohort.measure.predictions {
            let Some(Rows { index, counts }) = self.rows(part)? else { continue };
            let Learner { model, objective, .. } = &mut self.learner;
            let mut found = predictions(model, &self.intake, objective, (part, &index, &counts), &epochs)?;
            if self.cohort.measure.keeps_pictures() {
                picture::add(self.intake.data(), &index, &mut found)?;
            }
            let found = found.into_iter().zip(counted).map(|(found, counted)| counted.map(|_| found));
            all.push(found.collect());
        }
        Ok(all)
    }

    fn weights(&self, slot: usize, member: usize, epoch: u32) -> Result<Weights, TrainError> {
        let (model, member) = (&self.learner.model, &self.cohort.members[member]);
        let running: Vec<Tensor> = model.running().into_iter().map(Tensor::shallow_clone).collect();
        let steps = i64::from(epoch) * member.train.steps(member.train_rows.len()) as i64;
        let values = (model.parameters.values(), running.as_slice());
        let mut weights = Weights::of(&member.network, model, values, slot as i64, steps)?;
        weights.module = model.module().map(Module::saved).transpose()?;
        weights.normalize = self.intake.fitted(self.arrangement.stream_of(slot))?;
        Ok(weights)
    }
}

#[allow(clippy::disallowed_methods, reason = "the time of an epoch's steps is measured here alone")]
fn begin() -> Instant {
    Instant::now()
}

/// The rows that all `members` are tested on.
fn test_rows(data: &DeviceData, test: &TestRows, members: usize) -> Result<Option<Rows>, TrainError> {
    let (index, count) = match (test, data.test_rows()) {
        (TestRows::TestSet, Some(count)) => {
            let (first, last) = (data.train_rows() as i64, (data.train_rows() + count) as i64);
            (Tensor::f_arange_start(first, last, (Kind::Int64, data.device()))?, count)
        }
        (TestRows::Apart(rows), _) => {
            let rows: Vec<i64> = rows.iter().copied().map(i64::from).collect();
            (Tensor::f_from_slice(&rows)?.f_to(data.device())?, rows.len())
        }
        (TestRows::TestSet, None) | (TestRows::None, _) => return Ok(None),
    };
    Ok(Some(Rows { index: index.f_view((1, -1))?, counts: vec![count; members] }))
}

/// Clears a member.
fn freeze(learner: &Learner, slot: i64) -> Result<(), TrainError> {
    let Learner { model, optimizer, .. } = learner;
    let members = model.parameters.members();
    no_grad(|| {
        for block in model.parameters.blocks() {
            let _ = block.of(model.parameters.values(), members)?.f_select(0, slot)?.f_zero_()?;
        }
        for (index, statistic) in model.running().into_iter().enumerate() {
            // Means and variances alternate.
            let value = if index % 2 == 0 { 0.0 } else { 1.0 };
            let _ = statistic.f_view((members, -1))?.f_select(0, slot)?.f_fill_(value)?;
        }
        optimizer.clear(slot)
    })
}
