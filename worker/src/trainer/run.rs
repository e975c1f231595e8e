//! A cohort from initial weights to outcomes.

use foldwise_study::outcome::{RunEnd, RunOutcome, TestRecord};
use foldwise_study::selection::{EpochRule, Metric};
use foldwise_study::train::Loss;
use tch::{Kind, Tensor, no_grad};

use super::clock::Clock;
use super::cohort::check;
use super::evaluate::evaluate;
use super::fingerprint::fingerprint;
use super::loss::Objective;
use super::model::Model;
use super::optimizer::Optimizer;
use super::progress::{Ended, Progress};
use super::selected::Selected;
use super::step::Learner;
use super::streams::Arrangement;
use super::tally::{Tally, Total};
use super::{
    AfterEpoch, Checkpoint, Cohort, DeviceData, EpochOfMember, MemberOutcome, Observer, TrainError, Weights,
};

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
    check(data, cohort)?;
    let mut run = Run::new(data, cohort, clock)?;
    if let Some(from) = from {
        run.resume(from)?;
    }
    run.epochs(observer)?;
    run.outcomes()
}

/// A cohort under way. What is per slot is in the slots' order.
pub(super) struct Run<'a> {
    data: &'a DeviceData,
    pub(super) cohort: &'a Cohort,
    pub(super) fingerprint: String,
    pub(super) clock: Clock,
    arrangement: Arrangement,
    pub(super) learner: Learner,
    pub(super) progress: Vec<Progress>,
    pub(super) selected: Option<Selected>,
    /// Epochs that a checkpoint brought along.
    pub(super) done: u32,
}

impl<'a> Run<'a> {
    fn new(data: &'a DeviceData, cohort: &'a Cohort, clock: Clock) -> Result<Self, TrainError> {
        let (members, device) = (&cohort.members, data.device());
        let arrangement = Arrangement::new(members);
        let slots = || arrangement.slots.iter().map(|&slot| &members[slot]);
        let networks: Vec<_> = slots().map(|member| (&member.network, &member.source)).collect();
        let model = Model::new(&networks, device)?;
        let settings = slots().map(|member| member.train.optimizer.clone()).collect();
        let optimizer = Optimizer::new(settings, &model.parameters, device)?;
        let classes = data.classes().is_some();
        let usual = if classes { Loss::CrossEntropy } else { Loss::MeanSquaredError };
        let objective = Objective { loss: members[0].train.loss.unwrap_or(usual), classes };
        if objective.loss == Loss::CrossEntropy && !classes {
            let reason = "cross-entropy needs classes, but the targets are numbers".to_owned();
            return Err(TrainError::Incompatible { member: 0, reason });
        }
        let progress = |&member: &usize| Progress::new(member, &members[member].train);
        let progress = arrangement.slots.iter().map(progress).collect();
        let batch_size = members[0].train.batch_size as i64;
        let learner = Learner { model, optimizer, objective, batch_size, steps: 0 };
        let fingerprint = fingerprint(data, cohort)?;
        let mut run = Self {
            data,
            cohort,
            fingerprint,
            clock,
            arrangement,
            learner,
            progress,
            selected: None,
            done: 0,
        };
        if run.selects() && (cohort.test || cohort.keep_weights) {
            run.selected = Some(Selected::of(&run.learner.model)?);
        }
        Ok(run)
    }

    /// Whether the best epoch is looked for.
    fn selects(&self) -> bool {
        self.cohort.selection.epoch == EpochRule::Best && self.validates()
    }

    fn validates(&self) -> bool {
        !self.cohort.members[0].validation_rows.is_empty()
    }

    fn epochs(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let (members, device) = (&self.cohort.members, self.data.device());
        let (rows, epochs) = (members[0].train_rows.len(), members[0].train.epochs);
        let mut tally =
            Tally::new(members.len() as i64, rows as i64, self.learner.objective.classes, device)?;
        let validation = self.arrangement.validation(members, device)?;
        let own = |slot: &usize| members[*slot].validation_rows.len();
        let validation_counts: Vec<usize> = self.arrangement.slots.iter().map(own).collect();
        for epoch in self.done + 1..=epochs {
            let rates: Vec<f64> = self.progress.iter().map(Progress::rate).collect();
            self.learner.optimizer.set_rates(&rates)?;
            let index = self.arrangement.epoch(members, epoch, device)?;
            self.learner.epoch(self.data.train(), &index, &mut tally, &|| observer.should_stop())?;
            let trained = tally.totals(&vec![rows; members.len()])?;
            let validated = if self.validates() {
                let Learner { model, objective, .. } = &mut self.learner;
                Some(evaluate(model, self.data.train(), *objective, &validation, &validation_counts)?)
            } else {
                None
            };
            self.end_epoch(epoch, &trained, validated.as_deref(), observer)?;
            if epoch == epochs || self.progress.iter().all(|progress| progress.diverged.is_some()) {
                break;
            }
            self.between_epochs(epoch, observer)?;
        }
        Ok(())
    }

    fn end_epoch(
        &mut self,
        epoch: u32,
        trained: &[Total],
        validated: Option<&[Total]>,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        // Numbers have no accuracy.
        let metric =
            if self.learner.objective.classes { self.cohort.selection.metric } else { Metric::ValLoss };
        let (mut improved, mut ended) = (Vec::new(), Vec::new());
        for (slot, progress) in self.progress.iter_mut().enumerate() {
            let val = validated.map(|validated| validated[slot]);
            match progress.end_epoch(epoch, trained[slot], val, metric) {
                Ended::Frozen => {}
                Ended::Diverged => freeze(&self.learner, slot as i64)?,
                Ended::Recorded(record, best) => {
                    if best {
                        improved.push(slot as i64);
                    }
                    ended.push(EpochOfMember { member: progress.member, record });
                }
            }
        }
        if let Some(selected) = &mut self.selected {
            selected.take(&self.learner.model, &improved)?;
        }
        ended.sort_by_key(|ended| ended.member);
        ended.into_iter().for_each(|ended| observer.epoch(ended));
        Ok(())
    }

    fn between_epochs(&self, epoch: u32, observer: &mut dyn Observer) -> Result<(), TrainError> {
        match observer.after_epoch(epoch) {
            AfterEpoch::Continue => Ok(()),
            AfterEpoch::Checkpoint => observer.keep(self.checkpoint(epoch)?),
            AfterEpoch::CheckpointAndStop => {
                observer.keep(self.checkpoint(epoch)?)?;
                Err(TrainError::Stopped)
            }
        }
    }

    fn outcomes(mut self) -> Result<Vec<MemberOutcome>, TrainError> {
        if let Some(selected) = &self.selected {
            selected.give_back(&mut self.learner.model)?;
        }
        let tested = if self.cohort.test { self.test()? } else { None };
        let selects = self.selects();
        let mut outcomes = Vec::with_capacity(self.progress.len());
        for (slot, progress) in self.progress.iter().enumerate() {
            let last = progress.epochs.last();
            let counted = if selects { progress.best.as_ref().or(last) } else { last };
            let counted = counted.filter(|_| progress.diverged.is_none()).map(|record| record.epoch);
            let weights = match counted {
                Some(epoch) if self.cohort.keep_weights => {
                    Some(self.weights(slot, progress.member, epoch)?)
                }
                _ => None,
            };
            let test = tested.as_ref().map(|tested| tested[slot]).filter(|_| counted.is_some());
            let outcome = RunOutcome {
                end: progress.diverged.map_or(RunEnd::Finished, RunEnd::Diverged),
                epochs: progress.epochs.clone(),
                seconds: self.clock.seconds(),
                test: test.map(|total| TestRecord { loss: total.loss, accuracy: total.accuracy }),
                measurements: None,
            };
            outcomes.push((
                progress.member,
                MemberOutcome { outcome, best_epoch: counted, weights, snapshots: None },
            ));
        }
        outcomes.sort_by_key(|(member, _)| *member);
        Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
    }

    fn test(&mut self) -> Result<Option<Vec<Total>>, TrainError> {
        let Some(rows) = self.data.test() else { return Ok(None) };
        let index =
            Tensor::f_arange(rows.count() as i64, (Kind::Int64, self.data.device()))?.f_view((1, -1))?;
        let counts = vec![rows.count(); self.progress.len()];
        let Learner { model, objective, .. } = &mut self.learner;
        Ok(Some(evaluate(model, rows, *objective, &index, &counts)?))
    }

    fn weights(&self, slot: usize, member: usize, epoch: u32) -> Result<Weights, TrainError> {
        let (model, member) = (&self.learner.model, &self.cohort.members[member]);
        let running: Vec<Tensor> = model.running().into_iter().map(Tensor::shallow_clone).collect();
        let steps = i64::from(epoch) * member.train.steps(member.train_rows.len()) as i64;
        Weights::of(&member.network, model, (model.parameters.values(), &running), slot as i64, steps)
    }
}

/// Clears a diverged member, so that it computes small finite numbers that nobody reads.
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
