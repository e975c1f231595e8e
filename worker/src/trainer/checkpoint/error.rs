//! Why a checkpoint cannot be written or gone on from.

use safetensors::SafeTensorError;

use super::FORMAT;

/// Why a checkpoint cannot be written or gone on from. None of these harms the cohort: it can be trained from the
/// beginning.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Bytes that are no whole safetensors file.
    #[error("it is not a whole safetensors file")]
    Unreadable(#[source] SafeTensorError),
    /// More header than any checkpoint has.
    #[error("it announces a header of {found} bytes")]
    Header {
        /// Announced length, bytes.
        found: u64,
    },
    /// The description of the cohort's progress is not there or not as it is written.
    #[error("its description is malformed")]
    Description(#[source] serde_json::Error),
    /// Written by another version.
    #[error("it has format {found}, not {FORMAT}")]
    Format {
        /// The format it says it has.
        found: u32,
    },
    /// Bytes other than those that were written.
    #[error("its bytes are not those that were written")]
    Damaged,
    /// Contents that contradict each other.
    #[error("{0}")]
    Contents(String),
    /// Another cohort's, or of data of another shape.
    #[error("it is of another cohort")]
    OtherCohort,
    /// A part that does not fit the cohort.
    #[error("its {what} are {found} in number, the cohort has {needed}")]
    Size {
        /// The part.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there must be.
        needed: usize,
    },
    /// More than the format can hold.
    #[error("it does not fit a safetensors file")]
    Unwritable(#[source] SafeTensorError),
    /// The caller could not keep it.
    #[error("it could not be kept")]
    NotKept(#[source] Box<dyn std::error::Error + Send + Sync>),
}
