//! `foldwise plan` knows the published networks' sizes, without libtorch, data or a coordinator.

use foldwise_tests::{Finished, StudyJson, foldwise};

/// The plan of these networks, all searched in one study.
fn plan(networks: &[&str]) -> StudyJson {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("spec.toml");
    let spec = format!(
        "name = \"sizes\"\n[data]\ndataset = \"fashion-mnist\"\n[validation]\nk_fold = {{ folds = 5 }}\n[network]\n\
         [train]\nepochs = 20\nbatch_size = 64\noptimizer = {{ kind = \"adamw\", lr = 0.001 }}\n\
         [space]\nnetwork = [{}]\n",
        networks.join(", ")
    );
    std::fs::write(&path, spec).expect("writes");
    let mut command = foldwise();
    command.args(["plan", "--format", "json"]).arg(&path);
    serde_json::from_str(&Finished::of(&mut command).success()).expect("json")
}

fn counts(plan: &StudyJson, field: &str) -> Vec<u64> {
    let trials = plan["trials"].as_array().expect("trials");
    trials.iter().map(|trial| trial[field].as_u64().expect("a count")).collect()
}

#[test]
fn study_a_has_its_published_sizes() {
    let dense =
        |hidden: &str| format!("{{ mlp = {{ hidden = [{hidden}], batch_norm = true, dropout = 0.3 }} }}");
    let convolutional = |channels: &str, units: u32| {
        format!("{{ cnn = {{ channels = [{channels}], hidden = [{units}], dropout = 0.3 }} }}")
    };
    let networks = [
        dense("224, 112"),
        dense("96, 48"),
        dense("64, 32"),
        convolutional("16, 32", 120),
        convolutional("8, 16", 120),
        convolutional("6, 12", 60),
        convolutional("4, 8", 45),
    ];
    let plan = plan(&networks.each_ref().map(String::as_str));
    let own: Vec<u64> = counts(&plan, "parameter_count")
        .into_iter()
        .zip(counts(&plan, "batch_norm_parameter_count"))
        .map(|(all, batch_norm)| all - batch_norm)
        .collect();
    assert_eq!(own, [202_170, 80_506, 52_650, 102_130, 50_578, 19_390, 9_841]);
}

#[test]
fn study_b_has_its_published_size() {
    let network = "{ cnn = { channels = [32, 64, 128], padding = 1, batch_norm = true, global_avg_pool = true, \
                   dropout = 0.25 }, init = \"kaiming_normal\" }";
    assert_eq!(counts(&plan(&[network]), "parameter_count"), [94_410]);
}
