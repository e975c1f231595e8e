//! A text becomes a spec, or every problem is at a place of the text; a spec survives being stored and planned.

use foldwise_study::plan::{DeviceProfile, Plan};
use foldwise_study::spec::{DeviceKind, Format, Problems, Spec, SpecFile};
use foldwise_study::split::Rows;
use foldwise_study::trials::{RowFacts, Trials};

/// Larger grids are read but not enumerated: they take longer and find no more.
const TRIALS_TRIED_MAX: usize = 300;

/// A text in TOML.
pub fn spec_toml(input: &[u8]) {
    read(input, Format::Toml);
}

/// A text in YAML.
pub fn spec_yaml(input: &[u8]) {
    read(input, Format::Yaml);
}

/// A text in JSON.
pub fn spec_json(input: &[u8]) {
    read(input, Format::Json);
}

fn read(input: &[u8], format: Format) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let file = match SpecFile::read(text, format) {
        Ok(file) => file,
        Err(problems) => return check_problems(&problems, text),
    };
    check_json(&file.spec);
    check_folds(&file.spec);
    if file.spec.space.points().expect("a space that was read is bounded") > TRIALS_TRIED_MAX {
        return;
    }
    let pictures = RowFacts {
        shape: vec![1, 28, 28],
        classes: Some(10),
        targets: 1,
        train_rows: 200,
        test_rows: Some(50),
    };
    let table = RowFacts { shape: vec![4], classes: None, targets: 1, train_rows: 150, test_rows: None };
    for rows in [pictures, table] {
        match file.trials(&rows) {
            Ok(trials) => check_trials(&file.spec, &trials, &rows),
            Err(problems) => check_problems(&problems, text),
        }
    }
}

/// Someone who reads them must learn something, within the text that was given.
fn check_problems(problems: &Problems, text: &str) {
    assert!(!problems.0.is_empty(), "an error without a problem");
    let lines = text.split('\n').count();
    for problem in &problems.0 {
        assert!(!problem.message.is_empty(), "a problem without a message");
        if let Some((line, column)) = problem.position {
            assert!(line >= 1 && line <= lines && column >= 1, "{problem} in {lines} lines");
        }
    }
}

/// What is stored and sent to workers is the spec that was read, also when it is read as a file.
fn check_json(spec: &Spec) {
    let json = spec.to_json().to_string();
    assert_eq!(Spec::from_json(&json).expect("reads what it wrote"), *spec);
    let again = Spec::read(&json, Format::Json).unwrap_or_else(|problems| panic!("{problems}\n{json}"));
    assert_eq!(again, *spec);
    // Some characters may stand in JSON and not in YAML.
    if let Ok(again) = Spec::read(&json, Format::Yaml) {
        assert_eq!(again, *spec, "as YAML");
    }
}

fn check_folds(spec: &Spec) {
    let numbers: Vec<u32> = (0..120).map(|row| row % 40).collect();
    let classes: Vec<u32> = (0..120).map(|row| row % 3).collect();
    let rows = Rows { count: 120, classes: Some(&classes), groups: Some(&numbers), test: 30 };
    let Ok(folds) = spec.validation.folds(&rows) else { return };
    assert_eq!(folds.len(), spec.validation.fold_count());
    for fold in folds {
        assert!(!fold.train.is_empty() && !fold.validation.is_empty());
        assert!(fold.train.iter().chain(&fold.validation).all(|&row| row < 120));
    }
}

fn check_trials(spec: &Spec, trials: &Trials, rows: &RowFacts) {
    assert_eq!(trials.facts().len(), trials.len());
    assert!(!trials.is_empty());
    for index in [0, trials.len() - 1] {
        let trial = trials.trial(index).expect("every trial that was enumerated can be built");
        if let Some(described) = trial.described() {
            assert_eq!(described.network.parameter_count(), trials.facts()[index].parameters);
        }
        assert_eq!(trial.parameters, trials.parameters(index));
    }
    let Some(sizes) = spec.validation.sizes(rows.train_rows) else { return };
    for kind in [DeviceKind::Cpu, DeviceKind::Cuda] {
        let profile = DeviceProfile::shipped(kind);
        let plan = Plan::new(trials, &sizes, &profile, spec.plan.width);
        assert_eq!(plan.runs(), trials.len() * sizes.len());
    }
}
