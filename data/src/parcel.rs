//! The files of a submitter's own data, sent as one: a tar archive named by its digest.
//!
//! What lies at the n-th path of `[data]` lies in the archive under `n/`: a file by its name, a folder with all that is in
//! it. Equal files make equal archives, so that what a coordinator or worker has already is not sent again.

use std::path::{Path, PathBuf};

use foldwise_study::spec::data::DataSpec;

mod pack;
mod shelf;
mod unpack;

pub use pack::pack;
pub use shelf::{Shelf, ShelfError};

/// Bytes that the files of one parcel may have together: as many as rows in memory, for training and for test.
pub const PARCEL_BYTES_MAX: u64 = 16 << 30;
/// Files that one parcel may have: more pictures than fit in memory.
pub const PARCEL_FILES_MAX: usize = 4_000_000;

/// The spec with its paths where a parcel lies unpacked.
pub(crate) fn placed(spec: &DataSpec, folder: &Path) -> DataSpec {
    let is_folder = spec.images.is_some();
    spec.placed(|position, path| place(folder, position, path, is_folder))
}

fn place(folder: &Path, position: usize, path: &Path, is_folder: bool) -> PathBuf {
    let folder = folder.join(position.to_string());
    match path.file_name() {
        Some(name) if !is_folder => folder.join(name),
        _ => folder,
    }
}
