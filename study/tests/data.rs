//! `[data]` as people write it: what each source is read as, and what is said about what is wrong.

use foldwise_study::spec::data::{
    ChannelOrder, ColumnType, DataSpec, Missing, Normalize, Spacing, TargetColumns, Task,
};
use foldwise_study::spec::{Format, SpecFile};
use foldwise_study::train::Loss;
use foldwise_study::trials::RowFacts;

fn with(data: &str) -> String {
    let split = if data.contains("\ngroup =") { "group_k_fold" } else { "k_fold" };
    format!(
        "name = \"s\"\n{data}\n[validation]\n{split} = {{ folds = 2 }}\n[network]\nmlp = {{ hidden = [8] }}\n\
         [train]\nepochs = 1\nbatch_size = 2\noptimizer = {{ kind = \"sgd\", lr = 0.1 }}\n"
    )
}

/// The data of a spec, which its canonical JSON must keep.
fn read(data: &str) -> DataSpec {
    let file = SpecFile::read(&with(data), Format::Toml).unwrap_or_else(|problems| panic!("{problems}"));
    let json = file.spec.to_json().to_string();
    let again = SpecFile::read(&json, Format::Json).expect("canonical JSON reads");
    assert_eq!(again.spec, file.spec, "{json}");
    file.spec.data
}

fn problems(data: &str) -> String {
    SpecFile::read(&with(data), Format::Toml).expect_err("has problems").to_string()
}

#[test]
fn what_was_kept_before_there_was_more_reads_the_same() {
    let json = r#"{"csv":{"train":"a.csv","target":"y","task":"regression"},"normalize":{"mean":[0.5],"std":[0.25]}}"#;
    let spec: DataSpec = serde_json::from_str(json).expect("reads");
    assert_eq!(serde_json::to_string(&spec).expect("writes"), json);
    let rows: RowFacts =
        serde_json::from_str(r#"{"shape":[3],"classes":null,"train_rows":9,"test_rows":null}"#)
            .expect("reads");
    assert_eq!((rows.targets, rows.outputs(Loss::Huber)), (1, 1));
    assert_eq!(RowFacts { targets: 3, ..rows.clone() }.outputs(Loss::Huber), 3);
    assert_eq!(RowFacts { classes: Some(5), ..rows }.outputs(Loss::Huber), 5);
}

#[test]
fn tables_are_read() {
    let data = read(
        "[data.parquet]\ntrain = \"a.parquet\"\ntarget = [\"y\", \"z\"]\ntask = \"regression\"\n\
         types = { colour = \"category\", age = \"number\" }\nmissing = { fill = 0.5 }\nmissing_words = [\"NA\"]",
    );
    let table = data.parquet.expect("is there");
    assert_eq!(table.target, TargetColumns::Several(vec!["y".to_owned(), "z".to_owned()]));
    assert_eq!((table.missing, table.task), (Missing::Fill(0.5), Task::Regression));
    assert_eq!(table.types["colour"], ColumnType::Category);
    for (word, meant) in [("refuse", Missing::Refuse), ("drop", Missing::Drop), ("mean", Missing::Mean)] {
        let csv = read(&format!("[data.csv]\ntrain = \"a\"\ntarget = \"y\"\nmissing = \"{word}\""));
        assert_eq!(csv.csv.expect("is there").missing, meant);
    }
}

#[test]
fn arrays_pictures_and_generated_rows_are_read_with_their_defaults() {
    let npz = read("[data.npz]\ntrain = \"a.npz\"").npz.expect("is there");
    assert_eq!((npz.features.as_str(), npz.targets.as_str()), ("x", "y"));
    assert_eq!((npz.task, npz.channels), (Task::Classification, ChannelOrder::First));
    let tensors = read("[data.safetensors]\ntrain = \"a\"\nchannels = \"last\"\nfeatures = \"images\"");
    assert_eq!(tensors.safetensors.expect("is there").channels, ChannelOrder::Last);
    let images = read("[data.images]\ntrain = \"folder\"\nsize = [32, 24]").images.expect("is there");
    assert_eq!((images.channels, images.size), (3, Some([32, 24])));
    let function = read("[data.function]\nexpression = \"x\"\nrange = [-2, 2]\nrows = 9");
    assert_eq!(function.rows_name(), "y = x");
    let function = function.function.expect("is there");
    assert_eq!((function.spacing, function.noise, function.test_rows), (Spacing::Even, 0.0, None));
    let blobs = read("[data.blobs]\nclasses = 3\nfeatures = 2\nrows = 9").blobs.expect("is there");
    assert_eq!((blobs.spread, blobs.seed), (1.0, 0));
}

#[test]
fn what_is_done_to_the_rows_is_read() {
    let fitted = read("[data]\ndataset = \"mnist\"\nnormalize = \"fitted\"\nshuffle_labels = {}");
    assert_eq!(fitted.normalize, Some(Normalize::Fitted));
    assert_eq!(fitted.fixed_normalize(), None);
    assert_eq!(fitted.shuffle_labels.expect("is there").seed, 0);
    let fixed = read("[data]\ndataset = \"mnist\"\nnormalize = { mean = [0.5], std = [1.0] }");
    assert_eq!(fixed.fixed_normalize().expect("is fixed").mean, [0.5]);
}

#[test]
fn every_contradiction_is_told_at_its_place() {
    let csv = "[data.csv]\ntrain = \"a.csv\"\n";
    let function = "[data.function]\nexpression = \"x\"\n";
    let told = [
        ("[data]\n".to_owned(), "data: give exactly one of `dataset`, `idx`"),
        (format!("{csv}target = \"y\"\n[data.images]\ntrain = \"a\""), "given are `csv`, `images`"),
        (format!("{csv}target = [\"y\", \"z\"]"), "several columns can only be predicted as numbers"),
        (format!("{csv}target = [\"y\", \"y\"]\ntask = \"regression\""), "`y` is given twice"),
        (format!("{csv}target = []"), "data.csv.target: expected at least 1 items"),
        (format!("{csv}target = 3"), "expected text or a list, found the number 3"),
        (format!("{csv}target = \"y\"\ntypes = {{ y = \"category\" }}"), "data.csv.types.y: is no feature"),
        (format!("{csv}target = \"y\"\ntypes = {{ a = \"categroy\" }}"), "did you mean \"category\"?"),
        (
            format!("{csv}target = \"y\"\ntypes = {{ a = \"category\" }}\nwords = {{ a = {{ b = 1.0 }} }}"),
            "is a category, but `words` gives its words numbers",
        ),
        (format!("{csv}target = \"y\"\nmissing = \"means\""), "did you mean \"mean\"?"),
        (format!("{csv}target = \"y\"\nmissing = \"fill\""), "`fill` needs settings"),
        (format!("{csv}target = \"y\"\nmissing = {{ fill = inf }}"), "must be finite"),
        ("[data.images]\ntrain = \"a\"\nchannels = 2".to_owned(), "pictures have 1 channel or 3, not 2"),
        ("[data.images]\ntrain = \"a\"\nchannels = 4".to_owned(), "must be at most 3, is 4"),
        ("[data.images]\ntrain = \"a\"\nsize = [0, 5]".to_owned(), "must be at least 1, is 0"),
        ("[data.images]\ntrain = \"a\"\nsize = [5]".to_owned(), "expected 2 items, found 1"),
        (format!("{function}range = [2, 2]\nrows = 5"), "[2, 2] is no range"),
        (format!("{function}range = [-1e308, 1e308]\nrows = 5"), "is no range"),
        (format!("{function}range = [0, 1]\nrows = 1"), "must be at least 2, is 1"),
        (format!("{function}range = [0, 1]\nrows = 100000000"), "must be at most 10000000"),
        (format!("{function}range = [0, 1]\nrows = 5\nnoise = -1"), "must be at least 0, is -1"),
        ("[data.blobs]\nclasses = 5\nfeatures = 1\nrows = 4".to_owned(), "4 rows cannot hold 5 classes"),
        ("[data.blobs]\nclasses = 2\nfeatures = 100000\nrows = 1000000".to_owned(), "are more than"),
        ("[data]\ndataset = \"mnist\"\nnormalize = \"fited\"".to_owned(), "did you mean \"fitted\"?"),
        ("[data]\ndataset = \"mnist\"\nnormalize = true".to_owned(), "expected \"fitted\" or a table"),
        (
            "[data]\ndataset = \"mnist\"\nnormalize = { mean = [1], std = [1, 2] }".to_owned(),
            "1 means, but 2 deviations",
        ),
        ("[data]\ndataset = \"mnist\"\nnormalize = { mean = [1], std = [0] }".to_owned(), "greater than 0"),
        (
            "[data]\ndataset = \"mnist\"\nnormalize = { mean = [1], sdt = [0] }".to_owned(),
            "did you mean `std`?",
        ),
    ];
    for (data, expected) in told {
        let message = problems(&data);
        assert!(message.contains(expected), "{data}\nsays: {message}\nnot: {expected}");
        assert!(message.starts_with("line "), "has no place: {message}");
    }
}

#[test]
fn rows_are_called_what_they_come_from() {
    let name = |data: &str| read(data).rows_name();
    assert_eq!(name("[data]\ndataset = \"mnist\""), "mnist");
    assert_eq!(name("[data.idx]\ntrain_features = \"a/x\"\ntrain_labels = \"a/y\""), "a/x");
    assert_eq!(name("[data.csv]\ntrain = \"a.csv\"\ntarget = \"y\""), "a.csv");
    assert_eq!(name("[data.parquet]\ntrain = \"a.parquet\"\ntarget = \"y\""), "a.parquet");
    assert_eq!(name("[data.npz]\ntrain = \"a.npz\""), "a.npz");
    assert_eq!(name("[data.safetensors]\ntrain = \"a.st\""), "a.st");
    assert_eq!(name("[data.images]\ntrain = \"pictures\""), "pictures");
    assert_eq!(name("[data.blobs]\nclasses = 3\nfeatures = 2\nrows = 9"), "3 blobs");
}

#[test]
fn every_source_is_known_by_its_field() {
    for source in DataSpec::SOURCES {
        let json = serde_json::to_value(foldwise_study::spec::json_schema()).expect("json").to_string();
        assert!(json.contains(&format!("\"{source}\":")), "{source}");
    }
    assert!(DataSpec::default().given().is_empty());
}

#[test]
fn the_examples_of_the_documentation_are_read() {
    let text = include_str!("../../docs/study.md");
    let blocks: Vec<String> = text
        .split("\n\n")
        .filter(|block| block.trim_start().starts_with("[data."))
        .map(|block| block.lines().map(|line| format!("{}\n", line.trim_start())).collect())
        .collect();
    let given: Vec<&str> = blocks.iter().flat_map(|block| read(block).given()).collect();
    assert_eq!(given, ["csv", "npz", "images", "function", "blobs"]);
}

#[test]
fn groups_ask_for_a_split_that_keeps_them() {
    let spec = with("[data.csv]\ntrain = \"a.csv\"\ntarget = \"y\"\ngroup = \"patient\"");
    assert!(SpecFile::read(&spec, Format::Toml).is_ok());
    let split =
        SpecFile::read(&spec.replace("group_k_fold", "k_fold"), Format::Toml).expect_err("splits groups");
    assert!(split.to_string().contains("validation: would split rows of one `patient`"), "{split}");
    let held_out = format!("{spec}\n[final]\nhold_out = {{ fraction = 0.1 }}\n");
    let split = SpecFile::read(&held_out, Format::Toml).expect_err("splits groups");
    assert!(split.to_string().contains("final.hold_out: would split"), "{split}");
}
