//! Learning rates and momenta against PyTorch's schedulers; `golden/schedules.py` wrote them.

use foldwise_study::train::{Monitor, Rate, RateState, Schedule, TrainSpec};
use serde::Deserialize;

/// How far a rate may be from PyTorch's, as a share of the highest: its recursions round where closed forms do not.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    train: TrainSpec,
    steps_per_epoch: u64,
    /// What a plateau is looked for in, epoch by epoch.
    #[serde(default)]
    watched: Vec<f64>,
    /// Step by step.
    rates: Vec<f64>,
    momenta: Option<Vec<f64>>,
}

impl Case {
    /// Validation loss and accuracy after epoch `epoch` (from 1).
    fn validated(&self, epoch: u32) -> (Option<f64>, Option<f64>) {
        let watched = self.watched.get(epoch as usize - 1).copied();
        match &self.train.schedule {
            Schedule::ReduceOnPlateau(plateau) if plateau.monitor == Monitor::ValAccuracy => {
                (Some(0.0), watched)
            }
            _ => (watched, Some(0.0)),
        }
    }

    /// As a run does it, from a state that was written and read after each epoch.
    fn check(&self) {
        let mut expected = self.rates.iter().zip(0..);
        let mut rate = Rate::new(&self.train, self.steps_per_epoch);
        for epoch in 1..=self.train.epochs {
            let first = rate.at(0);
            let mut last = first.lr;
            for step in 0..self.steps_per_epoch {
                let found = rate.at(step);
                let (expected, index): (&f64, usize) = expected.next().expect("a rate for each step");
                let off = (found.lr - expected).abs();
                let allowed = TOLERANCE * self.train.optimizer.lr.max(*expected);
                assert!(off <= allowed, "{:?} for {expected} at {index} of {:?}", found.lr, self.train);
                match (&self.momenta, found.momentum) {
                    (Some(momenta), Some(found)) => {
                        let expected = momenta[index];
                        assert!((found - expected).abs() <= TOLERANCE, "{found} for {expected} at {index}");
                    }
                    (None, None) => {}
                    (expected, found) => panic!("momentum {found:?} for {:?}", expected.is_some()),
                }
                assert!(rate.varies() || found == first, "steps differ in {:?}", self.train);
                last = found.lr;
            }
            assert_eq!(rate.recorded().to_bits(), last.to_bits());
            let (val_loss, val_accuracy) = self.validated(epoch);
            rate.end_epoch(epoch, val_loss, val_accuracy);
            let text = serde_json::to_string(&rate.state()).expect("a state");
            let state: RateState = serde_json::from_str(&text).expect("a state");
            rate = Rate::new(&self.train, self.steps_per_epoch);
            rate.resume(state);
        }
        assert!(expected.next().is_none(), "fewer steps than PyTorch took");
    }
}

#[test]
fn rates_and_momenta_are_pytorchs() {
    let golden: Golden = serde_json::from_str(include_str!("golden/schedules.json")).expect("cases");
    assert!(golden.cases.len() > 100);
    golden.cases.iter().for_each(Case::check);
}
