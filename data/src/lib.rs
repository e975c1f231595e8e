//! Foldwise's datasets: the catalogue, the cache they are fetched into, and the readers of their formats.
//!
//! [`facts`] says what a dataset is without holding its rows, [`load`] brings the rows. Everything that is read is
//! checked: catalogue files against their published sha256, files of one's own against their format, and the
//! [`Facts::digest`] tells two versions of the same name apart. Nothing here knows studies, runs or devices.

mod cache;
mod catalogue;
mod content;
mod dataset;
mod digest;
mod error;
mod fetch;
pub mod idx;
mod pair;
mod tabular;

use foldwise_study::spec::data::DataSpec;

pub use cache::{Cache, DATA_VARIABLE};
pub use catalogue::{Entry, File, Road, Role, catalogue};
pub use content::CONTENT_BYTES_MAX;
#[doc(hidden)]
pub use content::decompress;
pub use dataset::{Dataset, Facts, Features, Table, TargetKind, Targets};
pub use error::DataError;
pub use fetch::{FetchEvent, RoadFailure, fetch, verify};
pub use tabular::{CLASSES_MAX, CsvProblem};

/// Everything that is known about the spec's dataset without holding its rows, with the spec's row limits applied.
///
/// For a dataset of the catalogue this touches no file and no network; files of one's own are read once.
///
/// # Errors
/// The spec names no source or several, an unknown dataset, files that cannot be read, or more rows than there are.
pub fn facts(spec: &DataSpec, _cache: &Cache) -> Result<Facts, DataError> {
    match Source::of(spec)? {
        Source::Catalogue(entry) => entry.facts().limited(spec),
        Source::Idx(idx) => Ok(pair::read(idx)?.limited(spec)?.facts),
        Source::Csv(csv) => Ok(tabular::read(csv)?.limited(spec)?.facts),
    }
}

/// The spec's rows, with the spec's row limits applied. A dataset of the catalogue is fetched if it is missing.
///
/// # Errors
/// As [`facts`], and a dataset that could not be fetched or does not have its published checksums.
pub fn load(spec: &DataSpec, cache: &Cache) -> Result<Dataset, DataError> {
    match Source::of(spec)? {
        Source::Catalogue(entry) => catalogue::load(entry, cache)?.limited(spec),
        Source::Idx(idx) => pair::read(idx)?.limited(spec),
        Source::Csv(csv) => tabular::read(csv)?.limited(spec),
    }
}

/// The one source that a spec names.
enum Source<'a> {
    Catalogue(&'static Entry),
    Idx(&'a foldwise_study::spec::data::IdxSpec),
    Csv(&'a foldwise_study::spec::data::CsvSpec),
}

impl<'a> Source<'a> {
    fn of(spec: &'a DataSpec) -> Result<Self, DataError> {
        match (&spec.dataset, &spec.idx, &spec.csv) {
            (Some(name), None, None) => catalogue::entry(name).map(Self::Catalogue),
            (None, Some(idx), None) => Ok(Self::Idx(idx)),
            (None, None, Some(csv)) => Ok(Self::Csv(csv)),
            _ => Err(DataError::Source),
        }
    }
}
