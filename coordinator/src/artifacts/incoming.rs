//! A file on its way in, in one upload.

use std::io::Write;

use tempfile::NamedTempFile;

use super::{ARTIFACT_BYTES_MAX, ArtifactError, Artifacts};

/// A file on its way in. Dropped half-way, it leaves nothing.
#[derive(Debug)]
pub struct Incoming {
    artifacts: Artifacts,
    announced: String,
    file: NamedTempFile,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Incoming {
    pub(super) fn new(artifacts: Artifacts, announced: String, file: NamedTempFile) -> Self {
        Self { artifacts, announced, file, hasher: blake3::Hasher::new(), bytes: 0 }
    }

    /// Takes the next part.
    ///
    /// # Errors
    /// When the file becomes too large, or cannot be written.
    pub fn write(&mut self, part: &[u8]) -> Result<(), ArtifactError> {
        self.bytes += part.len() as u64;
        if self.bytes > ARTIFACT_BYTES_MAX {
            return Err(ArtifactError::TooLarge);
        }
        self.hasher.update(part);
        self.file.write_all(part).map_err(|source| self.artifacts.failed(source))
    }

    /// Keeps the file if its bytes are those announced. Returns their number.
    ///
    /// # Errors
    /// When they are not, or the file cannot be kept.
    pub fn keep(self) -> Result<u64, ArtifactError> {
        let found = self.hasher.finalize().to_hex().to_string();
        if found != self.announced {
            return Err(ArtifactError::Mismatch { announced: self.announced, found });
        }
        self.file.as_file().sync_all().map_err(|source| self.artifacts.failed(source))?;
        self.artifacts.settle(&self.announced, self.file.path())?;
        Ok(self.bytes)
    }
}
