//! A TorchScript module is trained as PyTorch trains it, its state included.
//!
//! `module/net.pt` is `torch.jit.script` of linear (2 to 4, without bias: Adam would follow the rounding of its gradient), batch norm, tanh, dropout (0) and linear (4 to 3). The numbers are
//! those of PyTorch 2.11.0's own loop: Adam with a rate of 0.05, rows in the given order in batches of five.

mod nets;

use foldwise_study::selection::EpochRule;
use foldwise_study::train::OptimizerKind;
use foldwise_worker::trainer::{
    AfterEpoch, Checkpoint, CheckpointError, Cohort, EpochOfMember, MemberOutcome, Observer, TrainError,
    Undisturbed, train,
};
use nets::{cohort, data, file, network};
use tch::CModule;

/// Training loss, validation loss and test loss after each epoch.
const PYTORCH: [[f64; 3]; 4] = [
    [1.117_492_467, 1.281_463_385, 1.088_016_510],
    [0.975_266_203, 1.363_629_222, 1.174_473_405],
    [0.933_969_006, 1.453_563_929, 1.277_880_192],
    [0.930_827_543, 1.545_828_223, 1.363_208_175],
];

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
}

#[test]
fn a_module_learns_what_pytorch_s_own_loop_learns() {
    for (rule, tested) in [(EpochRule::Last, PYTORCH[3][2]), (EpochRule::Best, PYTORCH[0][2])] {
        let outcomes =
            train(&data(), &cohort(network(&file("net.pt")), rule), None, &mut Undisturbed).expect("trains");
        let outcome = &outcomes[0].outcome;
        for (record, [train_loss, val_loss, _]) in outcome.epochs.iter().zip(PYTORCH) {
            close(record.train_loss, train_loss);
            close(record.val_loss.expect("validated"), val_loss);
        }
        // Of the best epoch the statistics of batch norm come back too.
        close(outcome.test.expect("tested").loss, tested);
        let saved = outcomes[0].weights.as_ref().and_then(|weights| weights.module.as_ref()).expect("kept");
        let again = CModule::load_data(&mut saved.as_slice()).expect("is a module");
        assert_eq!(again.named_parameters().expect("has some").len(), 5);
    }
}

#[test]
fn what_is_no_module_or_does_not_fit_is_told() {
    let wrong = |network| {
        let failed = train(&data(), &cohort(network, EpochRule::Last), None, &mut Undisturbed);
        failed.expect_err("fails").to_string()
    };
    let manifest = format!("{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
    assert!(wrong(network(&manifest)).contains("is no TorchScript module"), "{}", wrong(network(&manifest)));
    assert!(wrong(network("/nonexistent.pt")).contains("cannot be read"));
}

/// Takes checkpoints as bytes, and stops with the one after epoch `stop_after`.
#[derive(Default)]
struct Keeper {
    stop_after: Option<u32>,
    kept: Vec<Vec<u8>>,
}

impl Observer for Keeper {
    fn epoch(&mut self, _: EpochOfMember) {}

    fn should_stop(&self) -> bool {
        false
    }

    fn after_epoch(&mut self, epoch: u32) -> AfterEpoch {
        match self.stop_after {
            None => AfterEpoch::Checkpoint,
            Some(stop_after) if stop_after == epoch => AfterEpoch::CheckpointAndStop,
            Some(_) => AfterEpoch::Continue,
        }
    }

    fn keep(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError> {
        self.kept.push(checkpoint.to_bytes()?);
        Ok(())
    }
}

fn continued(
    cohort: &Cohort,
    bytes: &[u8],
    observer: &mut dyn Observer,
) -> Result<Vec<MemberOutcome>, TrainError> {
    let checkpoint = Checkpoint::from_bytes(bytes).expect("what was written");
    train(&data(), cohort, Some(&checkpoint), observer)
}

/// A run's numbers to the last bit, and the module that came out.
fn bits(outcomes: &[MemberOutcome]) -> (Vec<u64>, Vec<Vec<u32>>, blake3::Hash) {
    let outcome = &outcomes[0].outcome;
    let epochs = outcome.epochs.iter().flat_map(|record| [Some(record.train_loss), record.val_loss]);
    let tested = outcome.test.expect("tested").loss;
    let losses = epochs.flatten().chain([tested]).map(f64::to_bits).collect();
    let saved = outcomes[0].weights.as_ref().and_then(|weights| weights.module.as_ref()).expect("kept");
    let module = CModule::load_data(&mut saved.as_slice()).expect("is a module");
    let learned = module.named_parameters().expect("has some").into_iter().map(|(_, tensor)| {
        let numbers = Vec::<f32>::try_from(tensor.detach().flatten(0, -1)).expect("are floats");
        numbers.into_iter().map(f32::to_bits).collect()
    });
    (losses, learned.collect(), blake3::hash(saved))
}

#[test]
fn a_module_that_goes_on_from_a_checkpoint_ends_as_if_it_had_never_been_stopped() {
    // Of `net.pt` libtorch's optimizer would make something that rounds otherwise.
    let runs = [
        (network(&file("stateful.pt")), OptimizerKind::Adam),
        (network(&file("stateful.pt")), OptimizerKind::Sgd),
        (network(&file("net.pt")), OptimizerKind::Adam),
    ];
    for (network, kind) in runs {
        for rule in [EpochRule::Last, EpochRule::Best] {
            let mut cohort = cohort(network.clone(), rule);
            cohort.members[0].train.optimizer.kind = kind;
            let whole = train(&data(), &cohort, None, &mut Undisturbed).expect("trains");
            let best = whole[0].best_epoch.expect("one counts");
            assert_eq!(
                best < 4,
                rule == EpochRule::Best,
                "an epoch before the last counts, or the last does"
            );
            let expected = bits(&whole);
            let mut keeper = Keeper::default();
            let observed = train(&data(), &cohort, None, &mut keeper).expect("trains");
            assert_eq!(bits(&observed), expected, "{kind:?}, {rule:?}: taking checkpoints changes nothing");
            assert_eq!(keeper.kept.len(), 3);
            for (bytes, epoch) in keeper.kept.iter().zip(1..) {
                let outcomes = continued(&cohort, bytes, &mut Undisturbed).expect("goes on");
                assert_eq!(bits(&outcomes), expected, "{kind:?}, {rule:?}, on from epoch {epoch}");
            }
            // In pieces of one epoch.
            let mut piece = Keeper { stop_after: Some(1), ..Keeper::default() };
            let stopped = train(&data(), &cohort, None, &mut piece);
            assert!(matches!(stopped, Err(TrainError::Stopped)));
            for stop_after in 2..4 {
                let last = piece.kept.pop().expect("kept");
                piece.stop_after = Some(stop_after);
                assert!(matches!(continued(&cohort, &last, &mut piece), Err(TrainError::Stopped)));
            }
            let last = piece.kept.pop().expect("kept");
            let outcomes = continued(&cohort, &last, &mut Undisturbed).expect("goes on");
            assert_eq!(bits(&outcomes), expected, "{kind:?}, {rule:?}, in pieces");
        }
    }
}

/// A checkpoint after the first epoch.
fn after_one(cohort: &Cohort) -> Vec<u8> {
    let mut keeper = Keeper { stop_after: Some(1), ..Keeper::default() };
    assert!(matches!(train(&data(), cohort, None, &mut keeper), Err(TrainError::Stopped)));
    keeper.kept.remove(0)
}

#[test]
fn a_checkpoint_of_another_module_is_refused() {
    let bytes = after_one(&cohort(network(&file("net.pt")), EpochRule::Last));
    let other = continued(&cohort(network(&file("stateful.pt")), EpochRule::Last), &bytes, &mut Undisturbed);
    assert!(matches!(other, Err(TrainError::Checkpoint(CheckpointError::OtherCohort))), "{other:?}");
    // The same file under another name is the same module.
    let folder = tempfile::tempdir().expect("folder");
    let copy = folder.path().join("copy.pt");
    std::fs::copy(file("net.pt"), &copy).expect("copies");
    let same = cohort(network(&copy.display().to_string()), EpochRule::Last);
    continued(&same, &bytes, &mut Undisturbed).expect("goes on");
}

#[test]
fn a_module_that_changes_more_than_its_tensors_begins_anew() {
    let counting = network(&file("counting.pt"));
    let cohort = cohort(counting, EpochRule::Last);
    let refused = continued(&cohort, &after_one(&cohort), &mut Undisturbed);
    let Err(TrainError::Checkpoint(CheckpointError::Contents(reason))) = refused else {
        panic!("is refused: {refused:?}");
    };
    assert!(reason.contains("other things than tensors"), "{reason}");
}
