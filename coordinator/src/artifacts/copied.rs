//! Kept files' way from a folder to another place.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;

use super::{ArtifactError, Artifacts, CHUNK_BYTES, is_digest};

/// How many kept files were copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Files that were copied.
    pub copied: u64,
    /// Files that were there already.
    pub there_already: u64,
}

impl Artifacts {
    /// Those of these files that are not kept here.
    ///
    /// # Errors
    /// When a name is no digest, or the bucket cannot be asked.
    pub fn missing(&self, digests: &[String]) -> Result<Vec<String>, ArtifactError> {
        let mut missing = Vec::new();
        for digest in digests {
            if !self.has(digest)? {
                missing.push(digest.clone());
            }
        }
        Ok(missing)
    }

    /// Copies every kept file of a folder here, unless it is here already. Each is compared with its digest on the way.
    ///
    /// # Errors
    /// When one cannot be read or kept, or is damaged. Those before it stay, so that another call goes on.
    pub fn copy_from(&self, folder: &Path) -> Result<Copied, ArtifactError> {
        let mut copied = Copied::default();
        let failed = |source| ArtifactError::Io { path: folder.to_owned(), source };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(copied),
            Err(source) => return Err(failed(source)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Some(digest) = entry.file_name().to_str().filter(|name| is_digest(name)).map(str::to_owned)
            else {
                continue;
            };
            if self.has(&digest)? {
                copied.there_already += 1;
                continue;
            }
            let mut file = File::open(entry.path()).map_err(failed)?;
            let mut incoming = self.receive(&digest)?;
            let mut part = vec![0; CHUNK_BYTES];
            loop {
                match file.read(&mut part).map_err(failed)? {
                    0 => break,
                    bytes => incoming.write(&part[..bytes])?,
                }
            }
            incoming.keep().map_err(|error| match error {
                ArtifactError::Mismatch { announced, found } => {
                    ArtifactError::Damaged { digest: announced, found }
                }
                other => other,
            })?;
            copied.copied += 1;
        }
        Ok(copied)
    }
}
