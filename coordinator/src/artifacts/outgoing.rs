//! A file on its way out.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::{ArtifactError, Artifacts, CHUNK_BYTES, Remote};

/// A file on its way out.
#[derive(Debug)]
pub struct Outgoing {
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// A file on this machine.
    File { artifacts: Artifacts, file: File },
    /// One in the bucket: what came of it and was not sent, and what has not come.
    Bucket { remote: Arc<Remote>, digest: String, here: Bytes, rest: Range<u64> },
}

impl Outgoing {
    pub(super) fn of_file(artifacts: Artifacts, file: File) -> Self {
        Self { source: Source::File { artifacts, file } }
    }

    pub(super) fn of_bucket(remote: Arc<Remote>, digest: String, rest: Range<u64>) -> Self {
        Self { source: Source::Bucket { remote, digest, here: Bytes::new(), rest } }
    }

    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next_part(&mut self) -> Result<Option<Vec<u8>>, ArtifactError> {
        match &mut self.source {
            Source::File { artifacts, file } => {
                let mut part = Vec::new();
                let mut limited = Read::by_ref(file).take(CHUNK_BYTES as u64);
                limited.read_to_end(&mut part).map_err(|source| artifacts.failed(source))?;
                Ok((!part.is_empty()).then_some(part))
            }
            Source::Bucket { remote, digest, here, rest } => {
                if here.is_empty() && !rest.is_empty() {
                    *here = remote.bucket.part(digest, rest.clone())?;
                    rest.start += here.len() as u64;
                }
                let part = here.split_to(here.len().min(CHUNK_BYTES));
                Ok((!part.is_empty()).then(|| part.to_vec()))
            }
        }
    }
}
