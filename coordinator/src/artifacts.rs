//! Kept files, addressed by the BLAKE3 digest of their bytes.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldwise_data::PARCEL_BYTES_MAX;
use tempfile::NamedTempFile;

mod partial;

use partial::PARTIAL;
pub use partial::Partial;

/// Largest file that is kept: far above the weights of the networks that a study can describe.
pub const ARTIFACT_BYTES_MAX: u64 = 4 << 30;
/// Largest part of a file in one message.
pub const CHUNK_BYTES: usize = 1 << 20;

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
}

/// The folder of kept files.
#[derive(Debug, Clone)]
pub struct Artifacts {
    folder: PathBuf,
    /// How many calls under way name a file.
    held: Arc<Mutex<HashMap<String, usize>>>,
}

impl Artifacts {
    /// The kept files in a folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, ArtifactError> {
        let folder = folder.to_owned();
        fs::create_dir_all(&folder).map_err(|source| ArtifactError::Io { path: folder.clone(), source })?;
        Ok(Self { folder, held: Arc::default() })
    }

    /// Starts to take a file in.
    ///
    /// # Errors
    /// When the digest is none, or the folder cannot be written to.
    pub fn receive(&self, announced: &str) -> Result<Incoming, ArtifactError> {
        let announced = checked(announced)?;
        let file = NamedTempFile::new_in(&self.folder).map_err(|source| self.failed(source))?;
        Ok(Incoming { artifacts: self.clone(), announced, file, hasher: blake3::Hasher::new(), bytes: 0 })
    }

    /// Opens a kept file.
    ///
    /// # Errors
    /// When the digest is none, or there is no such file.
    pub fn open_file(&self, digest: &str) -> Result<Outgoing, ArtifactError> {
        self.open_from(digest, 0)
    }

    /// Opens a kept file without its first bytes.
    ///
    /// # Errors
    /// As [`Artifacts::open_file`].
    pub fn open_from(&self, digest: &str, offset: u64) -> Result<Outgoing, ArtifactError> {
        let (mut file, _) = self.open_whole(digest)?;
        file.seek(SeekFrom::Start(offset)).map_err(|source| self.failed(source))?;
        Ok(Outgoing { artifacts: self.clone(), file })
    }

    /// Where a kept file lies, to be read by its path while it is held.
    pub(crate) fn path(&self, digest: &str) -> Result<PathBuf, ArtifactError> {
        checked(digest).map(|digest| self.folder.join(digest))
    }

    /// Opens a kept file to be read here. The file and its bytes' number.
    pub(crate) fn open_whole(&self, digest: &str) -> Result<(File, u64), ArtifactError> {
        let digest = checked(digest)?;
        let opened = File::open(self.folder.join(&digest));
        match opened.and_then(|file| file.metadata().map(|metadata| (file, metadata.len()))) {
            Ok(opened) => Ok(opened),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ArtifactError::Missing(digest)),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Whether a file is kept.
    ///
    /// # Errors
    /// When the digest is none.
    pub fn has(&self, digest: &str) -> Result<bool, ArtifactError> {
        checked(digest).map(|digest| self.folder.join(digest).is_file())
    }

    /// Keeps files from being removed while a call looks for them and has the ledger need them.
    pub(crate) fn hold(&self, digests: impl IntoIterator<Item = String>) -> Held {
        let held = Held { artifacts: self.clone(), digests: digests.into_iter().collect() };
        let mut all = self.lock();
        held.digests.iter().for_each(|digest| *all.entry(digest.clone()).or_default() += 1);
        drop(all);
        held
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        // Counts are whole between any two of its holders' statements.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a kept file. One that a call under way names, is not there, or does not go away, is left to the next sweep.
    pub(crate) fn remove(&self, digest: &str) {
        let held = self.lock();
        if held.contains_key(digest) {
            return;
        }
        let removed = checked(digest).map(|digest| fs::remove_file(self.folder.join(digest)));
        if let Ok(Err(error)) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(digest, %error, "a file that is not needed any more could not be removed");
        }
    }

    /// Removes every file that is not needed: uploads that were not finished, and what was kept for nothing.
    pub(crate) fn sweep(&self, needed: &HashSet<&str>) {
        self.forget_partial();
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name == PARTIAL || needed.contains(name)) {
                continue;
            }
            if let Err(error) = fs::remove_file(entry.path()) {
                tracing::warn!(path = %entry.path().display(), %error, "a needless file could not be removed");
            }
        }
    }

    fn failed(&self, source: io::Error) -> ArtifactError {
        ArtifactError::Io { path: self.folder.clone(), source }
    }
}

/// Files that are not removed while this lives.
#[derive(Debug)]
pub(crate) struct Held {
    artifacts: Artifacts,
    digests: Vec<String>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut all = self.artifacts.lock();
        for digest in &self.digests {
            if let Some(count) = all.get_mut(digest) {
                *count -= 1;
                if *count == 0 {
                    all.remove(digest);
                }
            }
        }
    }
}

/// Whether a text is a digest as it is kept: 64 hexadecimal digits in small letters.
pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A digest is a file name, so it is checked before it becomes one.
fn checked(digest: &str) -> Result<String, ArtifactError> {
    let small = digest.to_ascii_lowercase();
    if is_digest(&small) { Ok(small) } else { Err(ArtifactError::NotADigest(digest.to_owned())) }
}

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
        let artifacts = self.artifacts;
        self.file.as_file().sync_all().map_err(|source| artifacts.failed(source))?;
        let path = artifacts.folder.join(&self.announced);
        self.file.persist(path).map_err(|error| artifacts.failed(error.error))?;
        Ok(self.bytes)
    }
}

/// A file on its way out.
#[derive(Debug)]
pub struct Outgoing {
    artifacts: Artifacts,
    file: File,
}

impl Outgoing {
    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next_part(&mut self) -> Result<Option<Vec<u8>>, ArtifactError> {
        let mut part = Vec::new();
        let mut limited = Read::by_ref(&mut self.file).take(CHUNK_BYTES as u64);
        limited.read_to_end(&mut part).map_err(|source| self.artifacts.failed(source))?;
        Ok((!part.is_empty()).then_some(part))
    }
}

#[cfg(test)]
mod tests {
    use super::{ArtifactError, Artifacts};

    #[test]
    fn a_file_is_kept_under_its_digest_and_no_other() {
        let folder = tempfile::tempdir().expect("folder");
        let artifacts = Artifacts::open(folder.path()).expect("opens");
        let digest = blake3::hash(b"weights").to_hex().to_string();
        let mut incoming = artifacts.receive(&digest).expect("starts");
        incoming.write(b"wei").expect("writes");
        incoming.write(b"ghts").expect("writes");
        assert_eq!(incoming.keep().expect("keeps"), 7);
        let part = artifacts.open_file(&digest).expect("is there").next_part().expect("reads");
        assert_eq!(part.as_deref(), Some(&b"weights"[..]));

        let mut wrong = artifacts.receive(&digest).expect("starts");
        wrong.write(b"other").expect("writes");
        assert!(matches!(wrong.keep(), Err(ArtifactError::Mismatch { .. })));
        assert_eq!(std::fs::read_dir(folder.path()).expect("lists").count(), 1);
    }

    #[test]
    fn a_file_that_a_call_names_is_not_removed() {
        let folder = tempfile::tempdir().expect("folder");
        let artifacts = Artifacts::open(folder.path()).expect("opens");
        let digest = blake3::hash(b"weights").to_hex().to_string();
        let mut incoming = artifacts.receive(&digest).expect("starts");
        incoming.write(b"weights").expect("writes");
        incoming.keep().expect("keeps");
        let (one, other) = (artifacts.hold([digest.clone()]), artifacts.hold([digest.clone()]));
        drop(one);
        artifacts.remove(&digest);
        assert!(artifacts.has(&digest).expect("a digest"), "another call still names it");
        drop(other);
        artifacts.remove(&digest);
        assert!(!artifacts.has(&digest).expect("a digest"));
    }

    #[test]
    fn a_digest_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().expect("folder");
        let artifacts = Artifacts::open(folder.path()).expect("opens");
        for name in ["../foldwise.db", "", "/etc/passwd", &"g".repeat(64)] {
            assert!(matches!(artifacts.open_file(name), Err(ArtifactError::NotADigest(_))), "{name}");
        }
    }
}
