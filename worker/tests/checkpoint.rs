//! A cohort that is stopped after an epoch and goes on from a checkpoint ends as if it had never been stopped.

mod pictures;

use foldwise_study::measure::{Detail, MeasureSpec, Part, Snapshots};
use foldwise_study::network::Network;
use foldwise_study::outcome::{EpochRecord, RunEnd};
use foldwise_study::selection::{EpochRule, Metric};
use foldwise_study::train::{
    Clip, CosineRestarts, EarlyStopping, Loss, Monitor, Optimizer, OptimizerKind, Order, ReduceOnPlateau,
    Schedule, Step, ThresholdMode, WarmUp,
};
use foldwise_worker::trainer::{
    AfterEpoch, Checkpoint, CheckpointError, Cohort, DeviceData, EpochOfMember, Member, MemberOutcome,
    Observer, TestRows, TrainError, Undisturbed, train,
};
use pictures::{cnn, cohort, data, member, mlp};

const EPOCHS: u32 = 5;

/// Takes checkpoints as bytes, and stops with the one after epoch `stop_after`.
#[derive(Default)]
struct Keeper {
    stop_after: Option<u32>,
    /// Whether it wants to stop at the first look.
    impatient: bool,
    /// Whether it has no room for checkpoints.
    full: bool,
    kept: Vec<Vec<u8>>,
    asked: Vec<u32>,
    told: Vec<(u32, usize)>,
}

impl Observer for Keeper {
    fn epoch(&mut self, epoch: EpochOfMember) {
        self.told.push((epoch.record.epoch, epoch.member));
    }

    fn should_stop(&self) -> bool {
        self.impatient
    }

    fn after_epoch(&mut self, epoch: u32) -> AfterEpoch {
        self.asked.push(epoch);
        match self.stop_after {
            None => AfterEpoch::Checkpoint,
            Some(stop_after) if stop_after == epoch => AfterEpoch::CheckpointAndStop,
            Some(_) => AfterEpoch::Continue,
        }
    }

    fn keep(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError> {
        assert_eq!(self.asked.last(), Some(&checkpoint.epoch()));
        if self.full {
            return Err(CheckpointError::NotKept("the disk is full".into()).into());
        }
        self.kept.push(checkpoint.to_bytes()?);
        Ok(())
    }
}

/// Outcomes but for their seconds, to the last bit.
fn bits(outcomes: &[MemberOutcome]) -> Vec<String> {
    let exact = |record: &EpochRecord| {
        let EpochRecord { epoch, train_loss, train_accuracy, val_loss, val_accuracy, lr } = *record;
        let numbers = [Some(train_loss), train_accuracy, val_loss, val_accuracy, Some(lr)];
        format!("{epoch}: {:?}", numbers.map(|number| number.map(f64::to_bits)))
    };
    let weights = |outcome: &MemberOutcome| {
        let file = outcome.weights.as_ref().map(|weights| weights.to_safetensors().expect("fits"));
        file.map(|file| blake3::hash(&file).to_hex())
    };
    let one = |outcome: &MemberOutcome| {
        let epochs: Vec<String> = outcome.outcome.epochs.iter().map(exact).collect();
        let test = outcome.outcome.test.map(|test| (test.loss.to_bits(), test.accuracy.map(f64::to_bits)));
        let end = outcome.outcome.end;
        // JSON has the shortest digits that say a number exactly.
        let measured = serde_json::to_string(&outcome.outcome.measurements).expect("measurements");
        let measured = (measured, outcome.snapshots.as_ref().map(|file| blake3::hash(file).to_hex()));
        let best = outcome.best_epoch;
        format!("{end:?}, {epochs:?}, {best:?}, test {test:?}, {:?}, {measured:?}", weights(outcome))
    };
    outcomes.iter().map(one).collect()
}

fn continued(data: &DeviceData, cohort: &Cohort, bytes: &[u8], observer: &mut dyn Observer) -> Outcomes {
    let checkpoint = Checkpoint::from_bytes(bytes).expect("what was written");
    train(data, cohort, Some(&checkpoint), observer)
}

type Outcomes = Result<Vec<MemberOutcome>, TrainError>;

/// Trains a cohort whole, with a checkpoint after each epoch, on from each, and in pieces of one epoch.
fn assert_goes_on(name: &str, cohort: &Cohort) -> Vec<MemberOutcome> {
    let data = data();
    let whole = train(&data, cohort, None, &mut Undisturbed).expect("trains");
    let expected = bits(&whole);
    let mut keeper = Keeper::default();
    let observed = train(&data, cohort, None, &mut keeper).expect("trains");
    assert_eq!(bits(&observed), expected, "{name}: taking checkpoints changes nothing");
    assert_eq!(keeper.asked, (1..EPOCHS).collect::<Vec<_>>(), "{name}");
    for (bytes, epoch) in keeper.kept.iter().zip(1..) {
        let mut rest = Keeper::default();
        let outcomes = continued(&data, cohort, bytes, &mut rest).expect("goes on");
        assert_eq!(bits(&outcomes), expected, "{name}, on from epoch {epoch}");
        let untold: Vec<_> = keeper.told.iter().filter(|(told, _)| *told > epoch).copied().collect();
        assert_eq!(rest.told, untold, "{name}, on from epoch {epoch}");
    }
    let mut last: Option<Vec<u8>> = None;
    for stop_after in 1..EPOCHS {
        let from = last.map(|bytes| Checkpoint::from_bytes(&bytes).expect("what was written"));
        let mut piece = Keeper { stop_after: Some(stop_after), ..Keeper::default() };
        let stopped = train(&data, cohort, from.as_ref(), &mut piece);
        assert!(matches!(stopped, Err(TrainError::Stopped)), "{name}");
        assert_eq!(piece.asked, [stop_after], "{name}");
        last = piece.kept.pop();
    }
    let outcomes = continued(&data, cohort, &last.expect("kept"), &mut Undisturbed).expect("goes on");
    assert_eq!(bits(&outcomes), expected, "{name}, in pieces of one epoch");
    whole
}

fn plateau(monitor: Monitor) -> Schedule {
    // Any improvement below nine tenths counts as none, so that rates fall within a few epochs.
    let threshold = if monitor == Monitor::ValLoss { 0.1 } else { 1.0 };
    Schedule::ReduceOnPlateau(ReduceOnPlateau {
        factor: 0.5,
        patience: 1,
        threshold,
        threshold_mode: ThresholdMode::Relative,
        cooldown: 0,
        min_lr: 0.0,
        eps: 1e-8,
        monitor,
    })
}

/// Six members with rates, dropout and schedules of their own; one diverges in the first epoch, one in the third.
fn mixed(network: fn(f64) -> Network, folds: [u32; 6], kind: OptimizerKind) -> Vec<Member> {
    let lrs = [1e-3, 3e-2, 1e-2, 1e38, 5e-3, 1e-3];
    let dropouts = [0.3, 0.0, 0.1, 0.5, 0.2, 0.3];
    let schedules = [
        Schedule::Constant,
        plateau(Monitor::ValLoss),
        Schedule::Step(Step { every: 2, gamma: 0.5 }),
        Schedule::Constant,
        plateau(Monitor::ValAccuracy),
        Schedule::Step(Step { every: 2, gamma: 1e41 }),
    ];
    let mut members: Vec<Member> =
        (0..6).map(|index| member(network, folds[index], lrs[index], dropouts[index])).collect();
    for (member, schedule) in members.iter_mut().zip(schedules) {
        member.train.epochs = EPOCHS;
        member.train.schedule = schedule;
        member.train.optimizer.kind = kind;
    }
    members
}

/// That a cohort of [`mixed`] members has what is to be gone on from.
fn assert_eventful(outcomes: &[MemberOutcome]) {
    let ends: Vec<RunEnd> = outcomes.iter().map(|outcome| outcome.outcome.end).collect();
    assert_eq!((ends[3], ends[5]), (RunEnd::Diverged(1), RunEnd::Diverged(3)));
    assert!([0, 1, 2, 4].iter().all(|&index| ends[index] == RunEnd::Finished));
    let rate = |member: usize, epoch: usize| outcomes[member].outcome.epochs[epoch - 1].lr;
    assert!(rate(4, 5) < rate(4, 1), "a plateau was met");
    assert!(rate(2, 5) < rate(2, 3) && rate(2, 3) < rate(2, 1), "two steps were taken");
}

#[test]
fn adamw_in_a_cohort() {
    for network in [mlp, cnn] {
        let whole =
            assert_goes_on("adamw", &cohort(mixed(network, [0, 1, 2, 2, 0, 1], OptimizerKind::Adamw)));
        assert_eventful(&whole);
    }
}

#[test]
fn adam_with_penalties_on_shared_rows() {
    let mut members = mixed(mlp, [1; 6], OptimizerKind::Adam);
    members[1].train.optimizer.weight_decay = Some(0.01);
    members[2].train.optimizer.betas = Some([0.8, 0.99]);
    assert_eventful(&assert_goes_on("adam", &cohort(members)));
}

#[test]
fn momentum_and_nesterov_in_a_cohort() {
    for nesterov in [false, true] {
        let mut members = mixed(mlp, [0, 0, 0, 1, 1, 2], OptimizerKind::Sgd);
        for (member, momentum) in members.iter_mut().zip([0.9, 0.5, 0.1, 0.9, 0.8, 0.9]) {
            member.train.optimizer.momentum = Some(momentum);
            member.train.optimizer.nesterov = Some(nesterov);
        }
        assert_eventful(&assert_goes_on("sgd", &cohort(members)));
    }
}

#[test]
fn single_runs() {
    for (network, kind) in [(mlp as fn(f64) -> Network, OptimizerKind::Sgd), (cnn, OptimizerKind::Adam)] {
        for schedule in [plateau(Monitor::ValLoss), Schedule::Step(Step { every: 1, gamma: 0.6 })] {
            let mut alone = member(network, 0, 0.05, 0.3);
            alone.train.epochs = EPOCHS;
            alone.train.schedule = schedule;
            alone.train.optimizer.kind = kind;
            alone.train.optimizer.momentum = (kind == OptimizerKind::Sgd).then_some(0.9);
            alone.train.loss = Some(Loss::MeanSquaredError);
            assert_goes_on("alone", &cohort(vec![alone]));
        }
    }
}

#[test]
fn the_best_epoch_before_the_checkpoint_stays_the_best() {
    // A rate that grows makes early epochs the best.
    let mut early = member(mlp, 0, 0.02, 0.0);
    early.train.epochs = EPOCHS;
    early.train.schedule = Schedule::Step(Step { every: 2, gamma: 30.0 });
    let mut late = member(mlp, 1, 1e-3, 0.0);
    late.train.epochs = EPOCHS;
    for metric in [Metric::ValLoss, Metric::ValAccuracy] {
        let mut cohort = cohort(vec![early.clone(), late.clone()]);
        cohort.selection.metric = metric;
        let whole = assert_goes_on("best", &cohort);
        assert!(whole[0].best_epoch.expect("finished") < EPOCHS - 1, "{:?}", whole[0]);
    }
}

#[test]
fn the_last_epoch_and_refits() {
    let mut last = cohort(mixed(mlp, [0, 1, 2, 2, 0, 1], OptimizerKind::Adamw));
    last.selection.epoch = EpochRule::Last;
    assert_eventful(&assert_goes_on("last", &last));
    let mut refit = member(cnn, 0, 1e-3, 0.1);
    refit.validation_rows.clear();
    refit.train.epochs = EPOCHS;
    assert_goes_on("refit", &cohort(vec![refit]));
    let mut plain = last;
    (plain.test, plain.keep_weights) = (TestRows::None, false);
    assert_eventful(&assert_goes_on("a fold", &plain));
}

#[test]
fn everything_that_is_measured() {
    let measure = MeasureSpec {
        pictures: None,
        predictions: vec![Part::Train, Part::Validation, Part::Test],
        training: true,
        gradients: Some(Detail::Step),
        weights: true,
        snapshots: Some(Snapshots { every: 3 }),
        resources: false,
    };
    for epoch in [EpochRule::Best, EpochRule::Last] {
        let mut cohort = cohort(mixed(mlp, [0, 1, 2, 2, 0, 1], OptimizerKind::Adamw));
        cohort.members[4].train.early_stopping =
            Some(EarlyStopping { patience: 1, min_delta: 1e3, monitor: Monitor::ValLoss });
        cohort.selection.epoch = epoch;
        let plain = train(&data(), &cohort, None, &mut Undisturbed).expect("trains");
        cohort.measure = measure.clone();
        let whole = assert_goes_on("measured", &cohort);
        for (index, (plain, measured)) in plain.iter().zip(&whole).enumerate() {
            assert_eq!(plain.outcome.epochs, measured.outcome.epochs, "member {index}");
            assert_eq!(plain.weights, measured.weights, "member {index}");
            let own = measured.outcome.measurements.as_ref().expect("measured");
            let epochs = measured.outcome.epochs.len();
            assert_eq!(own.epochs.len(), epochs, "member {index}");
            let steps = own.steps.as_ref().expect("steps");
            assert_eq!(steps.losses.len() as u64, epochs as u64 * steps.per_epoch, "member {index}");
        }
        assert_eq!(whole[4].outcome.epochs.len(), 2);
        let copies = |index: usize| {
            let measured = whole[index].outcome.measurements.as_ref().expect("measured");
            measured.snapshots.as_ref().map(|snapshots| snapshots.epochs.clone())
        };
        assert_eq!([copies(0), copies(3), copies(4)], [Some(vec![3, 5]), None, Some(vec![2])]);
    }
}

#[test]
fn every_other_optimizer_with_limits_and_rates_that_move() {
    let kinds = [
        Optimizer { amsgrad: Some(true), ..Optimizer::new(OptimizerKind::Adam, 1e-2) },
        Optimizer { dampening: Some(0.5), momentum: Some(0.9), ..Optimizer::new(OptimizerKind::Sgd, 1e-2) },
        Optimizer {
            momentum: Some(0.8),
            centered: Some(true),
            ..Optimizer::new(OptimizerKind::Rmsprop, 1e-3)
        },
        Optimizer {
            lr_decay: Some(0.1),
            initial_accumulator: Some(0.2),
            ..Optimizer::new(OptimizerKind::Adagrad, 0.1)
        },
    ];
    for optimizer in kinds {
        let mut members: Vec<Member> =
            [0, 1, 2].into_iter().map(|fold| member(mlp, fold, 1e-3, 0.2)).collect();
        for (member, share) in members.iter_mut().zip([1.0, 0.3, 0.1]) {
            member.train.epochs = EPOCHS;
            member.train.optimizer = Optimizer { lr: optimizer.lr * share, ..optimizer.clone() };
            member.train.clip = Some(Clip::Norm(share));
        }
        members[1].train.warm_up = Some(WarmUp { epochs: None, steps: Some(7), start: 0.1 });
        members[2].train.schedule =
            Schedule::CosineRestarts(CosineRestarts { first: 1, factor: 2, min_lr: 0.0 });
        let cycle = r#"{ "one_cycle": { "momentum": [0.95, 0.85] } }"#;
        if optimizer.kind != OptimizerKind::Adagrad {
            members[0].train.schedule = serde_json::from_str(cycle).expect("a schedule");
        }
        assert_goes_on("other optimizers", &cohort(members));
    }
}

/// A small cohort and its checkpoint after the first of three epochs.
fn small() -> (Cohort, Vec<u8>) {
    let mut members = vec![member(mlp, 0, 1e-3, 0.1), member(mlp, 1, 1e-2, 0.1)];
    members.iter_mut().for_each(|member| member.train.epochs = 3);
    let cohort = cohort(members);
    let mut keeper = Keeper { stop_after: Some(1), ..Keeper::default() };
    assert!(matches!(train(&data(), &cohort, None, &mut keeper), Err(TrainError::Stopped)));
    (cohort, keeper.kept.remove(0))
}

type Change = fn(&mut Cohort);

#[test]
fn a_checkpoint_of_another_cohort_is_refused() {
    let (cohort, bytes) = small();
    let data = data();
    continued(&data, &cohort, &bytes, &mut Undisturbed).expect("its own cohort");
    let changes: [(&str, Change); 13] = [
        ("rate", |cohort| cohort.members[1].train.optimizer.lr = 2e-2),
        ("epochs", |cohort| cohort.members.iter_mut().for_each(|member| member.train.epochs = 4)),
        ("schedule", |cohort| cohort.members[0].train.schedule = plateau(Monitor::ValLoss)),
        ("order of rows", |cohort| {
            cohort.members.iter_mut().for_each(|member| member.train.order = Order::Given);
        }),
        ("dropout", |cohort| cohort.members[0].network = mlp(0.2)),
        ("network", |cohort| cohort.members.iter_mut().for_each(|member| member.network = cnn(0.1))),
        ("seed", |cohort| cohort.members[0].source.study += 1),
        ("training rows", |cohort| cohort.members[0].train_rows.swap(0, 1)),
        ("validation rows", |cohort| cohort.members[0].validation_rows.truncate(10)),
        ("metric", |cohort| cohort.selection.metric = Metric::ValAccuracy),
        ("test", |cohort| cohort.test = TestRows::None),
        ("weights", |cohort| cohort.keep_weights = false),
        ("order", |cohort| cohort.members.swap(0, 1)),
    ];
    for (what, change) in changes {
        let mut other = cohort.clone();
        change(&mut other);
        let refused = continued(&data, &other, &bytes, &mut Undisturbed).expect_err(what);
        assert!(
            matches!(refused, TrainError::Checkpoint(CheckpointError::OtherCohort)),
            "{what}: {refused:?}"
        );
    }
}

#[test]
fn damaged_bytes_are_refused() {
    let (_, bytes) = small();
    let refused = |bytes: &[u8], what: &str| {
        let error = Checkpoint::from_bytes(bytes).expect_err(what);
        assert!(matches!(error, TrainError::Checkpoint(_)), "{what}: {error:?}");
    };
    let header = usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
    let tensors = 8 + header;
    for length in [0, 1, 7, 8, 9, 8 + header / 2, tensors - 1, tensors, tensors + 1, bytes.len() - 1] {
        refused(&bytes[..length], &format!("the first {length} bytes"));
    }
    refused(&[bytes.as_slice(), &[0]].concat(), "a byte more");
    for index in (0..tensors).chain((tensors..bytes.len()).step_by(53)) {
        let mut flipped = bytes.clone();
        flipped[index] ^= 1 << (index % 8);
        refused(&flipped, &format!("byte {index} of {}, {tensors} of them header", bytes.len()));
    }
}

#[test]
fn a_look_stops_a_cohort_and_an_observer_that_cannot_keep_ends_it() {
    let (cohort, _) = small();
    let mut impatient = Keeper { impatient: true, ..Keeper::default() };
    assert!(matches!(train(&data(), &cohort, None, &mut impatient), Err(TrainError::Stopped)));
    assert!(impatient.told.is_empty());
    let mut full = Keeper { full: true, ..Keeper::default() };
    let ended = train(&data(), &cohort, None, &mut full).expect_err("cannot keep");
    assert!(matches!(ended, TrainError::Checkpoint(CheckpointError::NotKept(_))), "{ended:?}");
    assert_eq!(full.asked, [1]);
}
