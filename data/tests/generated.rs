//! Generated rows: what they are, that they never change, and what is refused.

use foldwise_data::{Cache, Dataset, Features, TargetKind, Targets, facts, load, targets};
use foldwise_study::spec::data::{BlobsSpec, DataSpec, FunctionSpec, ShuffleLabels, Spacing};

fn function(expression: &str, rows: usize) -> FunctionSpec {
    FunctionSpec {
        expression: expression.to_owned(),
        range: [-2.0, 2.0],
        rows,
        test_rows: None,
        spacing: Spacing::Even,
        noise: 0.0,
        seed: 0,
    }
}

fn blobs(rows: usize) -> BlobsSpec {
    BlobsSpec { classes: 3, features: 2, rows, test_rows: Some(4), spread: 0.5, seed: 0 }
}

fn read(spec: &DataSpec) -> Dataset {
    let cache = Cache::given("/nonexistent");
    let dataset = load(spec, &cache).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(facts(spec, &cache).expect("the facts of what was loaded"), dataset.facts);
    dataset
}

fn of(function: FunctionSpec) -> DataSpec {
    DataSpec { function: Some(function), ..DataSpec::default() }
}

fn of_blobs(blobs: BlobsSpec) -> DataSpec {
    DataSpec { blobs: Some(blobs), ..DataSpec::default() }
}

fn wrong(spec: &DataSpec) -> String {
    load(spec, &Cache::given("/nonexistent")).expect_err("a spec that is refused").to_string()
}

fn floats(features: &Features) -> &[f32] {
    match features {
        Features::Floats(floats) => floats,
        Features::Bytes(_) => panic!("generated rows are floats"),
    }
}

fn values(targets: &Targets) -> &[f32] {
    match targets {
        Targets::Values(values) => values,
        Targets::Classes(_) => panic!("a function's values are numbers"),
    }
}

#[test]
fn a_function_is_met_at_both_ends_and_tested_between() {
    let dataset = read(&of(FunctionSpec { test_rows: Some(4), ..function("x^2 + 1", 5) }));
    assert_eq!(dataset.train.features, Features::Floats(vec![-2.0, -1.0, 0.0, 1.0, 2.0]));
    assert_eq!(dataset.train.targets, Targets::Values(vec![5.0, 2.0, 1.0, 2.0, 5.0]));
    assert_eq!(dataset.test.expect("asked for").features, Features::Floats(vec![-1.5, -0.5, 0.5, 1.5]));
    assert_eq!(dataset.facts.name, "y = x^2 + 1");
    assert_eq!((dataset.facts.shape, dataset.facts.test_rows), (vec![1], Some(4)));
    assert_eq!(dataset.facts.target, TargetKind::Values { names: vec!["y".to_owned()] });
}

#[test]
fn a_point_without_a_value_is_named_with_the_remedy() {
    let message = wrong(&of(function("sin(5*pi*x)/(5*pi*x)", 801)));
    assert!(message.starts_with("`sin(5*pi*x)/(5*pi*x)` is NaN at x = 0 (in the train rows)"), "{message}");
    assert!(message.contains("change `range` or the number of rows"), "{message}");
    // An even number of rows does not meet 0.
    let dataset = read(&of(function("sin(5*pi*x)/(5*pi*x)", 800)));
    assert!(values(&dataset.train.targets).iter().all(|y| y.abs() <= 1.0));
    let large = wrong(&of(function("exp(1e3*x)", 5)));
    assert!(large.contains("at x = 1"), "{large}");
    let test = wrong(&of(FunctionSpec { test_rows: Some(1), ..function("1/x", 4) }));
    assert!(test.contains("x = 0 (in the test rows)"), "{test}");
    let expression = wrong(&of(function("sin(5*pi*y)", 5)));
    assert!(expression.starts_with("data.function.expression, column 10: `y` is unknown"), "{expression}");
}

#[test]
fn drawn_points_and_noise_have_their_distributions() {
    let spec = FunctionSpec { spacing: Spacing::Random, noise: 0.1, ..function("0", 20_000) };
    let dataset = read(&of(spec.clone()));
    let (x, y) = (floats(&dataset.train.features), values(&dataset.train.targets));
    let mean = |values: &[f32]| values.iter().map(|&value| f64::from(value)).sum::<f64>() / 20_000.0;
    let square =
        |values: &[f32]| values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / 20_000.0;
    assert!(x.iter().all(|x| (-2.0..2.0).contains(x)));
    assert!(mean(x).abs() < 0.03 && (square(x) - 4.0 / 3.0).abs() < 0.03, "{} {}", mean(x), square(x));
    assert!(mean(y).abs() < 0.003 && (square(y) - 0.01).abs() < 0.0005, "{} {}", mean(y), square(y));
    let other = read(&of(FunctionSpec { seed: 1, ..spec.clone() }));
    assert_ne!(other.train.features, dataset.train.features);
    assert_ne!(other.facts.digest, dataset.facts.digest);
    // Test rows are drawn beside the training rows and change nothing of them.
    let tested = read(&of(FunctionSpec { test_rows: Some(20_000), ..spec }));
    assert_eq!(tested.train, dataset.train);
    assert_ne!(tested.test.expect("asked for").features, dataset.train.features);
}

#[test]
fn what_is_drawn_never_changes() {
    let spec = FunctionSpec { spacing: Spacing::Random, noise: 1.0, ..function("sin(x)", 3) };
    let dataset = read(&of(spec));
    assert_eq!(floats(&dataset.train.features), [1.210_95, -1.411_855_3, -0.284_125_18]);
    assert_eq!(values(&dataset.train.targets), [2.242_491, 0.218_999_5, -3.053_832_3]);
    let dataset = read(&of_blobs(blobs(3)));
    let expected = [-8.424_392, -5.109_856_6, 2.479_319_8, -4.207_404, 4.615_341_7, -4.513_378];
    assert_eq!(floats(&dataset.train.features), expected);
    assert_eq!(dataset.facts.digest, "6971164d7ad41f91620c1f76e920755fd3599ca231ee32c787dec48c4a7626e4");
}

#[test]
fn blobs_lie_around_their_centres_in_turn() {
    let dataset = read(&of_blobs(blobs(3_000)));
    let Targets::Classes(classes) = &dataset.train.targets else { panic!("blobs are classes") };
    assert_eq!(classes[..5], [0, 1, 2, 0, 1]);
    assert_eq!((dataset.facts.shape, dataset.facts.test_rows), (vec![2], Some(4)));
    let exact = read(&of_blobs(BlobsSpec { spread: 0.0, ..blobs(3) }));
    let centres = floats(&exact.train.features);
    assert!(centres.iter().all(|centre| centre.abs() <= 10.0));
    let points = floats(&dataset.train.features);
    for (place, centre) in centres.iter().enumerate() {
        let off: Vec<f32> = points.iter().skip(place).step_by(6).map(|point| point - centre).collect();
        let mean = off.iter().sum::<f32>() / 1000.0;
        let deviation = (off.iter().map(|off| off * off).sum::<f32>() / 1000.0).sqrt();
        assert!(mean.abs() < 0.06 && (deviation - 0.5).abs() < 0.05, "{mean} {deviation}");
    }
    assert_eq!(exact.test.expect("asked for").features, Features::Floats([centres, &centres[..2]].concat()));
}

#[test]
fn settings_that_make_no_rows_are_refused() {
    let huge = BlobsSpec { features: 1 << 40, ..blobs(1_000) };
    assert!(wrong(&of_blobs(huge)).contains("numbers"));
    assert!(wrong(&of_blobs(blobs(2))).contains("2 rows cannot hold 3 classes"));
    assert!(wrong(&of_blobs(blobs(0))).contains("each part has 1 to"));
    assert!(wrong(&of_blobs(BlobsSpec { spread: f64::NAN, ..blobs(3) })).contains("spread"));
    assert!(wrong(&of(function("x", 0))).contains("each part has 1 to"));
    assert!(wrong(&of(FunctionSpec { range: [1.0, 1.0], ..function("x", 3) })).contains("no range"));
    assert!(wrong(&of(FunctionSpec { range: [f64::NAN, 1.0], ..function("x", 3) })).contains("no range"));
    assert!(wrong(&of(FunctionSpec { noise: -1.0, ..function("x", 3) })).contains("noise"));
}

#[test]
fn shuffled_labels_are_the_same_labels_of_the_limited_training_rows() {
    let plain = DataSpec { train_rows: Some(90), ..of_blobs(blobs(120)) };
    let shuffled = DataSpec { shuffle_labels: Some(ShuffleLabels { seed: 0 }), ..plain.clone() };
    let (before, after) = (read(&plain), read(&shuffled));
    assert_eq!(before.facts, after.facts);
    assert_eq!(before.test, after.test);
    assert_eq!(before.train.features, after.train.features);
    let sorted = |dataset: &Dataset| match &dataset.train.targets {
        Targets::Classes(classes) => {
            let mut sorted = classes.clone();
            sorted.sort_unstable();
            sorted
        }
        Targets::Values(_) => panic!("blobs are classes"),
    };
    assert_ne!(before.train.targets, after.train.targets);
    assert_eq!(sorted(&before), sorted(&after));
    let again = DataSpec { shuffle_labels: Some(ShuffleLabels { seed: 1 }), ..plain };
    assert_ne!(read(&again).train.targets, after.train.targets);
    assert_eq!(read(&shuffled), after);
}

#[test]
fn rows_of_several_targets_are_shuffled_whole() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("t.csv");
    std::fs::write(&path, "x,a,b\n1,1,10\n2,2,20\n3,3,30\n4,4,40\n").unwrap();
    let json = serde_json::json!({
        "csv": { "train": path, "target": ["a", "b"], "task": "regression" },
        "shuffle_labels": { "seed": 3 }, "train_rows": 3
    });
    let dataset = read(&serde_json::from_value(json).expect("a spec"));
    let values = values(&dataset.train.targets);
    assert!(values.chunks_exact(2).all(|row| row[1] == 10.0 * row[0]), "{values:?}");
    let mut first: Vec<f32> = values.iter().copied().step_by(2).collect();
    first.sort_by(f32::total_cmp);
    assert_eq!(first, [1.0, 2.0, 3.0]);
}

#[test]
fn blobs_are_split_by_the_same_classes_with_or_without_their_features() {
    let cache = Cache::given("/nonexistent");
    let spec = of_blobs(blobs(30));
    let shuffled = DataSpec { shuffle_labels: Some(ShuffleLabels { seed: 3 }), ..spec.clone() };
    let fewer = DataSpec { train_rows: Some(17), ..spec.clone() };
    for spec in [spec, shuffled, fewer] {
        let (with, without) = (read(&spec).train, targets(&spec, &cache).expect("classes"));
        assert_eq!((with.rows, &with.targets), (without.rows, &without.targets));
    }
    // 8 GiB of features, which nobody makes for that.
    let large = BlobsSpec { classes: 2, features: 100_000, test_rows: None, ..blobs(21_000) };
    assert_eq!(targets(&of_blobs(large), &cache).expect("classes").rows, 21_000);
}
