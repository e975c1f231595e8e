//! What stands for a bucket in a program that was built without the feature `s3`: there is none.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use super::uses::Going;
use super::{ArtifactError, BucketAddress};

/// Why a bucket cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} cannot be used: this program was built without the feature `s3`, and keeps files in folders alone"
)]
pub struct BucketError(String);

impl BucketError {
    /// Whether what is set is wrong, so that no other try helps.
    pub(crate) fn is_setting(&self) -> bool {
        true
    }
}

/// No bucket.
#[derive(Debug)]
pub(super) enum Bucket {}

impl Bucket {
    pub(super) fn open(address: &BucketAddress) -> Result<Self, BucketError> {
        Err(BucketError(address.to_string()))
    }

    pub(super) fn wait<T>(&self, _: impl Future<Output = T>) -> T {
        match *self {}
    }

    pub(super) fn put(&self, _: &str, _: &Path) -> Result<(), BucketError> {
        match *self {}
    }

    pub(super) fn bytes(&self, _: &str) -> Result<Option<u64>, BucketError> {
        match *self {}
    }

    pub(super) fn part(&self, _: &str, _: Range<u64>) -> Result<Bytes, BucketError> {
        match *self {}
    }

    pub(super) fn fetch(&self, _: &str, _: &File) -> Result<blake3::Hash, ArtifactError> {
        match *self {}
    }

    pub(super) fn remove(&self, _: String, _: Going) {
        match *self {}
    }

    pub(super) fn older_than(&self, _: Duration) -> Result<Vec<String>, BucketError> {
        match *self {}
    }
}
