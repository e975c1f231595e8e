//! Kept files, addressed by the BLAKE3 digest of their bytes: in a folder, or in a bucket that coordinators share.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use crate::private;

#[cfg(feature = "s3")]
mod bucket;
#[cfg(not(feature = "s3"))]
#[path = "artifacts/no_bucket.rs"]
mod bucket;
mod copied;
mod error;
mod incoming;
mod near;
mod outgoing;
mod partial;
mod place;
mod sweep;
#[cfg(test)]
mod tests;
mod uses;

pub use bucket::BucketError;
pub use copied::Copied;
pub use error::ArtifactError;
pub use incoming::Incoming;
pub use outgoing::Outgoing;
pub use partial::Partial;
pub use place::{BucketAddress, Place, PlaceError};
pub(crate) use sweep::sweep;
pub(crate) use uses::Held;

use bucket::Bucket;
use near::Near;
use uses::Uses;

/// Largest file that is kept: far above the weights of the networks that a study can describe.
pub const ARTIFACT_BYTES_MAX: u64 = 4 << 30;
/// What the names of files begin with that are being put together.
const COMING: &str = "coming-";
/// Largest part of a file in one message.
pub const CHUNK_BYTES: usize = 1 << 20;

/// The kept files.
#[derive(Debug, Clone)]
pub struct Artifacts {
    /// The folder in which files are put together, on this machine: the kept files' own, or that of copies.
    folder: PathBuf,
    /// Where they are kept, if that is not the folder.
    bucket: Option<Arc<Remote>>,
    uses: Arc<Uses>,
}

/// A bucket, and the copies of its files that lie on this machine.
#[derive(Debug)]
struct Remote {
    bucket: Bucket,
    near: Near,
}

impl Artifacts {
    /// The kept files in a folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, ArtifactError> {
        let folder = folder.to_owned();
        private::make(&folder).map_err(|source| ArtifactError::Io { path: folder.clone(), source })?;
        Ok(Self { folder, bucket: None, uses: Arc::default() })
    }

    /// The kept files at a place; those in a bucket with copies in the folder `near`, which belongs to this alone. The bucket
    /// is asked once whether it can be used.
    ///
    /// # Errors
    /// When it cannot, or the folder cannot be made.
    pub fn open_at(place: &Place, near: &Path) -> Result<Self, ArtifactError> {
        let address = match place {
            Place::Folder(folder) => return Self::open(folder),
            Place::Bucket(address) => address,
        };
        let bucket = Bucket::open(address)?;
        let near = Near::open(near).map_err(|source| ArtifactError::Io { path: near.to_owned(), source })?;
        let folder = near.folder().to_owned();
        Ok(Self { folder, bucket: Some(Arc::new(Remote { bucket, near })), uses: Arc::default() })
    }

    /// Starts to take a file in.
    ///
    /// # Errors
    /// When the digest is none, or the folder cannot be written to.
    pub fn receive(&self, announced: &str) -> Result<Incoming, ArtifactError> {
        let announced = checked(announced)?;
        let file = self.coming()?;
        Ok(Incoming::new(self.clone(), announced, file))
    }

    /// Opens a kept file without its first bytes, to be sent.
    ///
    /// # Errors
    /// When the digest is none, or there is no such file.
    pub fn open_from(&self, digest: &str, offset: u64) -> Result<Outgoing, ArtifactError> {
        let digest = checked(digest)?;
        let near = match &self.bucket {
            None => Some(self.file(&digest)?),
            Some(remote) => remote.near.file(&digest),
        };
        match (near, &self.bucket) {
            (Some(mut file), _) => {
                file.seek(SeekFrom::Start(offset)).map_err(|source| self.failed(source))?;
                Ok(Outgoing::of_file(self.clone(), file))
            }
            (None, Some(remote)) => {
                let bytes = remote.bucket.bytes(&digest)?.ok_or(ArtifactError::Missing(digest.clone()))?;
                Ok(Outgoing::of_bucket(Arc::clone(remote), digest, offset.min(bytes)..bytes))
            }
            (None, None) => Err(ArtifactError::Missing(digest)),
        }
    }

    /// Opens a kept file to be read here. The file and its bytes' number.
    pub(crate) fn open_whole(&self, digest: &str) -> Result<(File, u64), ArtifactError> {
        let digest = checked(digest)?;
        let file = match &self.bucket {
            None => self.file(&digest)?,
            Some(remote) => self.fetched(remote, &digest)?,
        };
        let bytes = file.metadata().map_err(|source| self.failed(source))?.len();
        Ok((file, bytes))
    }

    /// Where a kept file that is held lies on this machine, to be read by its path; it is fetched if need be.
    pub(crate) fn path(&self, digest: &str) -> Result<PathBuf, ArtifactError> {
        let digest = checked(digest)?;
        if let Some(remote) = &self.bucket {
            self.fetched(remote, &digest)?;
        }
        Ok(self.folder.join(digest))
    }

    /// Whether a file is kept.
    ///
    /// # Errors
    /// When the digest is none, or the bucket cannot be asked.
    pub fn has(&self, digest: &str) -> Result<bool, ArtifactError> {
        let digest = checked(digest)?;
        match &self.bucket {
            None => Ok(self.folder.join(digest).is_file()),
            Some(remote) => Ok(remote.bucket.bytes(&digest)?.is_some()),
        }
    }

    /// Keeps files from being removed while a call looks for them and has the ledger need them. One that is just being
    /// removed is waited for.
    pub(crate) async fn hold(&self, digests: impl IntoIterator<Item = String>) -> Held {
        Uses::hold(&self.uses, digests.into_iter().collect()).await
    }

    /// Removes a kept file. One that a call under way names, is not there, or does not go away, is left to the next sweep.
    /// From a bucket it goes by and by, and whoever holds its digest meanwhile waits.
    pub(crate) fn remove(&self, digest: &str) {
        let Ok(digest) = checked(digest) else { return };
        let Some(remote) = &self.bucket else {
            self.uses.unless_held(&digest, || remove_file(&self.folder.join(&digest)));
            return;
        };
        if let Some(going) = Uses::going(&self.uses, &digest) {
            remove_file(&self.folder.join(&digest));
            remote.bucket.remove(digest, going);
        }
    }

    /// Removes from this machine what is not needed: uploads that were not finished and, where files are kept in the folder,
    /// those that were kept for nothing. What has a name that is none of ours is left alone: the folder may be somebody's who
    /// meant another. So are kept files where there is no study at all: the database may be another than was meant.
    pub(crate) fn clear(&self, needed: &HashSet<&str>, has_studies: bool) {
        self.forget_partial();
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let kept_here = self.bucket.is_none() && has_studies;
            let for_nothing = |name: &str| kept_here && is_digest(name) && !needed.contains(name);
            if name.to_str().is_some_and(|name| name.starts_with(COMING) || for_nothing(name)) {
                remove_file(&entry.path());
            }
        }
    }

    /// Keeps a file whose bytes are known to have this digest, and which lies in the folder. It is durable when this returns.
    fn settle(&self, digest: &str, file: &Path) -> Result<(), ArtifactError> {
        let Some(remote) = &self.bucket else {
            let kept = fs::rename(file, self.folder.join(digest)).and_then(|()| sync_folder(&self.folder));
            return kept.map_err(|source| self.failed(source));
        };
        remote.bucket.wait(Uses::gone(&self.uses, digest));
        remote.bucket.put(digest, file)?;
        self.come_near(remote, digest, file)
    }

    /// The copy on this machine of a file in the bucket.
    fn fetched(&self, remote: &Remote, digest: &str) -> Result<File, ArtifactError> {
        if let Some(file) = remote.near.file(digest) {
            return Ok(file);
        }
        let coming = self.coming()?;
        let found = remote.bucket.fetch(digest, coming.as_file())?.to_hex().to_string();
        if found != digest {
            return Err(ArtifactError::Damaged { digest: digest.to_owned(), found });
        }
        self.come_near(remote, digest, coming.path())?;
        remote.near.file(digest).ok_or_else(|| self.failed(io::ErrorKind::NotFound.into()))
    }

    /// A new file beside the kept ones, which goes unless it is kept.
    fn coming(&self) -> Result<NamedTempFile, ArtifactError> {
        let made = tempfile::Builder::new().prefix(COMING).tempfile_in(&self.folder);
        made.map_err(|source| self.failed(source))
    }

    fn come_near(&self, remote: &Remote, digest: &str, file: &Path) -> Result<(), ArtifactError> {
        let taken = remote.near.take(digest, file, |other| self.uses.is_held(other));
        taken.map_err(|source| self.failed(source))
    }

    /// A file in the folder.
    fn file(&self, digest: &str) -> Result<File, ArtifactError> {
        File::open(self.folder.join(digest)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ArtifactError::Missing(digest.to_owned()),
            _ => self.failed(error),
        })
    }

    fn failed(&self, source: io::Error) -> ArtifactError {
        ArtifactError::Io { path: self.folder.clone(), source }
    }
}

fn remove_file(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a file that is not needed could not be removed");
    }
}

/// A renamed file is found after a power cut only when its folder was written too.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
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
