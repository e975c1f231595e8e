//! A TorchScript module is trained as PyTorch trains it, its state included.
//!
//! `module/net.pt` is `torch.jit.script` of linear (2 to 4, without bias: Adam would follow the rounding of its gradient), batch norm, tanh, dropout (0) and linear (4 to 3). The numbers are
//! those of PyTorch 2.11.0's own loop: Adam with a rate of 0.05, rows in the given order in batches of five.

use foldwise_study::measure::MeasureSpec;
use foldwise_study::network::{ModuleSpec, Network, NetworkSpec};
use foldwise_study::seed::Source as Seed;
use foldwise_study::selection::{EpochRule, Metric, Rule};
use foldwise_study::train::{Optimizer, OptimizerKind, Order, TrainSpec};
use foldwise_worker::trainer::{
    AfterEpoch, Checkpoint, Cohort, DeviceData, EpochOfMember, Features, Member, Observer, Part, Source,
    Targets, TestRows, TrainError, Undisturbed, train,
};
use tch::{CModule, Device};

/// Training loss, validation loss and test loss after each epoch.
const PYTORCH: [[f64; 3]; 4] = [
    [1.117_492_467, 1.281_463_385, 1.088_016_510],
    [0.975_266_203, 1.363_629_222, 1.174_473_405],
    [0.933_969_006, 1.453_563_929, 1.277_880_192],
    [0.930_827_543, 1.545_828_223, 1.363_208_175],
];

fn network(file: &str) -> Network {
    let module = ModuleSpec { file: file.to_owned(), sha256: None };
    let spec = NetworkSpec { torchscript: Some(module), ..NetworkSpec::default() };
    spec.resolve(&[2], 3).expect("one form")
}

fn file() -> String {
    format!("{}/tests/module/net.pt", env!("CARGO_MANIFEST_DIR"))
}

/// Thirty rows to train and validate on, ten to test on.
fn data() -> DeviceData {
    tch::set_num_threads(1);
    let features: Vec<f32> = (0..40_u16)
        .flat_map(|row| [f32::from(row * 7 % 11) / 5.0 - 1.0, f32::from(row * 3 % 13) / 6.0 - 1.0])
        .collect();
    let labels: Vec<u32> = (0..40).map(|row| row % 3).collect();
    let part = |features, labels| Part {
        features: Features::Floats(features),
        targets: Targets::Classes { labels, count: 3 },
    };
    let source = Source {
        shape: &[2],
        train: part(&features[..60], &labels[..30]),
        test: Some(part(&features[60..], &labels[30..])),
        normalize: None,
        raw: false,
    };
    DeviceData::new(source, Device::Cpu).expect("fits")
}

fn cohort(network: Network, epoch: EpochRule) -> Cohort {
    let mut train = TrainSpec::new(4, 5, Optimizer::new(OptimizerKind::Adam, 0.05));
    train.order = Order::Given;
    let source = Seed { study: 1, train: None, trial: None, fold: 0 };
    let member =
        Member { network, train, source, train_rows: (0..20).collect(), validation_rows: (20..30).collect() };
    Cohort {
        members: vec![member],
        selection: Rule { epoch, metric: Metric::ValLoss, allow_failed_folds: false },
        test: TestRows::TestSet,
        keep_weights: true,
        measure: MeasureSpec::default(),
    }
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
}

#[test]
fn a_module_learns_what_pytorch_s_own_loop_learns() {
    for (rule, tested) in [(EpochRule::Last, PYTORCH[3][2]), (EpochRule::Best, PYTORCH[0][2])] {
        let outcomes =
            train(&data(), &cohort(network(&file()), rule), None, &mut Undisturbed).expect("trains");
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

/// Asks to stop with a checkpoint after the first epoch.
struct Stops;

impl Observer for Stops {
    fn epoch(&mut self, _: EpochOfMember) {}

    fn should_stop(&self) -> bool {
        false
    }

    fn after_epoch(&mut self, _: u32) -> AfterEpoch {
        AfterEpoch::CheckpointAndStop
    }

    fn keep(&mut self, _: Checkpoint) -> Result<(), TrainError> {
        panic!("of a module there is no checkpoint");
    }
}

#[test]
fn a_module_s_run_stops_without_a_checkpoint() {
    let stopped = train(&data(), &cohort(network(&file()), EpochRule::Last), None, &mut Stops);
    assert!(matches!(stopped, Err(TrainError::Stopped)));
}
