//! A module that cannot be written loses its checkpoint and nothing else. One test, because where files go is the same for all
//! of a process.

mod nets;

use foldwise_study::selection::EpochRule;
use foldwise_worker::trainer::{
    AfterEpoch, Checkpoint, CheckpointError, EpochOfMember, Observer, TrainError, train,
};
use nets::{cohort, data, file, network};

/// Asks for checkpoints and counts those that could not be taken.
#[derive(Default)]
struct Asking(Vec<String>);

impl Observer for Asking {
    fn epoch(&mut self, _: EpochOfMember) {}

    fn should_stop(&self) -> bool {
        false
    }

    fn after_epoch(&mut self, epoch: u32) -> AfterEpoch {
        if epoch == 3 { AfterEpoch::CheckpointAndStop } else { AfterEpoch::Checkpoint }
    }

    fn keep(&mut self, _: Checkpoint) -> Result<(), TrainError> {
        panic!("there is nowhere to write a module to");
    }

    fn not_taken(&mut self, why: &CheckpointError) {
        let cause = std::error::Error::source(why).expect("says why");
        self.0.push(cause.to_string());
    }
}

#[test]
fn a_module_that_cannot_be_written_trains_on() {
    tempfile::env::override_temp_dir("/nonexistent".as_ref()).expect("nobody else has");
    let mut asking = Asking::default();
    let cohort = cohort(network(&file("stateful.pt")), EpochRule::Last);
    let stopped = train(&data(), &cohort, None, &mut asking);
    assert!(matches!(stopped, Err(TrainError::Stopped)), "{stopped:?}");
    assert_eq!(asking.0.len(), 3);
    assert!(asking.0[0].contains("cannot keep the module"), "{:?}", asking.0);
}
