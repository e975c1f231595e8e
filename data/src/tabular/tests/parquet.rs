//! Parquet files, as `tests/fixtures/make.py` writes them, and as they are when spoiled.

use std::fs;
use std::path::{Path, PathBuf};

use foldwise_study::spec::data::{ColumnType, DataSpec, Missing, TableSpec, Task};

use crate::{Cache, DataError, Dataset, Features, TargetKind, Targets, facts, load};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn read(train: PathBuf, features: &[&str], adapt: impl FnOnce(&mut TableSpec)) -> Result<Dataset, DataError> {
    let features = Some(features.iter().map(|&name| name.to_owned()).collect());
    let mut table = TableSpec { features, ..super::table(train) };
    adapt(&mut table);
    let spec = DataSpec { parquet: Some(table), ..DataSpec::default() };
    let dataset = load(&spec, &Cache::given("nowhere"))?;
    assert_eq!(facts(&spec, &Cache::given("nowhere")).unwrap(), dataset.facts);
    Ok(dataset)
}

fn error(features: &[&str], adapt: impl FnOnce(&mut TableSpec)) -> String {
    read(fixture("none.parquet"), features, adapt).unwrap_err().to_string()
}

#[test]
fn every_compression_gives_the_same_rows() {
    let mut digests = std::collections::BTreeSet::new();
    for compression in ["none", "snappy", "gzip", "zstd", "lz4"] {
        let train = fixture(&format!("{compression}.parquet"));
        let dataset = read(train, &["small", "number", "unsigned", "half", "truth", "colour"], |spec| {
            spec.missing = Missing::Fill(-1.0);
            spec.types = [("colour".to_owned(), ColumnType::Category)].into();
            spec.group = Some("large".to_owned());
        });
        let dataset = dataset.unwrap();
        assert_eq!(dataset.facts.name, compression);
        let expected = [
            [1.0, 0.5, 4_294_967_295.0, 0.5, 1.0, 0.0, 1.0],
            [2.0, 1.5, 0.0, 1.0, 0.0, 1.0, 0.0],
            [3.0, -1.0, 1.0, 2.0, -1.0, -1.0, -1.0],
            [4.0, 3.5, 2.0, 4.0, 1.0, 0.0, 1.0],
        ];
        assert_eq!(dataset.train.features, Features::Floats(expected.concat()), "{compression}");
        let classes = ["a", "b"].map(str::to_owned).to_vec();
        assert_eq!(dataset.facts.target, TargetKind::Classes { names: classes });
        assert_eq!(dataset.train.targets, Targets::Classes(vec![0, 1, 0, 1]));
        // 2^53 + 1 and 2^53 are one number only as floats.
        assert_eq!(dataset.train.groups, Some(vec![2, 1, 2, 0]));
        digests.insert(dataset.facts.digest);
    }
    assert_eq!(digests.len(), 5, "the digest is that of the file");
}

#[test]
fn numbers_are_targets_and_test_rows_have_the_training_classes() {
    let dataset = read(fixture("zstd.parquet"), &["small"], |spec| {
        spec.target = "half".into();
        spec.task = Task::Regression;
        spec.test = Some(fixture("snappy.parquet"));
    });
    let dataset = dataset.unwrap();
    assert_eq!(dataset.train.targets, Targets::Values(vec![0.5, 1.0, 2.0, 4.0]));
    assert_eq!(dataset.test.as_ref(), Some(&dataset.train));
    let whole = read(fixture("zstd.parquet"), &["half"], |spec| spec.target = "small".into()).unwrap();
    let names = ["1", "2", "3", "4"].map(str::to_owned).to_vec();
    assert_eq!(whole.facts.target, TargetKind::Classes { names });
}

#[test]
fn nulls_and_nan_are_missing_values() {
    let null = error(&["number"], |_| ());
    assert!(null.contains("none.parquet, row 3, column `number`: the value is missing"), "{null}");
    let nan = error(&["nan"], |_| ());
    assert!(nan.contains("row 2, column `nan`: the value is missing"), "{nan}");
    let infinite = error(&["nan"], |spec| spec.missing = Missing::Fill(0.0));
    assert!(infinite.contains("row 4, column `nan`: `inf` is not a finite number"), "{infinite}");
    let dropped = read(fixture("gzip.parquet"), &["number", "truth"], |spec| spec.missing = Missing::Drop);
    assert_eq!(dropped.unwrap().train.features, Features::Floats(vec![0.5, 1.0, 1.5, 0.0, 3.5, 1.0]));
}

#[test]
fn columns_that_are_neither_numbers_nor_texts_are_refused_where_they_are_used() {
    let told = [
        ("day", "column `day` holds values of the type Date"),
        ("price", "column `price` holds values of the type Decimal"),
        ("list", "column `list` holds lists or records"),
        ("bytes", "row 1, column `bytes`: the text is not UTF-8"),
        ("colour", "row 1, column `colour`: `red` is not a finite number"),
        ("nothing", "no column is named `nothing`; the columns are `number`, `small`"),
    ];
    for (column, expected) in told {
        let message = error(&[column], |_| ());
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_file_that_is_cut_or_spoiled_is_an_error_of_that_file() {
    let home = tempfile::tempdir().unwrap();
    let features = ["small", "number", "half", "colour"];
    for name in ["none.parquet", "snappy.parquet", "gzip.parquet", "zstd.parquet", "lz4.parquet"] {
        let whole = fs::read(fixture(name)).unwrap();
        let path = home.path().join(name);
        let read = |content: &[u8]| {
            fs::write(&path, content).unwrap();
            read(path.clone(), &features, |spec| {
                spec.missing = Missing::Fill(0.0);
                spec.types = [("colour".to_owned(), ColumnType::Category)].into();
            })
        };
        for length in (0..whole.len()).step_by(97) {
            let message = read(&whole[..length]).unwrap_err().to_string();
            assert!(message.contains("not readable as Parquet"), "{length}: {message}");
        }
        for place in (0..whole.len()).step_by(13) {
            let mut spoiled = whole.clone();
            spoiled[place] ^= 0x55;
            if let Err(error) = read(&spoiled) {
                assert!(error.to_string().contains(name), "{error}");
            }
        }
    }
}

#[test]
fn many_rows_in_few_bytes_are_rows() {
    let many = fixture("many.parquet");
    assert!(fs::metadata(&many).unwrap().len() < 10_000);
    let dataset = read(many, &["x"], |spec| (spec.target, spec.task) = ("y".into(), Task::Regression));
    assert_eq!(dataset.unwrap().train.rows, 1_000_000);
}
