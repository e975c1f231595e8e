//! `[data]`: which rows a study learns from, and what is done to them before they are seen.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod files;
mod generated;
mod table;

pub use files::{ArraySpec, ChannelOrder, IdxSpec, ImagesSpec};
pub use generated::{BlobsSpec, FunctionSpec, GENERATED_ROWS_MAX, Spacing};
pub use table::{ColumnType, Missing, TableSpec, TargetColumns, Task};

/// Where the rows come from, of which exactly one is given, and what is done to them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// A dataset of the catalogue by name (see `foldwise data list`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Files in the IDX format of MNIST, plain or gzipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idx: Option<IdxSpec>,
    /// Comma-separated files with a header line, plain or gzipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csv: Option<TableSpec>,
    /// Parquet files with flat columns, with the settings of `csv`. A null, and a number that is NaN, is a missing value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parquet: Option<TableSpec>,
    /// NumPy's archives of arrays (`numpy.savez`, `numpy.savez_compressed`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub npz: Option<ArraySpec>,
    /// Arrays in files in the safetensors format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safetensors: Option<ArraySpec>,
    /// Folders of pictures, one folder per class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImagesSpec>,
    /// Rows of a function of one number: a regression whose truth is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionSpec>,
    /// Clouds of normally distributed points, one per class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blobs: Option<BlobsSpec>,
    /// The parcel that the files were sent in, by the BLAKE3 digest of its bytes; set by `foldwise submit`, which sends files
    /// that lie where it is called. Without one, files lie at their paths wherever they are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 64, max = 64), regex(pattern = r"^[0-9a-f]{64}$"))]
    pub parcel: Option<String>,
    /// Use only the first so many training rows. All by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2))]
    pub train_rows: Option<usize>,
    /// Use only the first so many test rows. All by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub test_rows: Option<usize>,
    /// Subtract a mean and divide by a deviation, after bytes were scaled to 0..1. Nothing is done by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,
    /// Permute the targets of the training rows among themselves, so that nothing is left to be learned: what a study
    /// finds then is chance or memory. Test rows stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle_labels: Option<ShuffleLabels>,
}

/// `(x − mean) / std`, per channel (pictures) or per feature (tables).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Normalize {
    /// Mean and standard deviation (of the population; a deviation of 0 counts as 1) of each channel or feature over the
    /// training rows of each run's fold alone, so that nothing of the validation rows leaks into them.
    Fitted,
    /// Numbers that are known.
    #[serde(untagged)]
    Fixed(FixedNormalize),
}

/// Means and deviations that are known. One value serves all channels or features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedNormalize {
    /// Means, one or one per channel.
    #[schemars(length(min = 1))]
    pub mean: Vec<f32>,
    /// Standard deviations, one or one per channel; none is zero.
    #[schemars(length(min = 1))]
    pub std: Vec<f32>,
}

/// How the targets of the training rows are permuted, after row limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShuffleLabels {
    /// The key of the permutation; 0 by default. It has nothing to do with the study's seed.
    #[serde(default)]
    pub seed: u64,
}

impl DataSpec {
    /// The names of all sources, of which a spec gives one.
    pub const SOURCES: [&str; 9] =
        ["dataset", "idx", "csv", "parquet", "npz", "safetensors", "images", "function", "blobs"];

    /// The names of the sources that are given.
    #[must_use]
    pub fn given(&self) -> Vec<&'static str> {
        let given = [
            self.dataset.is_some(),
            self.idx.is_some(),
            self.csv.is_some(),
            self.parquet.is_some(),
            self.npz.is_some(),
            self.safetensors.is_some(),
            self.images.is_some(),
            self.function.is_some(),
            self.blobs.is_some(),
        ];
        Self::SOURCES.into_iter().zip(given).filter_map(|(name, given)| given.then_some(name)).collect()
    }

    /// The files and folders that the rows are read from, in an order that is always the same.
    #[must_use]
    pub fn paths(&self) -> Vec<&Path> {
        let tables = [&self.csv, &self.parquet].into_iter().flatten();
        let arrays = [&self.npz, &self.safetensors].into_iter().flatten();
        let idx = self.idx.iter().flat_map(|idx| {
            let test = [idx.test_features.as_ref(), idx.test_labels.as_ref()];
            [Some(&idx.train_features), Some(&idx.train_labels)].into_iter().chain(test)
        });
        let all = idx
            .chain(tables.flat_map(|table| [Some(&table.train), table.test.as_ref()]))
            .chain(arrays.flat_map(|arrays| [Some(&arrays.train), arrays.test.as_ref()]))
            .chain(self.images.iter().flat_map(|images| [Some(&images.train), images.test.as_ref()]));
        all.flatten().map(PathBuf::as_path).collect()
    }

    /// The same rows with each path of [`DataSpec::paths`] replaced by what `place` says of its position and of it.
    #[must_use]
    pub fn placed(&self, mut place: impl FnMut(usize, &Path) -> PathBuf) -> Self {
        let mut spec = self.clone();
        let mut position = 0;
        let mut put = |path: Option<&mut PathBuf>| {
            if let Some(path) = path {
                *path = place(position, path);
                position += 1;
            }
        };
        if let Some(idx) = &mut spec.idx {
            put(Some(&mut idx.train_features));
            put(Some(&mut idx.train_labels));
            put(idx.test_features.as_mut());
            put(idx.test_labels.as_mut());
        }
        for table in [&mut spec.csv, &mut spec.parquet].into_iter().flatten() {
            put(Some(&mut table.train));
            put(table.test.as_mut());
        }
        for arrays in [&mut spec.npz, &mut spec.safetensors].into_iter().flatten() {
            put(Some(&mut arrays.train));
            put(arrays.test.as_mut());
        }
        if let Some(images) = &mut spec.images {
            put(Some(&mut images.train));
            put(images.test.as_mut());
        }
        spec
    }

    /// The known means and deviations, where they are given.
    #[must_use]
    pub fn fixed_normalize(&self) -> Option<&FixedNormalize> {
        match &self.normalize {
            Some(Normalize::Fixed(fixed)) => Some(fixed),
            Some(Normalize::Fitted) | None => None,
        }
    }

    /// What the rows are called where people read it: the dataset, the file or folder that they come from, or what they
    /// are generated by.
    #[must_use]
    pub fn rows_name(&self) -> String {
        let path = self
            .table()
            .map(|table| table.train.as_path())
            .or(self.idx.as_ref().map(|idx| idx.train_features.as_path()))
            .or(self.npz.as_ref().or(self.safetensors.as_ref()).map(|arrays| arrays.train.as_path()))
            .or(self.images.as_ref().map(|images| images.train.as_path()));
        let generated = || {
            let function = self.function.as_ref().map(|function| format!("y = {}", function.expression));
            function.or(self.blobs.as_ref().map(|blobs| format!("{} blobs", blobs.classes)))
        };
        let read = self.dataset.clone().or(path.map(|path: &Path| path.display().to_string()));
        read.or_else(generated).unwrap_or_default()
    }

    /// The table's settings, where the rows are a table's.
    #[must_use]
    pub fn table(&self) -> Option<&TableSpec> {
        self.csv.as_ref().or(self.parquet.as_ref())
    }
}
