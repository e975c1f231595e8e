//! Why a file was not kept or found.

use std::io;
use std::path::PathBuf;

use foldwise_data::PARCEL_BYTES_MAX;

use super::{ARTIFACT_BYTES_MAX, BucketError};

/// Why a file was not kept or found.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Not 64 hexadecimal digits.
    #[error("`{0}` is not a digest: expected 64 hexadecimal digits")]
    NotADigest(String),
    /// No such file.
    #[error("there is no artifact {0}")]
    Missing(String),
    /// Other bytes than were announced.
    #[error("the uploaded bytes have digest {found}, not {announced} as announced; upload them again")]
    Mismatch {
        /// What was said.
        announced: String,
        /// What came.
        found: String,
    },
    /// A kept file has other bytes than were kept.
    #[error(
        "the kept file {digest} is damaged: its bytes have digest {found}; restore it from a backup, or remove it"
    )]
    Damaged {
        /// Its name.
        digest: String,
        /// What came.
        found: String,
    },
    /// Too large.
    #[error("an artifact may have {ARTIFACT_BYTES_MAX} bytes at most")]
    TooLarge,
    /// A parcel is too large.
    #[error("a parcel may have {} GiB at most", PARCEL_BYTES_MAX >> 30)]
    ParcelTooLarge,
    /// Another call brings the same file.
    #[error("the file {0} is being uploaded by another call; try again when that has ended")]
    Busy(String),
    /// The rest of a file does not begin where the first part ends.
    #[error("{here} bytes of the file are here, not {asked}: go on after them")]
    Offset {
        /// How many are here.
        here: u64,
        /// How many were said to be.
        asked: u64,
    },
    /// Too many files have not come whole.
    #[error("too many parcels are on their way: finish one of them first, or try again tomorrow")]
    TooManyPartial,
    /// The folder failed.
    #[error("the artifact folder {path} failed: {source}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bucket failed.
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

impl ArtifactError {
    /// Whether what is set is wrong, so that no other try helps.
    #[must_use]
    pub fn is_setting(&self) -> bool {
        matches!(self, Self::Bucket(error) if error.is_setting())
    }

    /// Whether a later try may succeed.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Bucket(error) if !error.is_setting())
    }
}
