//! Why libtorch could not be set up.

use std::io;
use std::path::{Path, PathBuf};

/// libtorch could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// The user's `LIBTORCH` does not serve.
    #[error("LIBTORCH={} does not serve: {reason}. Point it at a libtorch {}, or unset it", path.display(), super::VERSION)]
    Given { path: PathBuf, reason: String },
    /// Every road failed.
    #[error(
        "no libtorch {version} was found or fetched:{failures}\nUnpack libtorch {version} yourself and set LIBTORCH to \
         its folder, or install PyTorch {version} for `python3`",
        version = super::VERSION
    )]
    Roads { failures: String },
    /// A folder of the cache could not be written.
    #[error("could not write {}: {reason}", path.display())]
    Write { path: PathBuf, reason: io::Error },
    /// Something else is where the link belongs.
    #[error("{} is no link and no libtorch {}: move it away", path.display(), super::VERSION)]
    LinkTaken { path: PathBuf },
    /// There is nowhere to put libtorch.
    #[error("the user's cache folder is not known: set XDG_CACHE_HOME or HOME")]
    NoCache,
}

impl SetupError {
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |reason| Self::Write { path, reason }
    }
}

/// A road that did not lead to libtorch, and why.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) road: String,
    pub(super) reason: String,
}

/// The failures as lines of a message.
pub(super) fn list(failures: &[Failure]) -> String {
    failures.iter().map(|failure| format!("\n  {}: {}", failure.road, failure.reason)).collect()
}
