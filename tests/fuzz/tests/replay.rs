//! Every input that was worth keeping, and every one that ever broke a promise, tried again within bounded memory.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod memory;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use foldwise_fuzz::{INPUT_BYTES_MAX, TARGETS, Target};

/// What one input may take: inputs are small, and so should be what is made of them.
const MEMORY_BYTES_MAX: usize = 256 << 20;
/// What all kept inputs of one target may take, so that the checkout stays small.
const KEPT_BYTES_MAX: u64 = 400_000;

/// The memory is counted for the whole process, so that only one target is tried at a time.
static ONE: Mutex<()> = Mutex::new(());

fn inputs(kind: &str, target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target);
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn replay(name: &str) {
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let &(_, body): &Target = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let kept = inputs("corpus", name);
    assert!(!kept.is_empty(), "{name} has inputs");
    let bytes: u64 = kept.iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(bytes <= KEPT_BYTES_MAX, "the inputs of {name} take {bytes} bytes");
    // What is made once, such as a database, is not the input's.
    body(&[]);
    for path in kept.into_iter().chain(inputs("found", name)) {
        let input = fs::read(&path).unwrap();
        assert!(input.len() <= INPUT_BYTES_MAX, "{}", path.display());
        println!("{}", path.display());
        let peak = memory::peak(|| body(&input));
        assert!(peak <= MEMORY_BYTES_MAX, "{} took {peak} bytes", path.display());
    }
}

macro_rules! replayed {
    ($($target:ident),*) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target));
        })*

        #[test]
        fn every_target_is_replayed() {
            let mut names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            assert_eq!(names, [$(stringify!($target)),*]);
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("libfuzzer/targets");
            let mut driven: Vec<String> = fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
                .collect();
            driven.sort();
            assert_eq!(driven, names, "libFuzzer drives the same targets");
        }
    };
}

replayed!(arrays, command, csv, expression, gzip, idx, pipe, rows, spec_json, spec_toml, spec_yaml);
