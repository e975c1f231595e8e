//! Commands for tests: shell scripts that report what they are told to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

/// What every script begins with: `epoch N` and `done` report, and `say` writes a line.
const HEAD: &str = r#"#!/bin/sh
say() { echo "$1" >&"$FOLDWISE_REPORT_FD"; }
held_out() { grep -q '"validation_rows": null' "$FOLDWISE_JOB" || echo ',"validation":{"loss":0.5,"accuracy":0.75}'; }
epoch() { say "{\"epoch\":$1,\"train\":{\"loss\":0.25}$(held_out)}"; }
final() { grep -q '"stage": "final"' "$FOLDWISE_JOB"; }
done_() { test=; grep -q '"test": null' "$FOLDWISE_JOB" || test=',"test":{"loss":0.5,"accuracy":0.5}'
          if final; then echo learned > model.bin; say "{\"done\":true,\"weights\":\"model.bin\"$test}"
          else say "{\"done\":true$test}"; fi; }
"#;

/// A folder of commands that a worker allows.
#[derive(Debug)]
pub struct Commands(TempDir);

impl Commands {
    /// A folder with one script, `train.sh`, of these lines.
    #[must_use]
    pub fn of(lines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.sh");
        fs::write(&path, format!("{HEAD}{lines}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    /// Where it lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// The same as text.
    #[must_use]
    pub fn path(&self) -> String {
        self.0.path().display().to_string()
    }

    /// A study named `own` with the script as its command, on three folds; `more` are further sections.
    #[must_use]
    pub fn study(epochs: u32, more: &str) -> String {
        format!(
            "name = \"own\"\n[data]\nblobs = {{ classes = 2, features = 2, rows = 30, test_rows = 6 }}\n[validation]\n\
             k_fold = {{ folds = 3, seed = 1 }}\n[command]\nprogram = [\"train.sh\"]\nepochs = {epochs}\n\
             [command.parameters]\nlr = 0.1\n{more}"
        )
    }
}
