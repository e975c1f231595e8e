//! The house rules that a machine can check.

use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import of the others.
const ARROWS: [(&str, &[&str]); 9] = [
    ("proto", &[]),
    ("line", &[]),
    ("traces", &["foldwise-line"]),
    ("study", &[]),
    ("data", &["foldwise-study"]),
    ("report", &["foldwise-study"]),
    // `line` in its tests, which call it as others do.
    (
        "coordinator",
        &[
            "foldwise-data",
            "foldwise-line",
            "foldwise-proto",
            "foldwise-report",
            "foldwise-study",
            "foldwise-traces",
        ],
    ),
    ("worker", &["foldwise-data", "foldwise-line", "foldwise-proto", "foldwise-study", "foldwise-traces"]),
    (
        "cli",
        &[
            "foldwise-coordinator",
            "foldwise-data",
            "foldwise-line",
            "foldwise-proto",
            "foldwise-report",
            "foldwise-study",
            "foldwise-traces",
        ],
    ),
];

/// Longer files are two nouns in one.
const LINES_MAX: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    written_in(".rs", folder, found);
}

fn written_in(language: &str, folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("reads") {
        let path = entry.expect("entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            written_in(language, &path, found);
        } else if name.ends_with(language) {
            found.push(path);
        }
    }
}

#[test]
fn arrows_between_rooms_go_down_only() {
    for (room, allowed) in ARROWS {
        let manifest = fs::read_to_string(root().join(room).join("Cargo.toml")).expect("manifest");
        for line in manifest.lines().filter(|line| line.starts_with("foldwise-")) {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            assert!(allowed.contains(&name), "{room} must not import {name}");
        }
    }
    let ground = fs::read_to_string(root().join("study/Cargo.toml")).expect("manifest");
    for forbidden in ["tokio", "tch", "tonic"] {
        assert!(!ground.lines().any(|line| line.starts_with(forbidden)), "study must not know {forbidden}");
    }
}

#[test]
fn no_file_holds_more_than_one_room() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    assert!(files.len() > 50, "found the sources");
    for file in files {
        let lines = fs::read_to_string(&file).expect("reads").lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", file.display());
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).expect("reads");
        assert!(text.starts_with("//!"), "{} does not begin with what it is for", file.display());
    }
}

#[test]
fn the_python_client_keeps_the_same_rules() {
    let mut files = Vec::new();
    written_in(".py", &root().join("clients"), &mut files);
    // What protobuf's compiler makes has its own form.
    files.retain(|file| !file.to_string_lossy().ends_with("_pb2.py"));
    assert!(files.len() > 20, "found the client");
    for file in files {
        let text = fs::read_to_string(&file).expect("reads");
        assert!(text.lines().count() <= LINES_MAX, "{} is too long", file.display());
        assert!(text.starts_with("\"\"\""), "{} does not begin with what it is for", file.display());
    }
}

#[test]
fn unsafe_code_stands_where_a_foreign_library_is_called() {
    let mut files = Vec::new();
    sources(&root().join("worker/src"), &mut files);
    let mut with: Vec<_> = files
        .into_iter()
        .filter(|file| fs::read_to_string(file).expect("reads").contains("unsafe {"))
        .map(|file| file.file_name().expect("name").to_owned())
        .collect();
    with.sort();
    // libtorch's settings and library, the C library's allocator, and the memory of libtorch's tensors.
    assert_eq!(with, ["cuda.rs", "host.rs", "memory.rs"]);
    let mut files = Vec::new();
    sources(&root().join("coordinator"), &mut files);
    files.retain(|file| fs::read_to_string(file).expect("reads").contains("unsafe {"));
    // An allocator that counts, in a test.
    assert!(matches!(&files[..], [only] if only.ends_with("tests/allocations.rs")), "{files:?}");
}

#[test]
fn the_readme_starts_with_the_two_commands() {
    let readme = fs::read_to_string(root().join("README.md")).expect("reads");
    let demo = readme.find("cargo xtask demo").expect("names the demo");
    let test = readme.find("cargo xtask test").expect("names the tests");
    assert!(demo < 1500 && test < 1500, "the two commands come first");
}
