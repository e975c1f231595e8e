//! A cohort takes no more memory than plans reckon with. One test, because what a process takes is all that it does.
#![cfg(target_os = "linux")]

use foldwise_study::plan::cohort_bytes;
use foldwise_study::seed::Source as Seed;
use foldwise_study::spec::{Format, Spec};
use foldwise_study::trials::{RowFacts, Trials};
use foldwise_worker::trainer::{
    Cohort, DeviceData, Features, Member, Part, Source, Targets, TestRows, Undisturbed, train,
};
use tch::Device;

const SHAPE: [usize; 3] = [1, 28, 28];
const CLASSES: usize = 10;

/// Study files, and how many of their runs train together.
const CASES: [(&str, u32); 6] = [
    (include_str!("../../studies/a-capacity/fc-224-112.toml"), 1),
    (include_str!("../../studies/a-capacity/fc-224-112.toml"), 10),
    (include_str!("../../studies/a-capacity/cnn-10k.toml"), 1),
    (include_str!("../../studies/b-selection/compact-cnn.toml"), 1),
    (include_str!("../../studies/d-plain-sgd/widths.toml"), 1),
    (include_str!("../../studies/e-linear-to-lenet/7-lenet-relu.toml"), 1),
];

#[test]
fn a_cohort_takes_no_more_than_plans_reckon_with() {
    for (text, members) in CASES {
        let spec = Spec::read(text, Format::Toml).expect("a good study file");
        let facts = RowFacts {
            shape: SHAPE.to_vec(),
            classes: Some(CLASSES),
            targets: 1,
            train_rows: 60_000,
            test_rows: Some(10_000),
        };
        let trials = Trials::enumerate(&spec, &facts).expect("trials");
        let trial = trials.trial(0).expect("a trial");
        let trial = trial.described().expect("a network");
        let batch = trial.train.batch_size;
        let rows = 4 * batch;
        let data = data(rows);
        let member = |fold| {
            let mut train = trial.train.clone();
            (train.epochs, train.loss) = (1, Some(trial.loss));
            Member {
                network: trial.network.clone(),
                train,
                source: Seed { study: 1, train: None, trial: None, fold },
                train_rows: (0..).take(rows).collect(),
                validation_rows: (0..).take(rows).collect(),
            }
        };
        let mut measure = spec.measure.clone();
        measure.resources = true;
        let cohort = Cohort {
            members: (0..members).map(member).collect(),
            selection: spec.selection.rule(true),
            test: TestRows::None,
            keep_weights: false,
            measure,
        };
        let outcomes = train(&data, &cohort, None, &mut Undisturbed).expect("trains");
        let measurements = outcomes[0].outcome.measurements.as_ref().expect("was asked for");
        let taken = measurements.resources.as_ref().and_then(|found| found.train_bytes).expect("Linux tells");
        let reckoned = cohort_bytes(&trials.facts()[0], members as usize);
        assert!(taken <= reckoned, "{}, {members} runs: {taken} bytes, reckoned {reckoned}", spec.name);
    }
}

fn data(rows: usize) -> DeviceData {
    let bytes: Vec<u8> = (0..rows * 784).map(|at| (at * 7 % 251).to_le_bytes()[0]).collect();
    let labels: Vec<u32> = (0..10).cycle().take(rows).collect();
    let targets = Targets::Classes { labels: &labels, count: CLASSES };
    let part = Part { features: Features::Bytes(&bytes), targets };
    let source = Source { shape: &SHAPE, train: part, test: None, normalize: None, raw: true };
    DeviceData::new(source, Device::Cpu).expect("memory")
}
