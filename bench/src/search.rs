//! Whole searches from command to result: `foldwise run` beside the tools that people use for the same.

use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::Outcome;
use crate::machine::now;
use crate::peers::{interpreter, script};
use crate::section::Section;

/// Rows of Fashion-MNIST that are split into folds.
const ROWS: usize = 6_000;
const EPOCHS: u32 = 3;
const RATES: [f64; 3] = [0.003, 0.001, 0.0003];
const FOLDS: usize = 5;
const SEED: u32 = 42;
const HIDDEN: [usize; 2] = [64, 32];
const BATCH: usize = 64;

/// What the two searches do not share.
struct Variant {
    network: &'static str,
    optimizer: &'static str,
}

/// How one tool did.
struct Done {
    /// From the command to its end.
    seconds: f64,
    /// Without start and imports, where the tool says so.
    inside: Option<f64>,
    /// The winner's mean validation accuracy after the last epoch.
    accuracy: f64,
    versions: String,
}

/// The first fully connected network of study A, by tools that train PyTorch networks.
///
/// # Errors
/// When Foldwise's own search fails.
pub(crate) fn fold_by_fold(section: &mut Section) -> Outcome<()> {
    let variant = Variant { network: "batch_norm = true, dropout = 0.3", optimizer: "adamw" };
    let tools = [
        ("torch", "PyTorch, a loop in turn"),
        ("skorch", "skorch in `GridSearchCV`, 2 jobs"),
        ("optuna", "Optuna, grid, journal storage, 2 processes"),
        ("ray", "Ray Tune, grid, 2 trials at once"),
    ];
    table(section, &variant, &tools)
}

/// The same network as scikit-learn has it.
///
/// # Errors
/// When Foldwise's own search fails.
pub(crate) fn scikit_learn(section: &mut Section) -> Outcome<()> {
    let variant = Variant { network: "batch_norm = false, dropout = 0.0", optimizer: "adam" };
    table(section, &variant, &[("sklearn", "scikit-learn, `MLPClassifier` in `GridSearchCV`, 2 jobs")])
}

fn table(section: &mut Section, variant: &Variant, tools: &[(&str, &str)]) -> Outcome<()> {
    section.line(format!(
        "{} learning rates × {FOLDS} folds × {EPOCHS} epochs of the {}-{} network over the first {ROWS} rows of Fashion-MNIST, batch \
         {BATCH}, `{}`. Seconds of one whole process from its start to its end; *inside* leaves out start and imports, and \
         is what the last column divides by all of Foldwise's. The accuracy is there to show that the same was done.\n",
        RATES.len(),
        HIDDEN[0],
        HIDDEN[1],
        variant.optimizer,
    ));
    section.table(&[
        "by",
        "versions",
        "s:",
        "inside, s:",
        "accuracy:",
        "it ÷ Foldwise:",
        "inside ÷ Foldwise:",
    ]);
    let own = beside("foldwise")?;
    let fetched = Command::new(&own).args(["data", "fetch", "fashion-mnist"]).output()?;
    if !fetched.status.success() {
        return Err(String::from_utf8_lossy(&fetched.stderr).into_owned().into());
    }
    let ours = foldwise(&own, variant)?;
    section.row(&cells("**Foldwise**, `foldwise run`, 2 slots", &ours, None));
    let folder = foldwise_data::Cache::from_environment()?.dataset_folder("fashion-mnist");
    for (tool, label) in tools {
        match peer(tool, &folder) {
            Ok(done) => section.row(&cells(label, &done, Some(&ours))),
            Err(error) => {
                let error = format!("not measured: {error}");
                section.row(&[vec![(*label).to_owned(), error], vec![String::new(); 5]].concat());
            }
        }
    }
    Ok(())
}

fn cells(label: &str, done: &Done, ours: Option<&Done>) -> Vec<String> {
    let ratio = |seconds: Option<f64>| {
        let ratio = seconds.zip(ours).map(|(seconds, ours)| format!("{:.1}", seconds / ours.seconds));
        ratio.unwrap_or_default()
    };
    vec![
        label.to_owned(),
        done.versions.clone(),
        format!("{:.2}", done.seconds),
        done.inside.map(|seconds| format!("{seconds:.2}")).unwrap_or_default(),
        format!("{:.3}", done.accuracy),
        ratio(Some(done.seconds)),
        ratio(done.inside),
    ]
}

/// A program that was built with this one.
fn beside(name: &str) -> Outcome<std::path::PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    if program.is_file() {
        return Ok(program);
    }
    Err(format!("`{name}` is not built beside the benchmarks: `cargo xtask bench` builds it").into())
}

/// The search by the built programs, with a state folder of its own.
fn foldwise(program: &Path, variant: &Variant) -> Outcome<Done> {
    let folder = tempfile::tempdir()?;
    let (study, state) = (folder.path().join("study.toml"), folder.path().join("state"));
    std::fs::write(&study, spec(variant))?;
    let start = now();
    let run = Command::new(program)
        .arg("run")
        .arg(&study)
        .args(["--device", "cpu", "--slots", "2", "--state"])
        .arg(&state)
        .output()?;
    let seconds = start.elapsed().as_secs_f64();
    if !run.status.success() {
        return Err(String::from_utf8_lossy(&run.stderr).into_owned().into());
    }
    let report = std::fs::read_dir(state.join("reports"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "json"))
        .ok_or("the search left no report")?;
    let report: Json = serde_json::from_slice(&std::fs::read(report)?)?;
    let trials = report["trials"].as_array().ok_or("a report without trials")?;
    let accuracy = trials.iter().filter_map(|trial| trial["last_epoch_mean"].as_f64()).fold(0.0, f64::max);
    Ok(Done { seconds, inside: None, accuracy, versions: foldwise_worker::software() })
}

fn spec(variant: &Variant) -> String {
    format!(
        "name = \"search\"\nseed = {SEED}\n[data]\ndataset = \"fashion-mnist\"\ntrain_rows = {ROWS}\n\
         normalize = {{ mean = [0.5], std = [0.5] }}\n[validation]\n\
         k_fold = {{ folds = {FOLDS}, shuffle = true, seed = {SEED} }}\n[network]\n\
         mlp = {{ hidden = {HIDDEN:?}, {} }}\n[train]\nepochs = {EPOCHS}\nbatch_size = {BATCH}\n\
         optimizer = {{ kind = \"{}\", lr = 0.001 }}\n[space]\n\"train.optimizer.lr\" = {RATES:?}\n\
         [selection]\nepoch = \"last\"\n[final]\nskip = true\n",
        variant.network, variant.optimizer
    )
}

/// The search by `python/search.py`.
fn peer(tool: &str, data: &Path) -> Outcome<Done> {
    let settings = json!({
        "data": data, "rows": ROWS, "epochs": EPOCHS, "rates": RATES, "folds": FOLDS, "seed": SEED, "hidden": HIDDEN,
        "batch": BATCH,
    });
    let start = now();
    let run = Command::new(interpreter())
        .arg(script("search.py"))
        .args([tool, &settings.to_string()])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("RAY_USAGE_STATS_ENABLED", "0")
        .output()
        .map_err(|error| format!("`{}`: {error}", interpreter()))?;
    let seconds = start.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&run.stdout);
    let last = text.lines().last().and_then(|line| serde_json::from_str::<Json>(line).ok());
    let Some(answer) = last.filter(|_| run.status.success()) else {
        let error = String::from_utf8_lossy(&run.stderr);
        return Err(error.lines().last().unwrap_or("it said nothing").to_owned().into());
    };
    let versions = answer["versions"].as_object().into_iter().flatten();
    let versions: Vec<String> =
        versions.map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or_default())).collect();
    Ok(Done {
        seconds,
        inside: answer["seconds"].as_f64(),
        accuracy: answer["accuracy"].as_f64().unwrap_or_default(),
        versions: versions.join(", "),
    })
}
