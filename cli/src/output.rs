//! What is written to the standard output. A reader that goes away (`| head`) is not an error.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Why an answer could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// Nobody reads any more.
    #[error("the output was closed")]
    Closed,
    /// The standard output.
    #[error("cannot write to the standard output: {0}")]
    Stdout(io::Error),
    /// A file to read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes a text and ends its last line.
pub(crate) fn print(text: &str) -> Result<(), OutputError> {
    print_bytes(text.as_bytes())
}

/// Writes bytes as they are, and ends their last line.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    let end: &[u8] = if bytes.last().is_none_or(|&last| last == b'\n') { b"" } else { b"\n" };
    let written = out.write_all(bytes).and_then(|()| out.write_all(end)).and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => OutputError::Closed,
        _ => OutputError::Stdout(error),
    })
}

/// Writes a value as JSON, indented.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), OutputError> {
    let text = serde_json::to_string_pretty(value);
    print(&text.map_err(|error| OutputError::Stdout(error.into()))?)
}

/// Writes a value as JSON in one line.
pub(crate) fn print_json_line(value: &impl Serialize) -> Result<(), OutputError> {
    let text = serde_json::to_string(value);
    print(&text.map_err(|error| OutputError::Stdout(error.into()))?)
}

/// Writes a file as a whole or not at all.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let fail = |source| OutputError::File { path: path.to_owned(), source };
    let mut file = new_file(path)?;
    file.write_all(bytes).map_err(fail)?;
    keep_file(file, path)
}

/// A file beside `path`, which [`keep_file`] puts in its place and which is gone otherwise.
pub(crate) fn new_file(path: &Path) -> Result<tempfile::NamedTempFile, OutputError> {
    let fail = |source| OutputError::File { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(fail)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(".foldwise-").tempfile_in(folder).map_err(fail)
}

/// Puts a finished file in its place.
pub(crate) fn keep_file(file: tempfile::NamedTempFile, path: &Path) -> Result<(), OutputError> {
    let kept = file.persist(path);
    kept.map(drop).map_err(|error| OutputError::File { path: path.to_owned(), source: error.error })
}
