//! `cargo xtask fuzz`: bad bytes for everything that reads bytes, with libFuzzer. For development; CI replays the kept
//! inputs alone, as ordinary tests of `foldwise-fuzz`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Args;

use crate::error::TaskError;
use crate::step;
use crate::workspace::Workspace;

mod summary;

use summary::Summary;

/// What is fuzzed, and how long.
#[derive(Debug, Args)]
pub(crate) struct FuzzArguments {
    /// The targets; all of them by default (a file each in tests/fuzz/libfuzzer/targets)
    targets: Vec<String>,
    /// Inputs to run per target
    #[arg(long, default_value_t = 1_000_000)]
    runs: u64,
    /// Afterwards keep the fewest inputs that reach as much, in tests/fuzz/corpus
    #[arg(long)]
    keep: bool,
}

/// The fuzz targets' own workspace.
const MANIFEST: &str = "tests/fuzz/libfuzzer/Cargo.toml";
/// Folders of inputs, by target.
const CORPUS: &str = "tests/fuzz/corpus";
/// Inputs that once found something, by target.
const FOUND: &str = "tests/fuzz/found";
/// Words that texts are made of.
const DICTIONARIES: &str = "tests/fuzz/dictionaries";
/// Where Cargo builds and libFuzzer writes, below the root.
const BUILT: &str = "target/fuzz";

/// What libFuzzer and the address sanitizer need of the compiler, and checks of arithmetic as in a debug build.
const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address -Ccodegen-units=1 -Cdebug-assertions \
    -Coverflow-checks";

/// Limits of one input: its length, the seconds and the memory that it may take.
const LIMITS: [&str; 4] = ["-max_len=65536", "-timeout=10", "-malloc_limit_mb=512", "-rss_limit_mb=2048"];

/// SQLite is built with names that stand twice on purpose; what a process keeps to its end is no leak.
const ASAN_OPTIONS: &str = "detect_odr_violation=0:detect_leaks=0";

/// Inputs that are kept reach new code; how often is not counted, so that they stay few.
const KEEP: [&str; 4] = ["-set_cover_merge=1", "-use_counters=0", "-use_cmp=0", "-max_len=4096"];
/// The most inputs that are kept of a target: each is a file of the checkout.
const KEPT_MAX: usize = 200;

/// Runs the targets one after the other. Each ends at its first finding, and then so does the task: with an error.
pub(crate) fn run(workspace: &Workspace, arguments: &FuzzArguments) -> Result<ExitCode, TaskError> {
    let targets = chosen(&workspace.root().join(MANIFEST).with_file_name("targets"), &arguments.targets)?;
    let host = host(workspace)?;
    build(workspace, &host)?;
    let programs = workspace.root().join(BUILT).join(host).join("release");
    let mut found_any = false;
    let mut summaries = Vec::new();
    for target in &targets {
        let summary = fuzz(workspace, &programs.join(target), target, arguments.runs)?;
        println!("{}", summary.line(target));
        found_any |= !summary.found.is_empty();
        summaries.push(summary);
        if arguments.keep {
            keep(workspace, &programs.join(target), target)?;
        }
    }
    println!("\n{}", Summary::HEAD);
    targets.iter().zip(&summaries).for_each(|(target, summary)| println!("{}", summary.line(target)));
    for (target, summary) in targets.iter().zip(&summaries) {
        for input in &summary.found {
            println!(
                "{target}: {} breaks a promise; fix it, then move the file to {FOUND}/{target}/",
                input.display()
            );
        }
    }
    Ok(if found_any { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The targets that are asked for, all by default.
fn chosen(folder: &Path, asked: &[String]) -> Result<Vec<String>, TaskError> {
    let mut known: Vec<String> = files(folder)
        .iter()
        .filter_map(|file| file.file_stem().map(|name| name.to_string_lossy().into_owned()))
        .collect();
    known.sort();
    if let Some(unknown) = asked.iter().find(|target| !known.contains(target)) {
        let reason = format!("there is no target `{unknown}`; there are {}", known.join(", "));
        return Err(TaskError::Fuzz { reason });
    }
    Ok(if asked.is_empty() { known } else { asked.to_vec() })
}

/// The nightly compiler's host, or what is missing.
fn host(workspace: &Workspace) -> Result<String, TaskError> {
    let refuse = |reason: &str| TaskError::Fuzz { reason: reason.to_owned() };
    let nightly = workspace.command("rustup").args(["run", "nightly", "rustc", "-vV"]).output();
    let Some(version) = nightly.ok().filter(|output| output.status.success()) else {
        return Err(refuse("it needs a nightly compiler: `rustup toolchain install nightly`"));
    };
    let compiler = |name: &str| {
        let quiet = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        quiet.is_ok_and(|status| status.success())
    };
    if !["c++", "g++", "clang++"].into_iter().any(compiler) {
        return Err(refuse("it needs a C++ compiler for libFuzzer: install g++ or clang++"));
    }
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| refuse("the nightly compiler does not name its host"))
}

fn build(workspace: &Workspace, host: &str) -> Result<(), TaskError> {
    // What is fuzzed is what ships: the versions of the workspace's own lock file.
    let lock = workspace.root().join("Cargo.lock");
    fs::copy(&lock, workspace.root().join(MANIFEST).with_file_name("Cargo.lock"))
        .map_err(|error| TaskError::Fuzz { reason: format!("could not copy {}: {error}", lock.display()) })?;
    let mut cargo = workspace.command("rustup");
    cargo.args(["run", "nightly", "cargo", "build", "--release", "--manifest-path", MANIFEST]);
    cargo.args(["--target", host, "--target-dir", BUILT]).env("RUSTFLAGS", RUSTFLAGS);
    step::run("build", &mut cargo)
}

fn fuzz(workspace: &Workspace, program: &Path, target: &str, runs: u64) -> Result<Summary, TaskError> {
    let built = workspace.root().join(BUILT);
    let (grown, new) = (built.join("corpus").join(target), built.join("found").join(target));
    let log = built.join(format!("{target}.log"));
    let failed = |error: std::io::Error| TaskError::Fuzz { reason: format!("{}: {error}", built.display()) };
    fs::create_dir_all(&grown).and_then(|()| fs::create_dir_all(&new)).map_err(failed)?;
    let before = files(&new);
    let mut command = workspace.command(program);
    command.args([&grown, &workspace.root().join(CORPUS).join(target)]);
    let known = workspace.root().join(FOUND).join(target);
    command.args(known.exists().then_some(known)).args(LIMITS);
    command.arg(format!("-runs={runs}")).arg(format!("-artifact_prefix={}/", new.display()));
    let words = workspace.root().join(DICTIONARIES).join(target.split('_').next().unwrap_or(target));
    command.args(words.exists().then(|| format!("-dict={}", words.display()))).arg("-print_final_stats=1");
    settle(&mut command);
    command.stdout(Stdio::null()).stderr(File::create(&log).map_err(failed)?);
    println!("==> {target}: {runs} inputs; see {}", log.display());
    let (_, time) = step::time(target, &mut command)?;
    let found = files(&new).into_iter().filter(|file| !before.contains(file)).collect();
    Ok(Summary::of(&fs::read_to_string(&log).map_err(failed)?, time, found))
}

/// What a target's program is told by its environment.
fn settle(command: &mut Command) {
    command.env("ASAN_OPTIONS", ASAN_OPTIONS);
    // Readers of files are given files; in memory they cost least.
    let memory = Path::new("/dev/shm");
    command.envs(memory.is_dir().then_some(("TMPDIR", memory)));
}

/// Puts the fewest inputs that reach as much as all of them into the checkout, beside those that a person wrote. Where
/// they are too many, the longest stay: they reach most.
fn keep(workspace: &Workspace, program: &Path, target: &str) -> Result<(), TaskError> {
    let kept = workspace.root().join(CORPUS).join(target);
    let fresh = workspace.root().join(BUILT).join("kept").join(target);
    let failed = |error: std::io::Error| TaskError::Fuzz { reason: format!("{}: {error}", kept.display()) };
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(failed)?;
    }
    fs::create_dir_all(&fresh).map_err(failed)?;
    let mut merge = workspace.command(program);
    merge.args(KEEP).args([&fresh, &kept, &workspace.root().join(BUILT).join("corpus").join(target)]);
    settle(&mut merge);
    merge.stdout(Stdio::null()).stderr(Stdio::null());
    step::run("keep", &mut merge)?;
    let (digests, written): (Vec<PathBuf>, Vec<PathBuf>) =
        files(&kept).into_iter().partition(|file| is_digest(file));
    for file in digests {
        fs::remove_file(file).map_err(failed)?;
    }
    let mut found = files(&fresh);
    found.sort_by_key(|file| std::cmp::Reverse(file.metadata().map_or(0, |metadata| metadata.len())));
    for file in found.iter().take(KEPT_MAX.saturating_sub(written.len())) {
        fs::copy(file, kept.join(file.file_name().unwrap_or_default())).map_err(failed)?;
    }
    Ok(())
}

/// Whether libFuzzer named a file: by its sha1.
fn is_digest(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.len() == 40 && name.chars().all(|c| c.is_ascii_hexdigit())
}

/// The files of a folder; none where there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}
