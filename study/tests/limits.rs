//! Small texts that ask for much: each is refused with one clear problem, before anything of that size is made.

use std::fmt::Write as _;

use foldwise_study::spec::{Format, Spec, SpecFile};
use foldwise_study::trials::{RowFacts, Trials};

fn spec(space: &str) -> String {
    format!(
        "name = \"limits\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = {{ folds = 3 }}\n[network]\n\
         mlp = {{ hidden = [8] }}\n[train]\nepochs = 1\nbatch_size = 8\noptimizer = {{ kind = \"sgd\", lr = 0.1 }}\n\
         {space}\n"
    )
}

fn rows() -> RowFacts {
    RowFacts { shape: vec![1, 28, 28], classes: Some(10), targets: 1, train_rows: 100, test_rows: None }
}

/// What is wrong with a study file, one problem a line.
fn refusal(text: &str) -> String {
    match SpecFile::read(text, Format::Toml) {
        Err(problems) => problems.to_string(),
        Ok(file) => file.trials(&rows()).expect_err("too much").to_string(),
    }
}

#[test]
fn ranges_of_many_parameters_are_counted_before_they_are_listed() {
    let mut space = "[space]\n".to_owned();
    for parameter in 0..900 {
        writeln!(space, "\"train.p{parameter}\" = {{ linear = [0, 1], steps = 100_000 }}").expect("a string");
    }
    let message = refusal(&spec(&space));
    assert!(message.contains("90000000 values together; at most 500000 are listed"), "{message}");
    // Zipped, they would be a grid of no more than 100,000 points.
    let zipped: Vec<String> =
        (0..900).map(|i| format!("\"train.p{i}\" = {{ linear = [0, 1], steps = 100_000 }}")).collect();
    let message = refusal(&spec(&format!("[space]\nzip = [{{ {} }}]", zipped.join(", "))));
    assert!(message.starts_with("line 12, column 1: space: "), "{message}");
    assert!(message.contains("values together"), "{message}");
}

#[test]
fn a_grid_too_large_is_refused_by_its_lengths() {
    let space = "[space]\n\"train.optimizer.lr\" = { log = [1e-5, 1.0], steps = 1000 }\n\
                 \"train.optimizer.weight_decay\" = { log = [1e-5, 1.0], steps = 1000 }";
    assert!(refusal(&spec(space)).contains("the grid has more than 100000 points"));
}

#[test]
fn more_parameters_than_anyone_searches_are_refused() {
    let mut space = "[space]\n".to_owned();
    for parameter in 0..20_000 {
        writeln!(space, "\"train.p{parameter}\" = [1]").expect("a string");
    }
    let message = refusal(&spec(&space));
    assert!(message.contains("20000 parameters are searched; at most 1000 can be"), "{message}");
}

#[test]
fn points_that_set_much_are_refused_before_they_are_built() {
    let layers = vec!["\"relu\""; 5_000].join(", ");
    let space = format!(
        "[space]\n\"train.optimizer.lr\" = {{ log = [1e-5, 1.0], steps = 10_000 }}\n\
         network = [{{ layers = [\"flatten\", {layers}, \"output\"] }}]"
    );
    let message = refusal(&spec(&space));
    assert!(message.contains("the 10000 points of the grid, with 10020 settings"), "{message}");
    let values: Vec<String> = (0..50_000).map(|value| value.to_string()).collect();
    let space = format!(
        "[space]\n\"train.optimizer.lr\" = {{ log = [1e-5, 1.0], steps = 10_000 }}\n\
         exclude = [{{ \"train.optimizer.lr\" = [{}] }}]",
        values.join(", ")
    );
    assert!(refusal(&spec(&space)).contains("are too much to check"));
}

#[test]
fn networks_deeper_than_any_are_refused_at_their_place() {
    let units = vec!["1"; 100_000].join(", ");
    let text = spec("").replace("hidden = [8]", &format!("hidden = [{units}]"));
    assert_eq!(
        refusal(&text),
        "line 7, column 18: network.mlp.hidden: expected at most 1000 items, found 100000"
    );
}

#[test]
fn a_path_of_very_many_segments_is_refused() {
    let path = format!("network{}", ".a".repeat(200_000));
    let message = refusal(&spec(&format!("[space]\n\"{path}\" = [1]")));
    assert!(message.contains("is longer than the path of any setting"), "{message}");
}

#[test]
fn of_very_many_problems_the_first_are_listed() {
    let mut text = spec("");
    for key in 0..50_000 {
        writeln!(text, "k{key} = 1").expect("a string");
    }
    let Err(problems) = SpecFile::read(&text, Format::Toml) else { panic!("unknown keys") };
    assert_eq!(problems.0.len(), 101);
    assert_eq!(problems.0[100].message, "49900 more problems");
}

#[test]
fn a_value_that_every_trial_is_refused_for_is_not_shown_whole() {
    let layers = vec!["\"relu\""; 2_000].join(", ");
    let space = format!(
        "[space]\nnetwork = [{{ layers = [{layers}] }}]\n\"train.batch_size\" = {{ linear = [1, 1000], steps = 1000 }}\n\
         \"train.seed\" = [1, 2]\n[limits]\nparameters = 1"
    );
    let message = refusal(&spec(&space));
    assert!(message.len() < 1_000, "{} bytes", message.len());
}

#[test]
fn ends_too_far_apart_are_refused() {
    for range in ["log = [1e-300, 1e300]", "log = [1e300, 1e-300]"] {
        let text = spec(&format!(
            "schedule = {{ reduce_on_plateau = {{}} }}\n[space]\n\"train.schedule.reduce_on_plateau.min_lr\" = {{ {range}, \
             steps = 3 }}"
        ));
        let message = refusal(&text);
        assert!(message.contains("too far apart"), "{range}: {message}");
    }
}

#[test]
fn a_number_that_cannot_be_kept_is_refused_at_its_place() {
    let text = spec("").replace(
        "dataset = \"fashion-mnist\"",
        "dataset = \"fashion-mnist\"\nnormalize = { mean = [1e300], std = [1.0] }",
    );
    let message = refusal(&text);
    assert!(message.starts_with("line 4, column 23: data.normalize.mean.0: must be at most"), "{message}");
}

#[test]
fn a_stored_spec_that_was_never_checked_is_refused() {
    let good = Spec::read(&spec(""), Format::Toml).expect("good").to_json().to_string();
    let with = |space: &str| {
        let json = good.replacen('{', &format!("{{\"space\": {space}, "), 1);
        let spec = Spec::from_json(&json).expect("of a spec's form");
        let problems = Trials::enumerate(&spec, &rows()).expect_err("refused");
        problems.first().expect("a problem").to_string()
    };
    let endless = with(r#"{"train.seed": {"linear": [0, 1], "steps": 9007199254740993}}"#);
    assert!(endless.contains("values together"), "{endless}");
    let through_text = with(r#"{"network.init.x": [1]}"#);
    assert!(through_text.contains("there is no such setting"), "{through_text}");
    let past_end = with(r#"{"network.mlp.hidden.7": [1]}"#);
    assert!(past_end.contains("there is no such setting"), "{past_end}");
    let spec = Spec::from_json(&good).expect("good");
    let vast = RowFacts { shape: vec![usize::MAX, 2], ..rows() };
    assert!(Trials::enumerate(&spec, &vast).is_err());
}
