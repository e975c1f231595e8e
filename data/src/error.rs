//! What can go wrong between a spec's `[data]` and rows in memory.

use std::io;
use std::path::{Path, PathBuf};

use foldwise_study::spec::data::DataSpec;

use crate::arrays::ArrayProblem;
use crate::fetch::{RoadFailure, list_failures};
use crate::generated::ExpressionProblem;
use crate::idx::IdxProblem;
use crate::images::ImageProblem;
use crate::parcel::{PARCEL_BYTES_MAX, PARCEL_FILES_MAX, ShelfError};
use crate::tabular::TableProblem;

/// A dataset that could not be described, fetched or read. The message holds the reason and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The spec names no source of rows, or several.
    #[error("[data] must name exactly one source of rows: give one of `{}`", DataSpec::SOURCES.join("`, `"))]
    Source,
    /// No such dataset in the catalogue.
    #[error(
        "no dataset of the catalogue is named `{name}`; it holds {known}. Files of your own go into `idx`, `csv`, `parquet`, \
         `npz`, `safetensors` or `images`"
    )]
    UnknownDataset {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The limit is above what exists.
    #[error(
        "data.{field} asks for {asked} rows of `{name}`, which has {rows}: lower the limit or leave it out"
    )]
    TooManyRowsAsked {
        /// `train_rows` or `test_rows`.
        field: &'static str,
        /// The limit.
        asked: usize,
        /// What exists.
        rows: usize,
        /// The dataset.
        name: String,
    },
    /// The limit is zero.
    #[error("data.{field} is 0: a limit keeps at least one row; leave it out to use all of them")]
    NoRowsAsked {
        /// `train_rows` or `test_rows`.
        field: &'static str,
    },
    /// A limit on test rows where there are none.
    #[error(
        "data.test_rows is given, but `{name}` has no test part: name its test files or leave the limit out"
    )]
    NoTestRows {
        /// The dataset.
        name: String,
    },
    /// The files are too large to be sent.
    #[error(
        "with {} the files are more than can be sent: at most {} GiB in {} files; put them where coordinator and workers \
         read them, and submit with --no-upload", path.display(), PARCEL_BYTES_MAX >> 30, PARCEL_FILES_MAX
    )]
    ParcelTooLarge {
        /// The file that was too much.
        path: PathBuf,
    },
    /// The files were sent in a parcel that is not here.
    #[error(
        "the parcel {digest} that the files were sent in is not here: submit the study with its files again"
    )]
    NoParcel {
        /// Its digest.
        digest: String,
    },
    /// The parcels of this machine cannot be used.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// A file could not be read.
    #[error("could not read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// A file or its inflated content is larger than allowed.
    #[error("{} holds more than {limit_bytes} bytes after decompression, the most it may have", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit_bytes: u64,
    },
    /// A file is not IDX of bytes.
    #[error("{} is not a file in the IDX format of bytes: {problem}", path.display())]
    Idx {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: IdxProblem,
    },
    /// An IDX pair does not fit together.
    #[error("{} and {} do not fit together: {problem}", features.display(), labels.display())]
    Pair {
        /// The file of features.
        features: PathBuf,
        /// The file of labels, or the features of the other part.
        labels: PathBuf,
        /// Why.
        problem: String,
    },
    /// Only one file of a test pair is given.
    #[error("data.idx names only one of `test_features` and `test_labels`: give both or neither")]
    HalfTestPair,
    /// A table does not hold what the spec says.
    #[error("{}{problem}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; starts with `: ` or `, line …`.
        problem: TableProblem,
    },
    /// An array does not hold what the spec says.
    #[error("{}, array `{array}`: {problem}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// The array's name.
        array: String,
        /// What is wrong with it.
        problem: ArrayProblem,
    },
    /// A folder does not hold pictures as it should, or a picture is none.
    #[error("{} {problem}", path.display())]
    Image {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: ImageProblem,
    },
    /// The settings of generated rows contradict each other.
    #[error("data.{kind} cannot be generated: {problem}")]
    Generated {
        /// `function` or `blobs`.
        kind: &'static str,
        /// Why, and what to do.
        problem: String,
    },
    /// A function's expression is not one.
    #[error("data.function.expression, {problem} (in `{expression}`)")]
    Expression {
        /// The expression.
        expression: String,
        /// What is wrong with it; starts with its column.
        problem: ExpressionProblem,
    },
    /// A function has no finite value at an x.
    #[error(
        "`{expression}` is {y} at x = {x} (in the {part} rows), and only finite numbers can be learned: change `range` or \
         the number of rows so that this x is not met, or the expression so that it is finite there"
    )]
    NotFinite {
        /// The expression.
        expression: String,
        /// Where.
        x: f64,
        /// Its value there.
        y: f64,
        /// `train` or `test`.
        part: &'static str,
    },
    /// A file of a catalogue dataset is not where it should be.
    #[error("`{name}` is not complete: {} is missing, and so is its .gz", path.display())]
    Missing {
        /// The dataset.
        name: String,
        /// The file.
        path: PathBuf,
    },
    /// A file of a catalogue dataset is not the published one.
    #[error(
        "{} is not `{name}`'s published file: the sha256 of its decompressed content is {found}, not {expected}. \
         Delete it and fetch the dataset again",
        path.display()
    )]
    Checksum {
        /// The dataset.
        name: String,
        /// The file.
        path: PathBuf,
        /// The published sha256.
        expected: String,
        /// The file's.
        found: String,
    },
    /// The given folder lacks a dataset; Foldwise does not write into it.
    #[error(
        "{reason}. The data folder {} was given and is only read: complete it, or unset {} so that Foldwise \
         fetches datasets itself",
        folder.display(),
        crate::DATA_VARIABLE
    )]
    GivenFolder {
        /// The folder.
        folder: PathBuf,
        /// What it lacks.
        reason: Box<Self>,
    },
    /// No road led to the dataset.
    #[error(
        "could not fetch `{name}`:{}\nWithout these, put its files into <folder>/{name}/ and set {}=<folder>: {files} \
         (plain or .gz)",
        list_failures(failures),
        crate::DATA_VARIABLE
    )]
    Fetch {
        /// The dataset.
        name: String,
        /// Its files.
        files: String,
        /// Each road and why it failed, in the order tried.
        failures: Vec<RoadFailure>,
    },
    /// The cache could not be written.
    #[error("could not write into the data cache at {}: {reason}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// There is nowhere to put datasets.
    #[error("no folder for datasets is known: set {}, XDG_CACHE_HOME or HOME", crate::DATA_VARIABLE)]
    NoCache,
}

impl DataError {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |reason| Self::Read { path, reason }
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |reason| Self::Write { path, reason }
    }
}
