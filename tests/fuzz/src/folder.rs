//! A folder of this process, for readers that take files.

use std::path::PathBuf;
use std::{fs, process};

use tempfile::TempDir;

/// Files that are written again and again.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        let prefix = format!("foldwise-fuzz-{}-", process::id());
        Self(tempfile::Builder::new().prefix(&prefix).tempdir().expect("a folder for temporary files"))
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.0.path()
    }

    /// Writes a file and says where it is.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).expect("the folder takes a file");
        path
    }
}
