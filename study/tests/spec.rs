//! Specs as people write them: what is read, and what is said about what is wrong.

use foldwise_study::plan::{DeviceProfile, Plan};
use foldwise_study::spec::{DeviceKind, Format, OwnCode, Spec, SpecFile, json_schema};
use foldwise_study::trials::{Method, RowFacts};

const QUICKSTART: &str = include_str!("../../studies/quickstart.toml");

fn pictures() -> RowFacts {
    RowFacts {
        shape: vec![1, 28, 28],
        classes: Some(10),
        targets: 1,
        train_rows: 60_000,
        test_rows: Some(10_000),
    }
}

fn problems(text: &str) -> String {
    SpecFile::read(text, Format::Toml).expect_err("has problems").to_string()
}

fn trial_problems(text: &str) -> String {
    let file = SpecFile::read(text, Format::Toml).expect("reads");
    file.trials(&pictures()).expect_err("has problems").to_string()
}

#[test]
fn quickstart_enumerates_like_nested_loops() {
    let file = SpecFile::read(QUICKSTART, Format::Toml).expect("reads");
    let trials = file.trials(&pictures()).expect("fits");
    assert_eq!(trials.len(), 8);
    let values: Vec<String> =
        (0..3).map(|trial| serde_json::to_string(&trials.parameters(trial)).expect("json")).collect();
    assert_eq!(
        values[0],
        r#"{"network.mlp.hidden":[64,32],"train.optimizer.lr":0.003,"network.mlp.dropout":0.0}"#
    );
    assert_eq!(
        values[1],
        r#"{"network.mlp.hidden":[64,32],"train.optimizer.lr":0.003,"network.mlp.dropout":0.2}"#
    );
    assert_eq!(
        values[2],
        r#"{"network.mlp.hidden":[64,32],"train.optimizer.lr":0.001,"network.mlp.dropout":0.0}"#
    );
    let trial = trials.trial(7).expect("is there");
    let trial = trial.described().expect("a network");
    assert!((trial.train.optimizer.lr - 0.001).abs() < 1e-12);
    assert_eq!(trial.network.parameter_count().total, 80_506 + 2 * (96 + 48));
}

#[test]
fn canonical_json_reads_back_as_the_same_spec_in_every_format() {
    let spec = Spec::read(QUICKSTART, Format::Toml).expect("reads");
    let json = spec.to_json().to_string();
    assert_eq!(Spec::from_json(&json).expect("reads"), spec);
    assert_eq!(Spec::read(&json, Format::Json).expect("reads"), spec);
    assert_eq!(Spec::read(&json, Format::Yaml).expect("reads"), spec);
}

#[test]
fn every_problem_is_told_at_once_with_its_place_and_a_hint() {
    let text = QUICKSTART
        .replace("batch_size = 64", "batchsize = 64")
        .replace("\"adamw\"", "\"adamx\"")
        .replace("epochs = 6", "epochs = \"six\"")
        .replace("folds = 5", "folds = 1");
    insta::assert_snapshot!(problems(&text));
}

#[test]
fn a_missing_section_and_a_syntax_error_are_told() {
    insta::assert_snapshot!(problems("name = \"x\"\n[train]\nepochs = 1\n"));
    insta::assert_snapshot!(problems("name = \"x\"\n[train\n"));
}

#[test]
fn searched_values_are_checked_at_their_place() {
    let text = QUICKSTART
        .replace("[0.003, 0.001]", "[0.003, -1.0]")
        .replace("\"network.mlp.dropout\"", "\"network.mlp.dropuot\"");
    insta::assert_snapshot!(problems(&text));
    insta::assert_snapshot!(problems(&QUICKSTART.replace("\"network.mlp.dropout\"", "\"data.train_rows\"")));
}

#[test]
fn contradictions_are_told() {
    let text = QUICKSTART
        .replace("dataset = \"fashion-mnist\"", "")
        .replace("hold_out = { fraction = 0.1, seed = 42 }", "refit = {}\nskip = true")
        .replace("[final]", "[[space.zip]]\n\"train.batch_size\" = [1, 2]\n\"train.epochs\" = [1]\n[[space.exclude]]\n\"train.lr\" = 1\n[final]");
    insta::assert_snapshot!(problems(&text));
}

#[test]
fn a_trial_that_does_not_fit_is_told_with_its_values() {
    let text = QUICKSTART.replace("[final]", "[limits]\nparameters = 60000\n[final]");
    insta::assert_snapshot!(trial_problems(&text));
    let text = QUICKSTART.replace(
        "optimizer = { kind = \"adamw\", lr = 0.001 }",
        "optimizer = { kind = \"sgd\", lr = 0.001, nesterov = true, eps = 1e-3 }",
    );
    insta::assert_snapshot!(trial_problems(&text));
}

#[test]
fn zip_moves_together_and_exclude_leaves_out() {
    let text = QUICKSTART.replace(
        "[final]",
        "[[space.zip]]\n\"train.batch_size\" = [128, 64]\n\"train.epochs\" = [2, 1]\n[[space.exclude]]\n\"train.batch_size\" = 128\n\"train.optimizer.lr\" = { at_least = 0.002 }\n[final]",
    );
    let trials = SpecFile::read(&text, Format::Toml).expect("reads").trials(&pictures()).expect("fits");
    assert_eq!(trials.len(), 16 - 4);
    for trial in 0..trials.len() {
        let trial = trials.trial(trial).expect("is there");
        let trial = trial.described().expect("a network");
        assert_eq!(trial.train.batch_size / 64, trial.train.epochs as usize);
        assert!(trial.train.batch_size == 64 || trial.train.optimizer.lr < 0.002);
    }
}

#[test]
fn the_spec_may_leave_out_what_it_searches_and_paths_need_no_quotes() {
    let text = QUICKSTART.replace("batch_size = 64\n", "").replace(
        "\"train.optimizer.lr\" = [0.003, 0.001]",
        "train.batch_size = { linear = [32, 64], steps = 2 }",
    );
    let trials = SpecFile::read(&text, Format::Toml).expect("reads").trials(&pictures()).expect("fits");
    assert_eq!(trials.len(), 8);
}

#[test]
fn the_schema_describes_every_section() {
    let schema = json_schema();
    let properties = schema["properties"].as_object().expect("properties");
    for section in
        ["name", "data", "validation", "network", "train", "space", "selection", "final", "limits", "plan"]
    {
        let described = properties.get(section).and_then(|section| section.get("description"));
        assert!(described.is_some(), "{section} has no description");
    }
}

const COMMAND: &str = "\
name = \"own\"
[data]
dataset = \"fashion-mnist\"
[validation]
k_fold = { folds = 3 }
[command]
program = [\"train.py\", \"--quiet\"]
epochs = 4
[command.parameters]
lr = 0.1
[space]
\"command.parameters.lr\" = [0.1, 0.01]
\"command.parameters.kernel\" = [\"rbf\", \"linear\"]
\"command.epochs\" = [4, 8]
";

#[test]
fn a_command_s_trials_have_its_searched_parameters_and_fuse_with_nothing() {
    let file = SpecFile::read(COMMAND, Format::Toml).expect("reads");
    let trials = file.trials(&pictures()).expect("fits");
    assert_eq!(trials.len(), 8);
    let trial = trials.trial(7).expect("is there");
    let Method::Command(command) = &trial.method else { panic!("a command") };
    let parameters = serde_json::to_string(&command.parameters).expect("json");
    assert_eq!((parameters.as_str(), command.epochs), (r#"{"lr":0.01,"kernel":"linear"}"#, 8));
    let profile = DeviceProfile::serving(&[], DeviceKind::Cpu);
    let plan = Plan::new(&trials, &[(40_000, 20_000); 3], &profile, None);
    assert_eq!((plan.cohorts.len(), plan.runs()), (24, 24), "each run is a cohort of its own");
    let json = file.spec.to_json().to_string();
    assert_eq!(Spec::from_json(&json).expect("reads"), file.spec);
    assert!(!json.contains("network"), "{json}");
}

#[test]
fn what_a_command_cannot_be_or_have_is_told() {
    insta::assert_snapshot!(problems(
        &COMMAND.replace("[command]", "[network]\nmlp = { hidden = [8] }\n[command]")
    ));
    let wrong = COMMAND
        .replace("\"train.py\"", "\"../train.py\"")
        .replace("lr = 0.1\n", "\"learning rate\" = 0.1\n")
        .replace("[validation]", "normalize = \"fitted\"\n[measure]\ntraining = true\n[validation]")
        .replace("[space]", "[limits]\nparameters = 5\n[plan]\nwidth = 4\n[space]");
    insta::assert_snapshot!(problems(&wrong));
    let types = COMMAND
        .replace("epochs = 4", "epochs = 0\nsha256 = \"abc\"")
        .replace("lr = 0.1\n", "lr = { a = 1 }\n")
        .replace("[\"rbf\", \"linear\"]", "[\"rbf\", { b = 1 }]");
    insta::assert_snapshot!(problems(&types));
}

#[test]
fn a_module_is_a_network_of_unknown_size_that_fuses_with_nothing() {
    let module = "[network]\ntorchscript = { file = \"net.pt\" }";
    let text = COMMAND
        .replace(
            "[command]",
            &format!("{module}\n[train]\nbatch_size = 5\noptimizer = {{ kind = \"sgd\", lr = 0.1 }}"),
        )
        .replace("program = [\"train.py\", \"--quiet\"]\n", "");
    let text = &text[..text.find("[command.parameters]").expect("is there")];
    let text = format!("{text}[space]\n\"train.optimizer.lr\" = [0.1, 0.2]\n");
    let file = SpecFile::read(&text, Format::Toml).expect("reads");
    assert_eq!(file.spec.own_code(), Some(OwnCode::Module));
    let trials = file.trials(&pictures()).expect("fits");
    assert_eq!(trials.facts()[0].parameters.total, 0);
    let plan =
        Plan::new(&trials, &[(40_000, 20_000); 3], &DeviceProfile::serving(&[], DeviceKind::Cpu), None);
    assert_eq!(plan.cohorts.len(), 6);
    let wrong = text.replace("net.pt\" }", "/net.pt\", sha256 = \"1\" }\nmlp = { hidden = [3] }")
        + "[measure]\nweights = true\n[limits]\nparameters = 3\n";
    insta::assert_snapshot!(problems(&wrong));
    let both = text.replace("torchscript", "mlp = { hidden = [3] }\ntorchscript");
    assert!(trial_problems(&both).contains("exactly one of `mlp`, `cnn`, `layers` and `torchscript`"));
    let searched = QUICKSTART.replace(
        "[space]",
        "[space]\nnetwork = [{ mlp = { hidden = [2] } }, { torchscript = { file = \"a\" } }]",
    );
    let searched: String = searched
        .lines()
        .filter(|line| !line.contains("\"network."))
        .map(|line| format!("{line}\n"))
        .collect();
    let spec = Spec::read(&searched, Format::Toml).expect("reads");
    assert_eq!(spec.own_code(), Some(OwnCode::Module), "one of the searched networks is a module");
}
