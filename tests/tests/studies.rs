//! The published experiments of `studies/`, scaled down, on real data to their end: what each is to bring out is in its
//! report.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use foldwise_tests::{Finished, foldwise};
use serde_json::Value as Json;

/// The part of each study that is run: some hundred images, two epochs of most.
const SCALE: &str = "0.005";

/// Whether the datasets are here, fetched if they were not; says so where they cannot be had.
fn datasets() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| {
        let fetch = |name| Finished::of(own().args(["data", "fetch", name]));
        let fetched = ["fashion-mnist", "mnist"].map(fetch);
        let missing = fetched.iter().find(|fetched| fetched.code != Some(0));
        if let Some(missing) = missing {
            eprintln!("skipped: the datasets can be fetched from nowhere: {}", missing.stderr);
        }
        missing.is_none()
    })
}

/// `foldwise` with the datasets of whoever runs the tests, and nothing else of theirs.
fn own() -> Command {
    let mut command = foldwise();
    command.env_remove("FOLDWISE_COORDINATOR").env_remove("FOLDWISE_STATE").env_remove("RUST_LOG");
    command
}

/// Runs a folder of `studies/` scaled down; the reports, in the order of the files.
fn reports(folder: &str) -> Vec<Json> {
    let studies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../studies").join(folder);
    let mut files: Vec<_> =
        std::fs::read_dir(studies).expect("the folder").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let state = tempfile::tempdir().expect("a folder");
    let mut run = own();
    run.arg("run").args(&files).args(["--scale", SCALE, "--slots", "1", "--device", "cpu", "--state"]);
    let page = Finished::of(run.arg(state.path())).success();
    let kept = state.path().join("reports");
    let mut numbered: Vec<(u32, Json)> = std::fs::read_dir(kept)
        .expect("reports")
        .map(|entry| entry.expect("a report").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let report: Json = serde_json::from_slice(&std::fs::read(path).expect("reads")).expect("JSON");
            let name = report["study"]["name"].as_str().expect("a name").to_owned();
            (name.trim_start_matches("studies/").parse().expect("a number"), report)
        })
        .collect();
    numbered.sort_by_key(|(number, _)| *number);
    assert_eq!(numbered.len(), files.len(), "{page}");
    let reports: Vec<Json> = numbered.into_iter().map(|(_, report)| report).collect();
    for report in &reports {
        assert_eq!(report["study"]["state"], "succeeded", "{}", report["study"]);
        for fold in folds(report) {
            assert_eq!(fold["state"], "finished", "{}: {fold}", report["study"]["display_name"]);
        }
    }
    reports
}

fn folds(report: &Json) -> impl Iterator<Item = &Json> {
    let trials = report["trials"].as_array().expect("a list");
    trials.iter().flat_map(|trial| trial["folds"].as_array().expect("a list"))
}

/// The report of the study with this name.
fn named<'a>(reports: &'a [Json], name: &str) -> &'a Json {
    let found = reports.iter().find(|report| report["study"]["display_name"] == name);
    found.unwrap_or_else(|| panic!("no study {name}"))
}

/// Whether the rows of part `part` that were taken for others have pictures of Fashion-MNIST's size.
fn every_wrong_row_is_shown(report: &Json, part: usize) {
    for fold in folds(report) {
        let wrong = &fold["measurements"]["predictions"][part]["classes"]["first_wrong"];
        for row in wrong.as_array().expect("a list").iter().filter(|row| !row.is_null()) {
            let (picture, probability) = (&row["picture"], row["probability"].as_f64());
            let size = ["width", "height", "channels"].map(|name| picture[name].as_u64());
            assert_eq!(size, [Some(28), Some(28), Some(1)], "{row}");
            assert_eq!(picture["pixels"].as_str().map(str::len), Some(1_048), "784 bytes in base64: {row}");
            assert!(probability.is_some_and(|probability| (0.1..=1.0).contains(&probability)), "{row}");
        }
    }
}

/// Whether there is a list with something in it, in what every fold measured.
fn every_fold_has(report: &Json, pointer: &str) {
    for fold in folds(report) {
        let found = fold["measurements"].pointer(pointer);
        let there = found.is_some_and(|found| found.as_array().is_none_or(|list| !list.is_empty()));
        assert!(there, "{}: nothing at {pointer}", report["study"]["display_name"]);
    }
}

#[test]
fn capacity() {
    if !datasets() {
        return;
    }
    let reports = reports("a-capacity");
    let mut counts: Vec<u64> = reports
        .iter()
        .map(|report| {
            let count = |key: &str| report["trials"][0][key].as_u64().unwrap();
            count("parameters") - count("batch_norm_parameters")
        })
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [9_841, 19_390, 50_578, 52_650, 80_506, 102_130, 202_170]);
    for report in &reports {
        assert_eq!(report["trials"].as_array().unwrap().len(), 3);
        assert_eq!(report["final"]["mode"], "repeat");
        assert!(report["final"]["test_accuracy"].is_number());
        // The checkpoint that the search would have kept: the winner's own epoch and score.
        let winner =
            &report["trials"][usize::try_from(report["selection"]["winner"].as_u64().unwrap()).unwrap()];
        assert_eq!(report["final"]["best_epoch"], winner["folds"][0]["best_epoch"]);
    }
}

#[test]
fn selection() {
    if !datasets() {
        return;
    }
    let reports = reports("b-selection");
    let report = named(&reports, "b-compact-cnn");
    assert_eq!(report["trials"][0]["parameters"], 94_410);
    assert_eq!(folds(report).count(), 15);
    assert!(report["final"]["test_accuracy"].is_number());
}

#[test]
fn generalization() {
    if !datasets() {
        return;
    }
    let reports = reports("c-generalization");
    let sinc = named(&reports, "c1-sinc");
    every_fold_has(sinc, "/predictions/1/numbers/points");
    every_fold_has(sinc, "/epochs/0/training_loss");
    let counts = |name: &str| -> Vec<u64> {
        let trials = named(&reports, name)["trials"].as_array().unwrap();
        trials.iter().map(|trial| trial["parameters"].as_u64().unwrap()).collect()
    };
    assert_eq!(counts("c2-mnist-depth"), [454_922, 146_938]);
    let labels = counts("c4-random-labels");
    assert_eq!((labels[0], labels[4]), (1_675, 41_435));
    let weights = named(&reports, "c3-weights");
    every_fold_has(weights, "/steps/gradient_norms");
    every_fold_has(weights, "/epochs/0/weight_norm");
    let components = &weights["components"][0];
    let copies =
        folds(weights).next().unwrap()["measurements"]["snapshots"]["epochs"].as_array().unwrap().len();
    assert_eq!(components["points"].as_array().unwrap().len(), 8 * copies, "{components}");
    every_fold_has(named(&reports, "c5-sensitivity"), "/epochs/0/gradient_norm");
}

#[test]
fn plain_descent() {
    if !datasets() {
        return;
    }
    let reports = reports("d-plain-sgd");
    let five = named(&reports, "d-batch-5");
    for part in 0..2 {
        every_fold_has(five, &format!("/predictions/{part}/classes/confusion"));
        every_fold_has(five, &format!("/predictions/{part}/classes/first_wrong"));
        every_wrong_row_is_shown(five, part);
    }
    assert_eq!(named(&reports, "d-widths")["trials"].as_array().unwrap().len(), 7);
    for report in &reports {
        assert!(folds(report).all(|fold| fold["epochs"][0]["val_accuracy"].is_number()));
    }
}

#[test]
fn linear_to_lenet() {
    if !datasets() {
        return;
    }
    let reports = reports("e-linear-to-lenet");
    let vanishing = named(&reports, "e3-vanishing");
    every_fold_has(vanishing, "/epochs/0/layer_gradient_norms");
    let memory = named(&reports, "e5-memory");
    for fold in folds(memory) {
        let bytes = |key: &str| fold["measurements"]["resources"][key].as_u64().unwrap();
        assert!(bytes("train_bytes") > bytes("predict_bytes"), "{fold}");
    }
    let epochs: Vec<usize> = folds(named(&reports, "e6-lenet-sigmoid"))
        .map(|fold| fold["epochs"].as_array().unwrap().len())
        .collect();
    assert_eq!(epochs, [2, 2, 2], "scaled");
}
