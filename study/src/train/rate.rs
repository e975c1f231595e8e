//! The learning rate of one run, step by step.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::schedule::{Curve, OneCycle, ReduceOnPlateau, Schedule};
use super::{TrainSpec, WarmUp};

/// The learning rate of one run, step by step.
#[derive(Debug, Clone)]
pub struct Rate {
    schedule: Schedule,
    warm_up: Option<WarmUp>,
    initial: f64,
    epochs: u32,
    steps_per_epoch: u64,
    /// Epochs that are done.
    done: u32,
    /// The schedule's rate of the epoch under way, where it is one for all its steps.
    current: f64,
    best: Option<f64>,
    bad_epochs: u32,
    cooldown: u32,
}

/// What a step is taken with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// The learning rate.
    pub lr: f64,
    /// The momentum (or first beta), where a schedule moves it.
    pub momentum: Option<f64>,
}

/// What a [`Rate`] remembers between epochs. Numbers are held as IEEE 754 bits: JSON has no word for the infinity
/// that a step schedule with `gamma` above 1 can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateState {
    done: u32,
    current_bits: u64,
    best_bits: Option<u64>,
    bad_epochs: u32,
    cooldown: u32,
}

impl Rate {
    /// The rate of a run whose epochs have `steps_per_epoch` steps.
    #[must_use]
    pub fn new(train: &TrainSpec, steps_per_epoch: u64) -> Self {
        let initial = train.optimizer.lr;
        Self {
            schedule: train.schedule.clone(),
            warm_up: train.warm_up.clone(),
            initial,
            epochs: train.epochs,
            steps_per_epoch,
            done: 0,
            current: initial,
            best: None,
            bad_epochs: 0,
            cooldown: 0,
        }
    }

    /// What a rate of the same run needs to go on from here with [`Self::resume`].
    #[must_use]
    pub fn state(&self) -> RateState {
        RateState {
            done: self.done,
            current_bits: self.current.to_bits(),
            best_bits: self.best.map(f64::to_bits),
            bad_epochs: self.bad_epochs,
            cooldown: self.cooldown,
        }
    }

    /// Goes on where a rate of the same run gave its state.
    pub fn resume(&mut self, state: RateState) {
        self.done = state.done;
        self.current = f64::from_bits(state.current_bits);
        self.best = state.best_bits.map(f64::from_bits);
        self.bad_epochs = state.bad_epochs;
        self.cooldown = state.cooldown;
    }

    /// What step `step` (from 0) of the epoch under way is taken with.
    #[must_use]
    pub fn at(&self, step: u64) -> Pace {
        let taken = u64::from(self.done) * self.steps_per_epoch + step;
        let share = self.warm_up.as_ref().map_or(1.0, |warm_up| self.warmth(warm_up, taken));
        let Pace { lr, momentum } = match &self.schedule {
            Schedule::OneCycle(cycle) => {
                one_cycle(cycle, self.initial, u64::from(self.epochs) * self.steps_per_epoch, taken)
            }
            _ => Pace { lr: self.current, momentum: None },
        };
        Pace { lr: lr * share, momentum }
    }

    /// Whether steps of the epoch under way differ.
    #[must_use]
    pub fn varies(&self) -> bool {
        let begun = u64::from(self.done) * self.steps_per_epoch;
        let warming = self.warm_up.as_ref().is_some_and(|warm_up| begun < self.warm_steps(warm_up));
        warming || matches!(self.schedule, Schedule::OneCycle(_))
    }

    /// The rate that the epoch under way is recorded with: that of its last step.
    #[must_use]
    pub fn recorded(&self) -> f64 {
        self.at(self.steps_per_epoch.saturating_sub(1)).lr
    }

    /// Ends epoch number `epoch` (from 1) with its validation results; a refit has none and keeps the rate
    /// where the schedule watches them.
    pub fn end_epoch(&mut self, epoch: u32, val_loss: Option<f64>, val_accuracy: Option<f64>) {
        self.done = epoch;
        let power = |gamma: f64, changes: u32| gamma.powi(i32::try_from(changes).unwrap_or(i32::MAX));
        self.current = match &self.schedule {
            Schedule::Constant | Schedule::OneCycle(_) => self.initial,
            Schedule::Step(step) => self.initial * power(step.gamma, epoch / step.every),
            Schedule::MultiStep(steps) => {
                let passed = steps.milestones.iter().filter(|&&milestone| milestone <= epoch).count();
                self.initial * power(steps.gamma, u32::try_from(passed).unwrap_or(u32::MAX))
            }
            Schedule::Exponential(exponential) => self.initial * power(exponential.gamma, epoch),
            Schedule::Cosine(cosine) => {
                let whole = cosine.epochs.unwrap_or(self.epochs);
                fall(self.initial, cosine.min_lr, f64::from(epoch) / f64::from(whole))
            }
            Schedule::CosineRestarts(restarts) => {
                let (mut since, mut length) = (epoch, restarts.first);
                while since >= length {
                    since -= length;
                    length = length.saturating_mul(restarts.factor);
                }
                fall(self.initial, restarts.min_lr, f64::from(since) / f64::from(length))
            }
            Schedule::ReduceOnPlateau(plateau) => {
                let watched = plateau.monitor.of(val_loss, val_accuracy);
                let plateau = plateau.clone();
                watched.map_or(self.current, |value| self.watch(&plateau, value))
            }
        };
    }

    /// The rate after a watched value.
    fn watch(&mut self, plateau: &ReduceOnPlateau, value: f64) -> f64 {
        if self.best.is_none_or(|best| plateau.improves(value, best)) {
            self.best = Some(value);
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        if self.cooldown > 0 {
            self.cooldown -= 1;
            self.bad_epochs = 0;
        }
        if self.bad_epochs <= plateau.patience {
            return self.current;
        }
        self.bad_epochs = 0;
        self.cooldown = plateau.cooldown;
        let reduced = (self.current * plateau.factor).max(plateau.min_lr);
        if self.current - reduced > plateau.eps { reduced } else { self.current }
    }

    fn warm_steps(&self, warm_up: &WarmUp) -> u64 {
        let epochs = warm_up.epochs.map_or(0, |epochs| u64::from(epochs) * self.steps_per_epoch);
        warm_up.steps.unwrap_or(epochs)
    }

    fn warmth(&self, warm_up: &WarmUp, taken: u64) -> f64 {
        let whole = self.warm_steps(warm_up);
        if taken >= whole {
            return 1.0;
        }
        warm_up.start + (1.0 - warm_up.start) * (taken as f64 / whole as f64)
    }
}

/// Half a cosine from `high` (share 0) to `low` (share 1).
fn fall(high: f64, low: f64, share: f64) -> f64 {
    low + (high - low) * f64::midpoint(1.0, (PI * share).cos())
}

/// Step `taken` (from 0) of `whole`. Phases end at PyTorch's fractional steps.
fn one_cycle(cycle: &OneCycle, highest: f64, whole: u64, taken: u64) -> Pace {
    let (whole, taken) = (whole as f64, taken as f64);
    let first = highest / cycle.start_divisor;
    let last = first / cycle.end_divisor;
    let [slow, fast] = cycle.momentum.unwrap_or_default();
    // End of the phase, rates at its ends, momentum at its ends.
    let risen = (cycle.rise * whole - 1.0, [first, highest], [slow, fast]);
    let phases = if cycle.three_phases {
        let fallen = (2.0 * cycle.rise * whole - 2.0, [highest, first], [fast, slow]);
        vec![risen, fallen, (whole - 1.0, [first, last], [slow, slow])]
    } else {
        vec![risen, (whole - 1.0, [highest, last], [fast, slow])]
    };
    let mut start = 0.0;
    for (index, (end, rates, momenta)) in phases.iter().enumerate() {
        if taken <= *end || index + 1 == phases.len() {
            let share = if *end > start { ((taken - start) / (end - start)).min(1.0) } else { 1.0 };
            let between = |ends: &[f64; 2]| match cycle.curve {
                Curve::Cosine => fall(ends[0], ends[1], share),
                Curve::Linear => (ends[1] - ends[0]) * share + ends[0],
            };
            return Pace { lr: between(rates), momentum: cycle.momentum.map(|_| between(momenta)) };
        }
        start = *end;
    }
    Pace { lr: last, momentum: None }
}
