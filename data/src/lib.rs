//! Foldwise's datasets: the catalogue, the cache they are fetched into, and the readers of their formats.
//!
//! [`facts`] says what a dataset is without holding its rows, [`load`] brings the rows. Everything that is read is
//! checked: catalogue files against their published sha256, files of one's own against their format, and the
//! [`Facts::digest`] tells two versions of the same name apart. Nothing here knows studies, runs or devices.

mod arrays;
mod cache;
mod catalogue;
mod content;
mod dataset;
mod digest;
mod error;
mod fetch;
mod generated;
mod guard;
pub mod idx;
mod images;
mod labels;
mod pair;
mod parcel;
mod stream;
mod tabular;

use foldwise_study::spec::data::{
    ArraySpec, BlobsSpec, DataSpec, FunctionSpec, IdxSpec, ImagesSpec, TableSpec,
};

pub use arrays::ArrayProblem;
pub use cache::{Cache, DATA_VARIABLE};
pub use catalogue::{Entry, File, Road, Role, catalogue};
pub use content::CONTENT_BYTES_MAX;
#[doc(hidden)]
pub use content::decompress;
pub use dataset::{Dataset, Facts, Features, Table, TargetKind, Targets};
pub use error::DataError;
pub use fetch::{FetchEvent, RoadFailure, fetch, verify};
pub use generated::{Expression, ExpressionProblem};
pub use images::{ImageProblem, PICTURE_FILE_BYTES_MAX, PICTURE_SIDE_MAX};
pub use parcel::{PARCEL_BYTES_MAX, PARCEL_FILES_MAX, Shelf, ShelfError, pack};
pub use tabular::{CATEGORIES_MAX, CLASSES_MAX, ENCODED_NUMBERS_MAX, Spot, TableProblem};

/// Everything that is known about the spec's dataset without holding its rows, with the spec's row limits applied.
///
/// For a dataset of the catalogue this touches no file and no network; files of one's own are read once.
///
/// # Errors
/// The spec names no source or several, an unknown dataset, files that cannot be read, or more rows than there are.
pub fn facts(spec: &DataSpec, cache: &Cache) -> Result<Facts, DataError> {
    let placed = cache.placed(spec)?;
    let spec = placed.as_ref();
    match Source::of(spec)? {
        Source::Catalogue(entry) => entry.facts().limited(spec),
        Source::Blobs(blobs) => generated::blobs::facts(blobs)?.limited(spec),
        Source::Own(own) => Ok(own.read()?.limited(spec)?.facts),
    }
}

/// The spec's rows, with the spec's row limits applied and, where the spec says so, their labels shuffled. A dataset of
/// the catalogue is fetched if it is missing.
///
/// # Errors
/// As [`facts`], and a dataset that could not be fetched or does not have its published checksums.
pub fn load(spec: &DataSpec, cache: &Cache) -> Result<Dataset, DataError> {
    let placed = cache.placed(spec)?;
    let spec = placed.as_ref();
    let dataset = match Source::of(spec)? {
        Source::Catalogue(entry) => catalogue::load(entry, cache)?,
        Source::Blobs(blobs) => generated::blobs::load(blobs)?,
        Source::Own(own) => own.read()?,
    };
    let mut dataset = dataset.limited(spec)?;
    if let Some(shuffle) = spec.shuffle_labels {
        labels::shuffle(&mut dataset.train, shuffle);
    }
    Ok(dataset)
}

/// The spec's training rows without their features, where they can be had so: what splits are made by. Features may take
/// gigabytes, and whoever splits needs none of them.
///
/// # Errors
/// As [`load`].
pub fn targets(spec: &DataSpec, cache: &Cache) -> Result<Table, DataError> {
    let Source::Blobs(blobs) = Source::of(spec)? else {
        return load(spec, cache).map(|dataset| dataset.train);
    };
    let mut dataset = generated::blobs::targets(blobs)?.limited(spec)?;
    if let Some(shuffle) = spec.shuffle_labels {
        labels::shuffle(&mut dataset.train, shuffle);
    }
    Ok(dataset.train)
}

/// The one source that a spec names.
enum Source<'a> {
    Catalogue(&'static Entry),
    Blobs(&'a BlobsSpec),
    Own(Own<'a>),
}

/// A source whose facts are known when its rows are.
enum Own<'a> {
    Idx(&'a IdxSpec),
    Table(tabular::Format, &'a TableSpec),
    Arrays(arrays::Format, &'a ArraySpec),
    Images(&'a ImagesSpec),
    Function(&'a FunctionSpec),
}

impl<'a> Source<'a> {
    fn of(spec: &'a DataSpec) -> Result<Self, DataError> {
        let catalogue = spec.dataset.as_deref().map(|name| catalogue::entry(name).map(Self::Catalogue));
        let table = |format, table: &'a TableSpec| Self::Own(Own::Table(format, table));
        let arrays = |format, arrays: &'a ArraySpec| Self::Own(Own::Arrays(format, arrays));
        let given = [
            spec.idx.as_ref().map(|idx| Self::Own(Own::Idx(idx))),
            spec.csv.as_ref().map(|csv| table(tabular::Format::Csv, csv)),
            spec.parquet.as_ref().map(|parquet| table(tabular::Format::Parquet, parquet)),
            spec.npz.as_ref().map(|npz| arrays(arrays::Format::Npz, npz)),
            spec.safetensors.as_ref().map(|file| arrays(arrays::Format::Safetensors, file)),
            spec.images.as_ref().map(|images| Self::Own(Own::Images(images))),
            spec.function.as_ref().map(|function| Self::Own(Own::Function(function))),
            spec.blobs.as_ref().map(Self::Blobs),
        ];
        let mut sources = catalogue.into_iter().chain(given.into_iter().flatten().map(Ok));
        match (sources.next(), sources.next()) {
            (Some(source), None) => source,
            (None | Some(_), _) => Err(DataError::Source),
        }
    }
}

impl Own<'_> {
    fn read(&self) -> Result<Dataset, DataError> {
        match *self {
            Self::Idx(idx) => pair::read(idx),
            Self::Table(format, table) => tabular::read(format, table),
            Self::Arrays(format, arrays) => arrays::read(format, arrays),
            Self::Images(images) => images::read(images),
            Self::Function(function) => generated::function::load(function),
        }
    }
}
