//! CSV files of a few lines, and what becomes of them.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use foldwise_study::spec::data::{DataSpec, Missing, TableSpec, Task};

use crate::{Cache, DataError, Dataset, Features, TargetKind, Targets, facts, load};

mod columns;
#[cfg(feature = "parquet")]
mod parquet;

/// The settings of a table of classes `kind`.
fn table(train: PathBuf) -> TableSpec {
    TableSpec {
        train,
        test: None,
        target: "kind".into(),
        task: Task::Classification,
        features: None,
        group: None,
        words: [].into(),
        types: [].into(),
        missing: Missing::Refuse,
        missing_words: vec![],
    }
}

/// A spec of `target` in `train`, written into a folder that lives as long as the test.
fn read(train: &str, adapt: impl FnOnce(&mut TableSpec)) -> Result<Dataset, DataError> {
    read_with_test(train, None, adapt)
}

fn read_with_test(
    train: &str,
    test: Option<&str>,
    adapt: impl FnOnce(&mut TableSpec),
) -> Result<Dataset, DataError> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("plants.csv");
    fs::write(&path, train).unwrap();
    let test = test.map(|text| {
        let path = home.path().join("more.csv");
        fs::write(&path, text).unwrap();
        path
    });
    let mut csv = TableSpec { test, ..table(path) };
    adapt(&mut csv);
    let spec = DataSpec { csv: Some(csv), ..DataSpec::default() };
    let dataset = load(&spec, &Cache::given("nowhere"))?;
    assert_eq!(facts(&spec, &Cache::given("nowhere")).unwrap(), dataset.facts);
    Ok(dataset)
}

/// As `read`, of rows that differ from themselves: those with NaN.
fn load_alone(train: &str, adapt: impl FnOnce(&mut TableSpec)) -> Result<Dataset, DataError> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("plants.csv");
    fs::write(&path, train).unwrap();
    let mut csv = table(path);
    adapt(&mut csv);
    load(&DataSpec { csv: Some(csv), ..DataSpec::default() }, &Cache::given("nowhere"))
}

fn error(train: &str, adapt: impl FnOnce(&mut TableSpec)) -> String {
    read(train, adapt).unwrap_err().to_string()
}

fn names(dataset: &Dataset) -> &[String] {
    match &dataset.facts.target {
        TargetKind::Classes { names } => names,
        TargetKind::Values { .. } => &[],
    }
}

#[test]
fn columns_classes_and_groups_are_read() {
    let text = "plot,width,kind,length\nb,1.5,rose,2\na, 3 ,daisy,4e1\nb,-1,rose,0\n";
    let dataset = read(text, |csv| csv.group = Some("plot".to_owned())).unwrap();
    assert_eq!(dataset.facts.name, "plants");
    assert_eq!((dataset.facts.train_rows, dataset.facts.test_rows), (3, None));
    assert_eq!(dataset.facts.shape, [2]);
    assert_eq!(names(&dataset), ["daisy", "rose"]);
    assert_eq!(dataset.train.features, Features::Floats(vec![1.5, 2.0, 3.0, 40.0, -1.0, 0.0]));
    assert_eq!(dataset.train.targets, Targets::Classes(vec![1, 0, 1]));
    assert_eq!(dataset.train.groups, Some(vec![1, 0, 1]));
}

#[test]
fn numeric_classes_are_sorted_as_numbers() {
    let dataset = read("x,kind\n0,10\n0,2\n0,-1\n0,2.0\n", |_| ()).unwrap();
    assert_eq!(names(&dataset), ["-1", "2", "10"]);
    assert_eq!(dataset.train.targets, Targets::Classes(vec![2, 1, 0, 1]));
}

#[test]
fn chosen_features_keep_their_order_and_words_become_numbers() {
    let text = "a,b,c,kind\n1,low,9,0\n2,high,9,1\n";
    let dataset = read(text, |csv| {
        csv.features = Some(vec!["b".to_owned(), "a".to_owned()]);
        csv.words = [("b".to_owned(), [("low".to_owned(), 0.0), ("high".to_owned(), 1.0)].into())].into();
    });
    assert_eq!(dataset.unwrap().train.features, Features::Floats(vec![0.0, 1.0, 1.0, 2.0]));
}

#[test]
fn regression_targets_are_numbers() {
    let dataset = read("x,kind\n1,0.5\n2,-3\n", |csv| csv.task = Task::Regression).unwrap();
    assert_eq!(dataset.facts.target, TargetKind::Values { names: vec!["kind".to_owned()] });
    assert_eq!(dataset.train.targets, Targets::Values(vec![0.5, -3.0]));
}

#[test]
fn test_rows_use_the_training_classes() {
    let train = "x,kind\n1,a\n2,b\n";
    let dataset = read_with_test(train, Some("kind,x\nb,7\n"), |_| ()).unwrap();
    let test = dataset.test.unwrap();
    assert_eq!((test.rows, test.targets), (1, Targets::Classes(vec![1])));
    assert_eq!(test.features, Features::Floats(vec![7.0]));
    let message = read_with_test(train, Some("x,kind\n1,a\n7,c\n"), |_| ()).unwrap_err().to_string();
    assert!(
        message.contains("more.csv, line 3, column `kind`: no training row has the class `c`"),
        "{message}"
    );
    let numeric =
        read_with_test("x,kind\n1,0\n2,1\n", Some("x,kind\n1,one\n"), |_| ()).unwrap_err().to_string();
    assert!(numeric.contains("the class `one`"), "{numeric}");
}

#[test]
fn errors_name_line_column_and_remedy() {
    let missing = error("x,kind\n1,a\n\n,b\n", |_| ());
    assert!(missing.contains("plants.csv, line 4, column `x`: the value is missing"), "{missing}");
    let windows = error("x,kind\r\n1,a\r\n\r\n\r\n,b\r\n", |_| ());
    assert!(windows.contains("line 5, column `x`"), "{windows}");
    let quoted = error("x,kind\n1,\"a\nlong\"\n,b\n", |_| ());
    assert!(quoted.contains("line 4, column `x`"), "{quoted}");
    let word = error("x,kind\n1,a\nred,b\n", |_| ());
    assert!(word.contains("line 3, column `x`: `red` is not a finite number"), "{word}");
    assert!(word.contains("words.x = { \"red\" = 0.0 }"), "{word}");
    for infinite in ["nan", "inf", "1e39"] {
        let message = error(&format!("x,kind\n{infinite},a\n"), |_| ());
        assert!(message.contains("not a finite number"), "{message}");
    }
    let ragged = error("x,kind\n1,a\n1,a,2\n", |_| ());
    assert!(ragged.contains("line: 3"), "{ragged}");
}

#[test]
fn specs_that_do_not_fit_the_file_are_refused() {
    let text = "x,y,kind\n1,2,a\n";
    assert!(error(text, |csv| csv.target = "sort".into()).contains("no column is named `sort`"));
    let leak = error(text, |csv| csv.features = Some(vec!["x".to_owned(), "kind".to_owned()]));
    assert!(leak.contains("`kind` is the target"), "{leak}");
    let twice = error(text, |csv| csv.features = Some(vec!["x".to_owned(), "x".to_owned()]));
    assert!(twice.contains("twice"), "{twice}");
    assert!(error(text, |csv| csv.features = Some(vec![])).contains("no feature column"));
    assert!(error(text, |csv| csv.words = [("kind".to_owned(), [].into())].into()).contains("words"));
    assert!(error("x,x,kind\n1,2,a\n", |_| ()).contains("two columns are named `x`"));
    assert!(error("x,kind\n", |_| ()).contains("no row"));
    assert!(error("", |_| ()).contains("no row"));
}

#[test]
fn a_gzipped_file_has_the_digest_of_its_content() {
    let text = "x,kind\n1,a\n2,b\n";
    let plain = read(text, |_| ()).unwrap();
    let zipped = read("", |csv| {
        csv.train.set_file_name("plants.csv.gz");
        let mut out =
            flate2::write::GzEncoder::new(fs::File::create(&csv.train).unwrap(), flate2::Compression::fast());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap();
    });
    assert_eq!(plain, zipped.unwrap());
}

#[test]
fn a_byte_order_mark_is_not_part_of_a_name() {
    assert_eq!(read("\u{feff}x,kind\n1,a\n", |_| ()).unwrap().facts.shape, [1]);
}
