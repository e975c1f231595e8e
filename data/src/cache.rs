//! Where datasets lie on this machine. The only file of this crate that reads the environment.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::DataError;

/// The environment variable that names a folder of datasets which is only read.
pub const DATA_VARIABLE: &str = "FOLDWISE_DATA";

/// A folder with one folder per dataset of the catalogue, `<folder>/<dataset>/<file>` (or `<file>.gz`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
    given: bool,
}

impl Cache {
    /// A cache of Foldwise's own: datasets are fetched into it.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), given: false }
    }

    /// A folder that someone else keeps: it is only read.
    pub fn given(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), given: true }
    }

    /// The folder that [`DATA_VARIABLE`] gives, else `foldwise/data` in the user's cache (`$XDG_CACHE_HOME` or
    /// `~/.cache`).
    ///
    /// # Errors
    /// [`DataError::NoCache`] where none of these is known.
    pub fn from_environment() -> Result<Self, DataError> {
        Self::choose(|name| env::var_os(name).map(PathBuf::from))
    }

    fn choose(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Self, DataError> {
        let set = |name: &str| variable(name).filter(|path| !path.as_os_str().is_empty());
        if let Some(folder) = set(DATA_VARIABLE) {
            return Ok(Self::given(folder));
        }
        let caches = set("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .ok_or(DataError::NoCache)?;
        Ok(Self::at(caches.join("foldwise").join("data")))
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the folder is only read.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.given
    }

    /// Where a dataset's files lie or will lie.
    #[must_use]
    pub fn dataset_folder(&self, dataset: &str) -> PathBuf {
        self.folder.join(dataset)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Cache;
    use crate::DataError;

    fn choose(variables: &[(&str, &str)]) -> Result<Cache, DataError> {
        Cache::choose(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value))
        })
    }

    #[test]
    fn the_given_folder_wins_and_is_only_read() {
        let cache =
            choose(&[("FOLDWISE_DATA", "/data"), ("XDG_CACHE_HOME", "/xdg"), ("HOME", "/home/me")]).unwrap();
        assert_eq!(cache, Cache::given("/data"));
    }

    #[test]
    fn the_users_cache_is_the_default() {
        let xdg = choose(&[("FOLDWISE_DATA", ""), ("XDG_CACHE_HOME", "/xdg"), ("HOME", "/home/me")]).unwrap();
        assert_eq!(xdg, Cache::at("/xdg/foldwise/data"));
        let relative = choose(&[("XDG_CACHE_HOME", "xdg"), ("HOME", "/home/me")]).unwrap();
        assert_eq!(relative, Cache::at("/home/me/.cache/foldwise/data"));
        assert!(matches!(choose(&[]), Err(DataError::NoCache)));
    }
}
