//! Specs against files: what `facts` and `load` make of them.

use std::fs;
use std::path::{Path, PathBuf};

use foldwise_data::{Cache, DataError, Features, TargetKind, Targets, catalogue, facts, load};
use foldwise_study::spec::data::{DataSpec, IdxSpec};

fn idx(path: PathBuf, shape: &[u8], values: &[u8]) -> PathBuf {
    let mut content = vec![0, 0, 8, u8::try_from(shape.len()).expect("few dimensions")];
    content.extend(shape.iter().flat_map(|&length| [0, 0, 0, length]));
    content.extend(values);
    fs::write(&path, content).expect("a folder that can be written");
    path
}

/// Three images of 1 x 2 with labels 0, 2, 1, and one test image of label 2.
fn images(home: &Path) -> IdxSpec {
    IdxSpec {
        train_features: idx(home.join("images"), &[3, 1, 2], &[1, 2, 3, 4, 5, 6]),
        train_labels: idx(home.join("labels"), &[3], &[0, 2, 1]),
        test_features: Some(idx(home.join("test-images"), &[1, 1, 2], &[7, 8])),
        test_labels: Some(idx(home.join("test-labels"), &[1], &[2])),
    }
}

fn of(idx: IdxSpec) -> DataSpec {
    DataSpec { idx: Some(idx), ..DataSpec::default() }
}

fn nowhere() -> Cache {
    Cache::given("/nonexistent")
}

fn message(spec: &DataSpec) -> String {
    load(spec, &nowhere()).expect_err("a spec that is refused").to_string()
}

#[test]
fn idx_files_become_images_with_a_channel() {
    let home = tempfile::tempdir().unwrap();
    let spec = of(images(home.path()));
    let dataset = load(&spec, &nowhere()).unwrap();
    assert_eq!(dataset.facts, facts(&spec, &nowhere()).unwrap());
    assert_eq!(dataset.facts.name, "images");
    assert_eq!(dataset.facts.shape, [1, 1, 2]);
    assert_eq!(
        dataset.facts.target,
        TargetKind::Classes { names: ["0", "1", "2"].map(str::to_owned).to_vec() }
    );
    assert_eq!(dataset.train.features, Features::Bytes(vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(dataset.train.targets, Targets::Classes(vec![0, 2, 1]));
    assert_eq!(dataset.test.unwrap().features, Features::Bytes(vec![7, 8]));
}

#[test]
fn limits_cut_rows_but_neither_classes_nor_digest() {
    let home = tempfile::tempdir().unwrap();
    let whole = of(images(home.path()));
    let cut = DataSpec { train_rows: Some(1), ..whole.clone() };
    let (all, few) = (load(&whole, &nowhere()).unwrap(), load(&cut, &nowhere()).unwrap());
    assert_eq!(few.train.features, Features::Bytes(vec![1, 2]));
    assert_eq!(few.train.targets, Targets::Classes(vec![0]));
    assert_eq!(few.facts, foldwise_data::Facts { train_rows: 1, ..all.facts });
    assert_eq!(few.test, all.test);
    let above = message(&DataSpec { test_rows: Some(2), ..whole.clone() });
    assert!(above.contains("data.test_rows asks for 2 rows of `images`, which has 1"), "{above}");
    let without = IdxSpec { test_features: None, test_labels: None, ..images(home.path()) };
    let none = message(&DataSpec { test_rows: Some(1), ..of(without) });
    assert!(none.contains("no test part"), "{none}");
}

#[test]
fn pairs_that_do_not_fit_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let good = images(home.path());
    let path = |name: &str| home.path().join(name);
    let rows = of(IdxSpec { train_labels: idx(path("two"), &[2], &[0, 1]), ..good.clone() });
    assert!(message(&rows).contains("3 rows of features and 2 labels"), "{}", message(&rows));
    let shape =
        of(IdxSpec { test_features: Some(idx(path("wide"), &[1, 1, 3], &[1, 2, 3])), ..good.clone() });
    assert!(message(&shape).contains("test rows [1, 1, 3]"), "{}", message(&shape));
    let class = of(IdxSpec { test_labels: Some(idx(path("new"), &[1], &[3])), ..good.clone() });
    assert!(
        message(&class).contains("a test label is 3, but training labels end at 2"),
        "{}",
        message(&class)
    );
    let half = of(IdxSpec { test_labels: None, ..good.clone() });
    assert!(matches!(load(&half, &nowhere()), Err(DataError::HalfTestPair)));
    let empty = of(IdxSpec {
        train_features: idx(path("none"), &[0, 1, 2], &[]),
        train_labels: idx(path("no-labels"), &[0], &[]),
        ..good.clone()
    });
    assert!(message(&empty).contains("no values"), "{}", message(&empty));
    fs::write(path("images"), "x,y\n").unwrap();
    assert!(message(&of(good)).contains("not a file in the IDX format"));
}

#[test]
fn catalogue_facts_touch_nothing() {
    for entry in catalogue() {
        let spec =
            DataSpec { dataset: Some(entry.name.to_owned()), train_rows: Some(100), ..DataSpec::default() };
        let facts = facts(&spec, &nowhere()).unwrap();
        assert_eq!((facts.train_rows, facts.test_rows), (100, Some(10_000)));
        assert_eq!((facts.shape, facts.digest.len()), (vec![1, 28, 28], 64));
        let above = DataSpec { train_rows: Some(60_001), ..spec };
        assert!(matches!(
            foldwise_data::facts(&above, &nowhere()),
            Err(DataError::TooManyRowsAsked { rows: 60_000, .. })
        ));
        assert!(matches!(load(&above, &nowhere()), Err(DataError::GivenFolder { .. })));
    }
}

#[test]
fn sources_are_one_and_known() {
    let unknown = message(&DataSpec { dataset: Some("minst".to_owned()), ..DataSpec::default() });
    assert!(unknown.contains("`minst`") && unknown.contains("`fashion-mnist`, `mnist`"), "{unknown}");
    assert!(matches!(load(&DataSpec::default(), &nowhere()), Err(DataError::Source)));
    let home = tempfile::tempdir().unwrap();
    let two = DataSpec { dataset: Some("mnist".to_owned()), ..of(images(home.path())) };
    assert!(matches!(load(&two, &nowhere()), Err(DataError::Source)));
}
