//! Checkpoints that no cohort gave: each is refused, and says why.

use std::collections::HashMap;

use foldwise_study::measure::MeasureSpec;
use foldwise_study::network::NetworkSpec;
use foldwise_study::outcome::EpochRecord;
use foldwise_study::seed;
use foldwise_study::selection::{EpochRule, Metric, Rule};
use foldwise_study::train::{Optimizer, OptimizerKind, TrainSpec};
use safetensors::tensor::{Dtype, TensorView};
use tch::Device;

use super::super::{
    AfterEpoch, Cohort, DeviceData, EpochOfMember, Features, Member, Observer, Part, Source, Targets,
    TestRows, TrainError, Undisturbed, train,
};
use super::{Checkpoint, CheckpointError, ModuleState, file};

/// Keeps the checkpoint after the first epoch.
#[derive(Default)]
struct First(Option<Checkpoint>);

impl Observer for First {
    fn epoch(&mut self, _: EpochOfMember) {}

    fn should_stop(&self) -> bool {
        false
    }

    fn after_epoch(&mut self, _: u32) -> AfterEpoch {
        AfterEpoch::CheckpointAndStop
    }

    fn keep(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError> {
        self.0 = Some(checkpoint);
        Ok(())
    }
}

/// Ten rows of two features, two linear regressions with Adam for three epochs of four steps.
fn scene() -> (DeviceData, Cohort, Checkpoint) {
    let features: Vec<f32> = (0_u8..20).map(|number| f32::from(number % 7) / 7.0).collect();
    let numbers: Vec<f32> = features.chunks(2).map(|row| row[0] - 2.0 * row[1]).collect();
    let train_part = Part { features: Features::Floats(&features), targets: Targets::Numbers(&numbers) };
    let source = Source { shape: &[2], train: train_part, test: None, normalize: None, raw: false };
    let data = DeviceData::new(source, Device::Cpu).expect("fits");
    let layers = vec![foldwise_study::network::Layer::Output];
    let spec = NetworkSpec { layers: Some(layers), ..NetworkSpec::default() };
    let optimizer = Optimizer::new(OptimizerKind::Adam, 0.1);
    let train_spec = TrainSpec::new(3, 2, optimizer);
    let member = |fold| Member {
        network: spec.resolve(&[2], 1).expect("fits"),
        train: train_spec.clone(),
        source: seed::Source { study: 1, train: None, trial: None, fold },
        train_rows: (0..8).collect(),
        validation_rows: vec![8, 9],
    };
    let selection = Rule { epoch: EpochRule::Best, metric: Metric::ValLoss, allow_failed_folds: false };
    let cohort = Cohort {
        members: vec![member(0), member(1)],
        selection,
        test: TestRows::None,
        keep_weights: true,
        measure: MeasureSpec::default(),
    };
    let mut first = First::default();
    assert!(matches!(train(&data, &cohort, None, &mut first), Err(TrainError::Stopped)));
    (data, cohort, first.0.expect("kept"))
}

type Change = fn(&mut Checkpoint);

/// The checkpoint changed, written and read again, or why it is refused.
fn reread(change: Change) -> Result<Checkpoint, TrainError> {
    let (_, _, mut checkpoint) = scene();
    change(&mut checkpoint);
    Checkpoint::from_bytes(&checkpoint.to_bytes().expect("writes"))
}

#[test]
fn what_is_written_is_read() {
    let (_, _, checkpoint) = scene();
    let bytes = checkpoint.to_bytes().expect("writes");
    assert_eq!(bytes, checkpoint.to_bytes().expect("writes"), "the same bytes each time");
    assert_eq!(Checkpoint::from_bytes(&bytes).expect("reads"), checkpoint);
    assert_eq!((checkpoint.epoch(), checkpoint.numbers.steps), (1, 4));
    assert_eq!((checkpoint.values.len(), checkpoint.optimizer.len()), (6, 2));
    let odd = reread(|checkpoint| {
        checkpoint.values[0] = f32::from_bits(0x7fc0_1234);
        checkpoint.values[1] = f32::NEG_INFINITY;
        checkpoint.numbers.slots[0].epochs[0].lr = f64::INFINITY;
    });
    let odd = odd.expect("numbers of any kind");
    assert_eq!(odd.values[0].to_bits(), 0x7fc0_1234);
    assert_eq!((odd.values[1], odd.numbers.slots[0].epochs[0].lr), (f32::NEG_INFINITY, f64::INFINITY));
}

#[test]
fn seconds_add_up() {
    let (data, cohort, mut checkpoint) = scene();
    checkpoint.numbers.seconds = 1e6;
    let outcomes = train(&data, &cohort, Some(&checkpoint), &mut Undisturbed).expect("goes on");
    assert!((1e6..1e6 + 600.0).contains(&outcomes[0].outcome.seconds));
}

#[test]
fn contradictions_are_refused() {
    let changes: [(&str, Change); 9] = [
        ("no epoch", |checkpoint| checkpoint.numbers.epoch = 0),
        ("more epochs than records", |checkpoint| checkpoint.numbers.epoch = u32::MAX),
        ("more records than epochs", |checkpoint| {
            let slot = &mut checkpoint.numbers.slots[0];
            slot.epochs.push(EpochRecord { epoch: 2, ..slot.epochs[0] });
        }),
        ("no members", |checkpoint| {
            checkpoint.numbers.slots.clear();
        }),
        ("diverged in epoch 0", |checkpoint| checkpoint.numbers.slots[0].diverged = Some(0)),
        ("diverged in an epoch to come", |checkpoint| checkpoint.numbers.slots[1].diverged = Some(2)),
        ("best in an epoch to come", |checkpoint| checkpoint.numbers.slots[1].best = Some(2)),
        ("best in epoch 0", |checkpoint| checkpoint.numbers.slots[1].best = Some(0)),
        ("negative time", |checkpoint| checkpoint.numbers.seconds = -1.0),
    ];
    for (what, change) in changes {
        let refused = reread(change).expect_err(what);
        assert!(
            matches!(refused, TrainError::Checkpoint(CheckpointError::Contents(_))),
            "{what}: {refused:?}"
        );
    }
    let timeless = reread(|checkpoint| checkpoint.numbers.seconds = f64::NAN).expect_err("no time");
    assert!(matches!(timeless, TrainError::Checkpoint(CheckpointError::Description(_))), "{timeless:?}");
}

#[test]
fn what_does_not_fit_the_cohort_is_refused() {
    let changes: [(&str, Change); 16] = [
        ("weights", |checkpoint| checkpoint.values.truncate(5)),
        ("no weights", |checkpoint| checkpoint.values.clear()),
        ("an optimizer's buffer less", |checkpoint| checkpoint.optimizer.truncate(1)),
        ("an optimizer's buffer too long", |checkpoint| checkpoint.optimizer[1].push(0.0)),
        ("statistics", |checkpoint| checkpoint.running.push(vec![0.0; 2])),
        ("no selected weights", |checkpoint| checkpoint.selected = None),
        ("short selected weights", |checkpoint| checkpoint.selected = Some((vec![0.0; 5], Vec::new()))),
        ("selected statistics", |checkpoint| {
            checkpoint.selected = Some((vec![0.0; 6], vec![vec![0.0]]));
        }),
        ("a module", |checkpoint| {
            checkpoint.module = Some(ModuleState { form: vec![0; 32], tensors: vec![vec![0]] });
        }),
        ("a selected module", |checkpoint| {
            checkpoint.selected_module = Some(ModuleState { form: Vec::new(), tensors: Vec::new() });
        }),
        ("a member less", |checkpoint| checkpoint.numbers.slots.truncate(1)),
        ("members in another order", |checkpoint| checkpoint.numbers.slots.swap(0, 1)),
        ("steps", |checkpoint| checkpoint.numbers.steps = u64::MAX),
        ("the optimizer's steps", |checkpoint| checkpoint.numbers.optimizer_steps = i32::MAX),
        ("all epochs", |checkpoint| {
            checkpoint.numbers.epoch = 3;
            for slot in &mut checkpoint.numbers.slots {
                slot.epochs = (1..=3).map(|epoch| EpochRecord { epoch, ..slot.epochs[0] }).collect();
            }
        }),
        ("fingerprint", |checkpoint| checkpoint.numbers.fingerprint.clear()),
    ];
    let (data, cohort, _) = scene();
    for (what, change) in changes {
        let checkpoint = reread(change).expect(what);
        let refused = train(&data, &cohort, Some(&checkpoint), &mut Undisturbed).expect_err(what);
        assert!(matches!(refused, TrainError::Checkpoint(_)), "{what}: {refused:?}");
    }
}

#[test]
fn announcements_are_not_believed() {
    let (_, _, checkpoint) = scene();
    let bytes = checkpoint.to_bytes().expect("writes");
    for announced in [u64::MAX, 1 << 40, (16 << 20) + 1] {
        let mut long = bytes.clone();
        long[..8].copy_from_slice(&announced.to_le_bytes());
        let refused = file::read(&long).expect_err("too long");
        assert!(matches!(refused, CheckpointError::Header { found } if found == announced), "{refused:?}");
    }
    let headers = [
        r#"{"values":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,18446744073709551615]}}"#,
        r#"{"values":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}"#,
        r#"{"values":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}"#,
        r#"{"__metadata__":{"foldwise.checkpoint":"{}"}}"#,
        r#"{"__metadata__":{"foldwise.checkpoint":"[[[[[["}}"#,
        "{}",
        "",
    ];
    for header in headers {
        let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
        assert!(file::read(&file).is_err(), "{header}");
    }
}

/// A sealed file of any description and tensors.
fn forged(text: &str, tensors: &[(&str, Dtype, Vec<usize>)]) -> Vec<u8> {
    let zeros = vec![0_u8; 1024];
    let views = tensors.iter().map(|(name, dtype, shape)| {
        let bytes = shape.iter().product::<usize>() * dtype.bitsize() / 8;
        ((*name).to_owned(), TensorView::new(*dtype, shape.clone(), &zeros[..bytes]).expect("fits"))
    });
    let metadata = HashMap::from([(file::KEY.to_owned(), text.to_owned())]);
    let mut bytes = safetensors::serialize(views, Some(metadata)).expect("fits");
    file::seal(&mut bytes).expect("a place for the digest");
    bytes
}

#[test]
fn sealed_forgeries_are_refused() {
    let (_, _, checkpoint) = scene();
    let text = |format: u32| {
        let numbers = serde_json::to_string(&checkpoint.numbers).expect("numbers");
        format!(r#"{{"digest":"{}","format":{format},"numbers":{numbers}}}"#, "0".repeat(64))
    };
    let values = ("values", Dtype::F32, vec![6]);
    let epochs = ("epochs", Dtype::F64, vec![2, 5]);
    let recorded = ("recorded", Dtype::U8, vec![2]);
    file::read(&forged(&text(2), &[values.clone(), epochs.clone(), recorded.clone()])).expect("a sound file");
    let unrecorded = file::read(&forged(&text(2), &[values.clone(), epochs.clone()]));
    assert!(matches!(unrecorded, Err(CheckpointError::Contents(_))), "{unrecorded:?}");
    let other = file::read(&forged(&text(1), &[values.clone(), epochs.clone(), recorded.clone()]));
    assert!(matches!(other, Err(CheckpointError::Format { found: 1 })));
    let wrong = [
        vec![values.clone()],
        vec![epochs.clone()],
        vec![("values", Dtype::F64, vec![6]), epochs.clone()],
        vec![("values", Dtype::F32, vec![2, 3]), epochs.clone()],
        vec![("values", Dtype::F32, Vec::new()), epochs.clone()],
        vec![values.clone(), ("epochs", Dtype::F64, vec![10])],
        vec![values.clone(), ("epochs", Dtype::F64, vec![5, 2])],
        vec![values.clone(), ("epochs", Dtype::F64, vec![1, 5])],
        vec![values.clone(), ("epochs", Dtype::F64, vec![3, 5])],
        vec![values.clone(), epochs.clone(), ("optimizer.1", Dtype::F32, vec![6])],
        vec![values, epochs, ("selected.running.0", Dtype::F32, vec![6])],
    ];
    for mut tensors in wrong {
        tensors.push(recorded.clone());
        let refused = file::read(&forged(&text(2), &tensors));
        assert!(matches!(refused, Err(CheckpointError::Contents(_))), "{tensors:?}: {refused:?}");
    }
}
