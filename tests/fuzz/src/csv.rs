//! CSV files, plain or gzipped, and the options that a spec reads them with.

use foldwise_data::{Cache, DataError, Dataset, Features, Table, TargetKind, Targets, facts, load};
use foldwise_study::spec::DataSpec;
use foldwise_study::spec::data::Missing;
use serde_json::{Value as Json, json};

use crate::folder::Folder;

/// What parts the training file from the test file.
const BETWEEN: &[u8] = b"\n%%\n";

thread_local! {
    static FOLDER: Folder = Folder::new();
}

/// A line of options as in `data.csv` of a JSON spec, then the training file, then, behind a line `%%`, a test file.
pub fn csv(input: &[u8]) {
    let (options, files) = input
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or((input, &b""[..]), |end| (&input[..end], &input[end + 1..]));
    let options: Json = serde_json::from_slice(options).unwrap_or_else(|_| json!({ "target": "kind" }));
    let between = files.windows(BETWEEN.len()).position(|window| window == BETWEEN);
    let (train, test) = match between {
        Some(place) => (&files[..place], Some(&files[place + BETWEEN.len()..])),
        None => (files, None),
    };
    FOLDER.with(|folder| read(folder, options, train, test));
}

fn read(folder: &Folder, mut options: Json, train: &[u8], test: Option<&[u8]>) {
    let Some(table) = options.as_object_mut() else { return };
    table.remove("test");
    let path = |name: &str, content: &[u8]| Json::from(folder.write(name, content).to_string_lossy());
    table.insert("train".to_owned(), path("train.csv", train));
    if let Some(test) = test {
        table.insert("test".to_owned(), path("test.csv", test));
    }
    let Ok(csv) = serde_json::from_value(options) else { return };
    check(&DataSpec { csv: Some(csv), ..DataSpec::default() });
}

/// Reads a spec's files and checks that what comes out is whole, or that an error says something.
pub(crate) fn check(spec: &DataSpec) {
    let cache = Cache::given("nowhere");
    match load(spec, &cache) {
        Ok(dataset) => {
            assert_eq!(facts(spec, &cache).expect("the facts of what was loaded"), dataset.facts);
            let gaps = spec.table().is_some_and(|table| table.missing == Missing::Mean);
            check_dataset(&dataset, gaps);
        }
        Err(error) => check_error(&error),
    }
}

fn check_error(error: &DataError) {
    assert!(!error.to_string().is_empty());
}

/// Whether every row is whole. `gaps` are features that are to be filled later.
fn check_dataset(dataset: &Dataset, gaps: bool) {
    for table in [Some(&dataset.train), dataset.test.as_ref()].into_iter().flatten() {
        assert_eq!(table.shape, dataset.facts.shape);
        check_table(table, &dataset.facts.target, gaps);
    }
    assert_eq!(dataset.train.rows, dataset.facts.train_rows);
    assert_eq!(dataset.test.as_ref().map(|test| test.rows), dataset.facts.test_rows);
}

fn check_table(table: &Table, target: &TargetKind, gaps: bool) {
    assert!(table.rows > 0 && table.row_len() > 0);
    let features = match &table.features {
        Features::Bytes(bytes) => bytes.len(),
        Features::Floats(floats) => {
            assert!(floats.iter().all(|number| number.is_finite() || gaps && number.is_nan()));
            floats.len()
        }
    };
    assert_eq!(features, table.rows * table.row_len());
    let targets = match (&table.targets, target) {
        (Targets::Classes(targets), TargetKind::Classes { names }) => {
            assert!(targets.iter().all(|&class| (class as usize) < names.len()));
            targets.len()
        }
        (Targets::Values(targets), TargetKind::Values { .. }) => {
            assert!(targets.iter().all(|number| number.is_finite()));
            targets.len()
        }
        (targets, target) => panic!("{target:?}, but targets {targets:?}"),
    };
    assert_eq!(targets, table.rows * target.width());
    assert!(table.groups.as_ref().is_none_or(|groups| groups.len() == table.rows));
}
