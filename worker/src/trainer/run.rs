//! A cohort from initial weights to outcomes.

use std::time::{Duration, Instant};

use foldwise_study::outcome::{EpochRecord, RunEnd, RunOutcome, TestRecord};
use foldwise_study::selection::{EpochRule, Metric};
use foldwise_study::train::{Loss, Rate};
use tch::{Kind, Tensor, no_grad};

use super::cohort::{check, improves};
use super::evaluate::evaluate;
use super::loss::Objective;
use super::model::Model;
use super::optimizer::Optimizer;
use super::step::Learner;
use super::streams::Arrangement;
use super::tally::{Tally, Total};
use super::{Cohort, DeviceData, EpochOfMember, MemberOutcome, Order, TrainError, Weights};

/// Trains a cohort and gives back the outcome of each member, in their order.
///
/// `observe` is told each epoch of each member as it ends; `should_stop` is asked every few steps. Both can
/// end the cohort with [`TrainError::Stopped`]. A member whose loss becomes NaN or infinite is frozen and
/// the others go on unchanged.
///
/// # Errors
/// [`TrainError::Incompatible`] before anything is trained; [`TrainError::OutOfMemory`] when a smaller cohort
/// may fit; [`TrainError::Stopped`] when the caller asked for it; else what libtorch says.
pub fn train(
    data: &DeviceData,
    cohort: &Cohort,
    observe: &mut dyn FnMut(EpochOfMember) -> Order,
    should_stop: &dyn Fn() -> bool,
) -> Result<Vec<MemberOutcome>, TrainError> {
    let clock = Clock::start();
    check(data, cohort)?;
    let mut run = Run::new(data, cohort)?;
    run.epochs(observe, should_stop)?;
    run.outcomes(clock.elapsed())
}

/// The wall clock of a cohort.
struct Clock(Instant);

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "a cohort's wall time is measured here and nowhere else")]
    fn start() -> Self {
        Self(Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A cohort under way. What is per slot is in the slots' order.
struct Run<'a> {
    data: &'a DeviceData,
    cohort: &'a Cohort,
    arrangement: Arrangement,
    learner: Learner,
    progress: Vec<Progress>,
    selected: Option<Selected>,
}

/// How far the member of one slot has come.
struct Progress {
    member: usize,
    rate: Rate,
    epochs: Vec<EpochRecord>,
    best: Option<EpochRecord>,
    diverged: Option<u32>,
}

/// Weights and statistics of each member's best epoch.
struct Selected {
    /// `[N]`.
    values: Tensor,
    running: Vec<Tensor>,
}

impl<'a> Run<'a> {
    fn new(data: &'a DeviceData, cohort: &'a Cohort) -> Result<Self, TrainError> {
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
        let progress = arrangement.slots.iter().map(|&member| {
            let train = &members[member].train;
            let rate = Rate::new(&train.schedule, train.optimizer.lr);
            Progress { member, rate, epochs: Vec::new(), best: None, diverged: None }
        });
        let progress = progress.collect();
        let batch_size = members[0].train.batch_size as i64;
        let learner = Learner { model, optimizer, objective, batch_size, steps: 0 };
        let mut run = Self { data, cohort, arrangement, learner, progress, selected: None };
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

    fn epochs(
        &mut self,
        observe: &mut dyn FnMut(EpochOfMember) -> Order,
        should_stop: &dyn Fn() -> bool,
    ) -> Result<(), TrainError> {
        let (members, device) = (&self.cohort.members, self.data.device());
        let rows = members[0].train_rows.len();
        let mut tally =
            Tally::new(members.len() as i64, rows as i64, self.learner.objective.classes, device)?;
        let validation = self.arrangement.validation(members, device)?;
        let own = |slot: &usize| members[*slot].validation_rows.len();
        let validation_counts: Vec<usize> = self.arrangement.slots.iter().map(own).collect();
        for epoch in 1..=members[0].train.epochs {
            let rates: Vec<f64> = self.progress.iter().map(Progress::rate).collect();
            self.learner.optimizer.set_rates(&rates)?;
            let index = self.arrangement.epoch(members, epoch, device)?;
            self.learner.epoch(self.data.train(), &index, &mut tally, should_stop)?;
            let trained = tally.totals(&vec![rows; members.len()])?;
            let validated = if self.validates() {
                let Learner { model, objective, .. } = &mut self.learner;
                Some(evaluate(model, self.data.train(), *objective, &validation, &validation_counts)?)
            } else {
                None
            };
            self.end_epoch(epoch, &trained, validated.as_deref(), observe)?;
            if self.progress.iter().all(|progress| progress.diverged.is_some()) {
                break;
            }
        }
        Ok(())
    }

    fn end_epoch(
        &mut self,
        epoch: u32,
        trained: &[Total],
        validated: Option<&[Total]>,
        observe: &mut dyn FnMut(EpochOfMember) -> Order,
    ) -> Result<(), TrainError> {
        // Numbers have no accuracy.
        let metric =
            if self.learner.objective.classes { self.cohort.selection.metric } else { Metric::ValLoss };
        let (mut improved, mut ended) = (Vec::new(), Vec::new());
        for (slot, progress) in self.progress.iter_mut().enumerate() {
            if progress.diverged.is_some() {
                continue;
            }
            let val = validated.map(|validated| validated[slot]);
            let finite = trained[slot].loss.is_finite() && val.is_none_or(|val| val.loss.is_finite());
            if !finite {
                progress.diverged = Some(epoch);
                freeze(&self.learner, slot as i64)?;
                continue;
            }
            let record = EpochRecord {
                epoch,
                train_loss: trained[slot].loss,
                train_accuracy: trained[slot].accuracy,
                val_loss: val.map(|val| val.loss),
                val_accuracy: val.and_then(|val| val.accuracy),
                lr: progress.rate.current(),
            };
            progress.rate.end_epoch(epoch, record.val_loss, record.val_accuracy);
            progress.epochs.push(record);
            if improves(metric, &record, progress.best.as_ref()) {
                progress.best = Some(record);
                improved.push(slot as i64);
            }
            ended.push(EpochOfMember { member: progress.member, record });
        }
        if let Some(selected) = &mut self.selected {
            selected.take(&self.learner.model, &improved)?;
        }
        ended.sort_by_key(|ended| ended.member);
        let orders: Vec<Order> = ended.into_iter().map(observe).collect();
        if orders.contains(&Order::Stop) { Err(TrainError::Stopped) } else { Ok(()) }
    }

    fn outcomes(mut self, elapsed: Duration) -> Result<Vec<MemberOutcome>, TrainError> {
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
                seconds: elapsed.as_secs_f64(),
                test: test.map(|total| TestRecord { loss: total.loss, accuracy: total.accuracy }),
            };
            outcomes.push((progress.member, MemberOutcome { outcome, best_epoch: counted, weights }));
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

impl Progress {
    fn rate(&self) -> f64 {
        if self.diverged.is_some() { 0.0 } else { self.rate.current() }
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

impl Selected {
    fn of(model: &Model) -> Result<Self, TrainError> {
        let values = model.parameters.values().f_zeros_like()?;
        let running: Result<Vec<Tensor>, _> = model.running().into_iter().map(Tensor::f_zeros_like).collect();
        Ok(Self { values, running: running? })
    }

    /// Takes over the slots' present weights and statistics.
    fn take(&mut self, model: &Model, slots: &[i64]) -> Result<(), TrainError> {
        let members = model.parameters.members();
        let row = |flat: &Tensor, slot: i64| flat.f_view((members, -1))?.f_select(0, slot);
        no_grad(|| {
            for &slot in slots {
                for block in model.parameters.blocks() {
                    let from = block.of(model.parameters.values(), members)?.f_select(0, slot)?;
                    block.of(&self.values, members)?.f_select(0, slot)?.f_copy_(&from)?;
                }
                for (kept, present) in self.running.iter().zip(model.running()) {
                    row(kept, slot)?.f_copy_(&row(present, slot)?)?;
                }
            }
            Ok(())
        })
    }

    /// Puts the selected weights and statistics into the model.
    fn give_back(&self, model: &mut Model) -> Result<(), TrainError> {
        no_grad(|| {
            model.parameters.values().shallow_clone().f_copy_(&self.values)?;
            for (kept, present) in self.running.iter().zip(model.running()) {
                present.shallow_clone().f_copy_(kept)?;
            }
            Ok(())
        })
    }
}
