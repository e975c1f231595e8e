//! Fetching: brings a catalogue dataset's files into the cache, by the first roads that lead to them.
//!
//! A file counts only under its final name, which it gets by a rename after its checksum was right. One process at
//! a time fetches a dataset; the others wait at its lock file and then find it there.

use std::fmt;
use std::fs::{self, File as FsFile, TryLockError};
use std::path::{Path, PathBuf};

use crate::cache::Cache;
use crate::catalogue::{self, Entry, File, Road};
use crate::content::{self, Content};
use crate::error::DataError;

mod http;
mod package;
mod place;
mod tool;

/// What happens while a dataset is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchEvent {
    /// Another process is fetching the dataset; this one waits for it.
    Waiting,
    /// A road is tried: an address, or a package and its tool.
    Road {
        /// The road.
        road: String,
    },
    /// A road did not lead to every file.
    RoadFailed(RoadFailure),
    /// Bytes of a download have arrived.
    Received {
        /// The file.
        file: String,
        /// So many compressed bytes are there.
        bytes: u64,
        /// Of so many, where the server says so.
        bytes_total: Option<u64>,
    },
    /// A file has its published checksum and is in the cache.
    Placed {
        /// The file.
        file: String,
    },
}

/// A road that did not lead to every file, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoadFailure {
    /// The road.
    pub road: String,
    /// The reason.
    pub reason: String,
}

impl fmt::Display for FetchEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("another process is fetching this dataset: waiting for it"),
            Self::Road { road } => write!(f, "fetching from {road}"),
            Self::RoadFailed(RoadFailure { road, reason }) => write!(f, "{road}: {reason}"),
            Self::Received { file, bytes, bytes_total: Some(total) } => {
                write!(f, "{file}: {bytes} of {total} bytes")
            }
            Self::Received { file, bytes, bytes_total: None } => write!(f, "{file}: {bytes} bytes"),
            Self::Placed { file } => write!(f, "{file} is in the cache"),
        }
    }
}

/// The failures as lines of a message.
pub(crate) fn list_failures(failures: &[RoadFailure]) -> String {
    failures.iter().map(|failure| format!("\n  {}: {}", failure.road, failure.reason)).collect()
}

/// Brings a dataset of the catalogue into the cache, unless it is there, and returns its folder.
///
/// # Errors
/// An unknown dataset, a given folder that lacks it, a cache that cannot be written, or no road that led to it.
pub fn fetch(name: &str, cache: &Cache, progress: &mut dyn FnMut(FetchEvent)) -> Result<PathBuf, DataError> {
    fetch_entry(catalogue::entry(name)?, cache, progress)
}

/// Checks every file of a dataset against its published checksum, fetches nothing, and returns its folder.
///
/// # Errors
/// An unknown dataset, or a file that is missing or not the published one.
pub fn verify(name: &str, cache: &Cache) -> Result<PathBuf, DataError> {
    let entry = catalogue::entry(name)?;
    let folder = cache.dataset_folder(name);
    entry.files.iter().try_for_each(|file| verify_file(entry, file, &folder))?;
    Ok(folder)
}

/// As [`fetch`], but takes files that are there without looking into them: who reads them checks them.
pub(crate) fn ensure(
    entry: &Entry,
    cache: &Cache,
    progress: &mut dyn FnMut(FetchEvent),
) -> Result<PathBuf, DataError> {
    let folder = cache.dataset_folder(entry.name);
    if entry.files.iter().all(|file| present(&folder, file).is_some()) {
        return Ok(folder);
    }
    fetch_entry(entry, cache, progress)
}

/// Where a file lies, plain or gzipped.
pub(crate) fn present(folder: &Path, file: &File) -> Option<PathBuf> {
    [folder.join(file.name), folder.join(format!("{}.gz", file.name))].into_iter().find(|path| path.is_file())
}

/// The content, if it is the published one.
pub(crate) fn check(entry: &Entry, file: &File, content: Content, path: &Path) -> Result<Content, DataError> {
    if content.sha256 == file.sha256 {
        return Ok(content);
    }
    Err(DataError::Checksum {
        name: entry.name.to_owned(),
        path: path.to_owned(),
        expected: file.sha256.to_owned(),
        found: content.sha256,
    })
}

fn verify_file(entry: &Entry, file: &File, folder: &Path) -> Result<(), DataError> {
    let path = present(folder, file)
        .ok_or_else(|| DataError::Missing { name: entry.name.to_owned(), path: folder.join(file.name) })?;
    check(entry, file, content::read(&path, file.bytes)?, &path).map(drop)
}

fn fetch_entry(
    entry: &Entry,
    cache: &Cache,
    progress: &mut dyn FnMut(FetchEvent),
) -> Result<PathBuf, DataError> {
    let folder = cache.dataset_folder(entry.name);
    if cache.is_given() {
        return match entry.files.iter().try_for_each(|file| verify_file(entry, file, &folder)) {
            Ok(()) => Ok(folder),
            Err(reason) => {
                Err(DataError::GivenFolder { folder: cache.folder().to_owned(), reason: Box::new(reason) })
            }
        };
    }
    fs::create_dir_all(&folder).map_err(DataError::write(&folder))?;
    let _lock = lock(&folder, progress)?;
    let failures = walk(entry, &folder, progress)?;
    if wanted(entry, &folder).is_empty() {
        sweep(&folder);
        return Ok(folder);
    }
    Err(DataError::Fetch {
        name: entry.name.to_owned(),
        files: entry.files.iter().map(|file| file.name).collect::<Vec<_>>().join(", "),
        failures,
    })
}

/// Removes what interrupted fetches left. It counts for nothing, so that a rest that stays does no harm.
fn sweep(folder: &Path) {
    let rests = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    for path in rests.map(|rest| rest.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".part") || name.ends_with(".new") {
            let _ = fs::remove_file(&path);
        } else if name.starts_with(package::SCRATCH_PREFIX) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Holds the dataset's lock until the returned file is dropped, or the process ends.
fn lock(folder: &Path, progress: &mut dyn FnMut(FetchEvent)) -> Result<FsFile, DataError> {
    let path = folder.join(".lock");
    let failed = || DataError::write(&path);
    let file = FsFile::create(&path).map_err(failed())?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => progress(FetchEvent::Waiting),
        Err(TryLockError::Error(reason)) => return Err(failed()(reason)),
    }
    file.lock().map_err(failed())?;
    Ok(file)
}

/// Tries the roads in order until every file is there; returns those that failed.
fn walk(
    entry: &Entry,
    folder: &Path,
    progress: &mut dyn FnMut(FetchEvent),
) -> Result<Vec<RoadFailure>, DataError> {
    let mut failures = Vec::new();
    for road in entry.roads {
        let files = wanted(entry, folder);
        if files.is_empty() {
            break;
        }
        progress(FetchEvent::Road { road: road.to_string() });
        let walked = match road {
            Road::Http { base } => http::fetch(base, &files, folder, progress),
            Road::Debian { package, folder: inner } => {
                package::debian(package, inner, &files, folder, progress)
            }
            Road::Npm { package, folder: inner } => package::npm(package, inner, &files, folder, progress),
        };
        match walked {
            Ok(()) => {}
            Err(place::Obstacle::Cache(error)) => return Err(error),
            Err(place::Obstacle::Road(reason)) => {
                let failure = RoadFailure { road: road.to_string(), reason };
                progress(FetchEvent::RoadFailed(failure.clone()));
                failures.push(failure);
            }
        }
    }
    Ok(failures)
}

/// The files that are missing or not the published ones.
fn wanted<'a>(entry: &'a Entry, folder: &Path) -> Vec<&'a File> {
    entry.files.iter().filter(|file| verify_file(entry, file, folder).is_err()).collect()
}

impl fmt::Display for Road {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { base } => f.write_str(base),
            Self::Debian { package, .. } => write!(f, "Debian package {package}"),
            Self::Npm { package, .. } => write!(f, "npm package {package}"),
        }
    }
}

#[cfg(test)]
mod tests;
