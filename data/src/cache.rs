//! Where datasets lie on this machine. The only file of this crate that reads the environment.

use std::borrow::Cow;
use std::env;
use std::path::{Path, PathBuf};

use foldwise_study::spec::data::DataSpec;

use crate::error::DataError;
use crate::parcel::{self, Shelf};

/// The environment variable that names a folder of datasets which is only read.
pub const DATA_VARIABLE: &str = "FOLDWISE_DATA";

/// The folder of parcels in a cache.
const PARCELS: &str = "parcels";

/// A folder with one folder per dataset of the catalogue, `<folder>/<dataset>/<file>` (or `<file>.gz`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
    given: bool,
    shelf: Shelf,
}

/// What the shelf of parcels keeps unless something else is said.
const SHELF_BYTES: u64 = 32 << 30;

impl Cache {
    /// A cache of Foldwise's own: datasets are fetched into it.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        let shelf = Shelf::at(folder.join(PARCELS), SHELF_BYTES);
        Self { folder, given: false, shelf }
    }

    /// A folder that someone else keeps: it is only read.
    pub fn given(folder: impl Into<PathBuf>) -> Self {
        let shelf = Shelf::at(env::temp_dir().join("foldwise").join(PARCELS), SHELF_BYTES);
        Self { folder: folder.into(), given: true, shelf }
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
        let caches = set("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .map(|caches| caches.join("foldwise"));
        let shelf = caches.as_ref().map(|caches| Shelf::at(caches.join(PARCELS), SHELF_BYTES));
        if let Some(folder) = set(DATA_VARIABLE) {
            let given = Self::given(folder);
            return Ok(match shelf {
                Some(shelf) => Self { shelf, ..given },
                None => given,
            });
        }
        let (Some(caches), Some(shelf)) = (caches, shelf) else { return Err(DataError::NoCache) };
        Ok(Self { shelf, ..Self::at(caches.join("data")) })
    }

    /// The same with a shelf of parcels that keeps so many bytes.
    #[must_use]
    pub fn keeping(self, parcel_bytes: u64) -> Self {
        Self { shelf: self.shelf.limited(parcel_bytes), ..self }
    }

    /// The same with its parcels in another folder.
    #[must_use]
    pub fn with_parcels_in(self, folder: impl Into<PathBuf>) -> Self {
        Self { shelf: Shelf::at(folder, SHELF_BYTES), ..self }
    }

    /// Where parcels lie that this machine was sent.
    #[must_use]
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The spec with the paths of its parcel's files, where it names one.
    pub(crate) fn placed<'a>(&self, spec: &'a DataSpec) -> Result<Cow<'a, DataSpec>, DataError> {
        let Some(digest) = &spec.parcel else { return Ok(Cow::Borrowed(spec)) };
        let files =
            self.shelf.files(digest)?.ok_or_else(|| DataError::NoParcel { digest: digest.clone() })?;
        Ok(Cow::Owned(parcel::placed(spec, &files)))
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
        assert_eq!(cache, Cache::given("/data").with_parcels_in("/xdg/foldwise/parcels"));
    }

    #[test]
    fn the_users_cache_is_the_default() {
        let xdg = choose(&[("FOLDWISE_DATA", ""), ("XDG_CACHE_HOME", "/xdg"), ("HOME", "/home/me")]).unwrap();
        assert_eq!(xdg, Cache::at("/xdg/foldwise/data").with_parcels_in("/xdg/foldwise/parcels"));
        let relative = choose(&[("XDG_CACHE_HOME", "xdg"), ("HOME", "/home/me")]).unwrap();
        let home = Cache::at("/home/me/.cache/foldwise/data");
        assert_eq!(relative, home.with_parcels_in("/home/me/.cache/foldwise/parcels"));
        assert!(matches!(choose(&[]), Err(DataError::NoCache)));
    }
}
