//! How the learning rate changes from epoch to epoch, with PyTorch's meanings and defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `train.schedule`: `"constant"`, `{ step = … }` or `{ reduce_on_plateau = … }`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The rate stays.
    #[default]
    Constant,
    /// PyTorch's `StepLR`.
    Step(Step),
    /// PyTorch's `ReduceLROnPlateau`, with a relative threshold.
    ReduceOnPlateau(ReduceOnPlateau),
}

/// The rate is multiplied by `gamma` after each `every` epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Epochs between changes (PyTorch's `step_size`).
    #[schemars(range(min = 1))]
    pub every: u32,
    /// The factor.
    #[serde(default = "tenth")]
    #[schemars(range(min = 0.0, max = 10.0))]
    pub gamma: f64,
}

/// The rate is multiplied by `factor` when the monitored value has not improved for more than `patience` epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReduceOnPlateau {
    /// The factor.
    #[serde(default = "tenth")]
    #[schemars(range(min = 0.0, max = 0.999))]
    pub factor: f64,
    /// Epochs without improvement that are borne.
    #[serde(default = "ten")]
    pub patience: u32,
    /// Relative change that counts as an improvement.
    #[serde(default = "threshold")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f64,
    /// The rate never falls below this.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub min_lr: f64,
    /// What is watched.
    #[serde(default)]
    pub monitor: Monitor,
}

/// What a schedule watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// Validation loss: lower is better.
    #[default]
    ValLoss,
    /// Validation accuracy: higher is better.
    ValAccuracy,
}

/// PyTorch's `eps`: a change of the rate smaller than this is not made.
const LR_CHANGE_MIN: f64 = 1e-8;

/// The learning rate of one run, epoch by epoch.
#[derive(Debug, Clone)]
pub struct Rate {
    schedule: Schedule,
    initial: f64,
    current: f64,
    best: Option<f64>,
    bad_epochs: u32,
}

/// What a [`Rate`] remembers between epochs. Numbers are held as IEEE 754 bits: JSON has no word for the infinity
/// that a step schedule with `gamma` above 1 can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateState {
    current_bits: u64,
    best_bits: Option<u64>,
    bad_epochs: u32,
}

impl Rate {
    /// A rate that starts at `initial`.
    #[must_use]
    pub fn new(schedule: &Schedule, initial: f64) -> Self {
        Self { schedule: schedule.clone(), initial, current: initial, best: None, bad_epochs: 0 }
    }

    /// What a rate of the same schedule needs to go on from here with [`Self::resume`].
    #[must_use]
    pub fn state(&self) -> RateState {
        RateState {
            current_bits: self.current.to_bits(),
            best_bits: self.best.map(f64::to_bits),
            bad_epochs: self.bad_epochs,
        }
    }

    /// Goes on where a rate of the same schedule and start gave its state.
    pub fn resume(&mut self, state: RateState) {
        self.current = f64::from_bits(state.current_bits);
        self.best = state.best_bits.map(f64::from_bits);
        self.bad_epochs = state.bad_epochs;
    }

    /// The rate of the epoch under way.
    #[must_use]
    pub fn current(&self) -> f64 {
        self.current
    }

    /// Ends epoch number `epoch` (from 1) with its validation results; a refit has none and keeps the rate
    /// where the schedule watches them.
    pub fn end_epoch(&mut self, epoch: u32, val_loss: Option<f64>, val_accuracy: Option<f64>) {
        match &self.schedule {
            Schedule::Constant => {}
            Schedule::Step(step) => {
                let changes = i32::try_from(epoch / step.every).unwrap_or(i32::MAX);
                self.current = self.initial * step.gamma.powi(changes);
            }
            Schedule::ReduceOnPlateau(plateau) => {
                let watched = match plateau.monitor {
                    Monitor::ValLoss => val_loss,
                    Monitor::ValAccuracy => val_accuracy,
                };
                if let Some(value) = watched {
                    self.watch(value);
                }
            }
        }
    }

    fn watch(&mut self, value: f64) {
        let Schedule::ReduceOnPlateau(plateau) = &self.schedule else { return };
        let improved = self.best.is_none_or(|best| match plateau.monitor {
            Monitor::ValLoss => value < best * (1.0 - plateau.threshold),
            Monitor::ValAccuracy => value > best * (1.0 + plateau.threshold),
        });
        if improved {
            self.best = Some(value);
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        if self.bad_epochs > plateau.patience {
            let reduced = (self.current * plateau.factor).max(plateau.min_lr);
            if self.current - reduced > LR_CHANGE_MIN {
                self.current = reduced;
            }
            self.bad_epochs = 0;
        }
    }
}

fn tenth() -> f64 {
    0.1
}

fn ten() -> u32 {
    10
}

fn threshold() -> f64 {
    1e-4
}

#[cfg(test)]
mod tests {
    use super::{Monitor, Rate, RateState, ReduceOnPlateau, Schedule, Step};

    #[test]
    fn a_rate_goes_on_from_its_state_after_any_epoch() {
        let plateau = ReduceOnPlateau {
            factor: 0.7,
            patience: 1,
            threshold: 1e-4,
            min_lr: 1e-3,
            monitor: Monitor::ValAccuracy,
        };
        let schedules = [
            Schedule::Constant,
            Schedule::Step(Step { every: 2, gamma: 0.3 }),
            // Reaches infinity.
            Schedule::Step(Step { every: 1, gamma: 1e200 }),
            Schedule::ReduceOnPlateau(plateau),
        ];
        let accuracies = [0.1, 0.4, 0.4, 0.3, 0.35, 0.5, 0.5, 0.5, 0.2];
        for schedule in schedules {
            let after = |rate: &mut Rate, epochs: std::ops::RangeInclusive<u32>| -> Vec<u64> {
                epochs
                    .map(|epoch| {
                        rate.end_epoch(epoch, None, Some(accuracies[epoch as usize - 1]));
                        rate.current().to_bits()
                    })
                    .collect()
            };
            let whole = after(&mut Rate::new(&schedule, 0.1), 1..=9);
            for cut in 1..9 {
                let mut first = Rate::new(&schedule, 0.1);
                let mut rates = after(&mut first, 1..=cut);
                let text = serde_json::to_string(&first.state()).expect("numbers");
                let state: RateState = serde_json::from_str(&text).expect("the same numbers");
                let mut second = Rate::new(&schedule, 0.1);
                second.resume(state);
                rates.extend(after(&mut second, cut + 1..=9));
                assert_eq!(rates, whole, "{schedule:?}, cut after {cut}");
            }
        }
    }

    #[test]
    fn step_changes_after_each_period() {
        let mut rate = Rate::new(&Schedule::Step(Step { every: 2, gamma: 0.5 }), 1.0);
        let rates: Vec<f64> = (1..=5)
            .map(|epoch| {
                let now = rate.current();
                rate.end_epoch(epoch, None, None);
                now
            })
            .collect();
        assert_eq!(rates, [1.0, 1.0, 0.5, 0.5, 0.25]);
    }

    #[test]
    fn plateau_waits_for_more_than_patience() {
        let plateau = ReduceOnPlateau {
            factor: 0.5,
            patience: 1,
            threshold: 1e-4,
            min_lr: 0.0,
            monitor: Monitor::ValLoss,
        };
        let mut rate = Rate::new(&Schedule::ReduceOnPlateau(plateau), 1.0);
        let losses = [1.0, 1.0, 1.0, 0.5, 0.6];
        let after: Vec<f64> = losses
            .iter()
            .zip(1..)
            .map(|(&loss, epoch)| {
                rate.end_epoch(epoch, Some(loss), None);
                rate.current()
            })
            .collect();
        assert_eq!(after, [1.0, 1.0, 0.5, 0.5, 0.5]);
    }
}
