//! A large file on its way in, which goes on where it was interrupted.

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use foldwise_data::PARCEL_BYTES_MAX;

use super::{ArtifactError, Artifacts, checked};

/// The folder of what has not come whole.
const PARTIAL: &str = "partial";
/// Files that may be on their way at a time, those that were interrupted counted.
const PARTIAL_MAX: usize = 16;
/// Time after which nobody comes back with the rest.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A file of which the first bytes are here. Dropped half-way, it stays for whoever brings the rest.
#[derive(Debug)]
pub struct Partial {
    artifacts: Artifacts,
    announced: String,
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Artifacts {
    /// How many bytes of a file are here; `None` where it is whole.
    ///
    /// # Errors
    /// When the digest is none.
    pub fn partial_bytes(&self, digest: &str) -> Result<Option<u64>, ArtifactError> {
        if self.has(digest)? {
            return Ok(None);
        }
        let path = self.folder.join(PARTIAL).join(checked(digest)?);
        Ok(Some(fs::metadata(path).map_or(0, |metadata| metadata.len())))
    }

    /// Goes on to take a file in of which `offset` bytes are here.
    ///
    /// # Errors
    /// When the digest is none, another number of bytes is here, another call brings it, or too many are on their way.
    pub fn go_on(&self, announced: &str, offset: u64) -> Result<Partial, ArtifactError> {
        let announced = checked(announced)?;
        let failed = |source| self.failed(source);
        let folder = self.folder.join(PARTIAL);
        fs::create_dir_all(&folder).map_err(failed)?;
        self.forget_partial();
        let path = folder.join(&announced);
        if !path.exists() && fs::read_dir(&folder).map_err(failed)?.count() >= PARTIAL_MAX {
            return Err(ArtifactError::TooManyPartial);
        }
        let mut file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ArtifactError::Busy(announced)),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let bytes = file.seek(SeekFrom::End(0)).map_err(failed)?;
        if bytes != offset {
            return Err(ArtifactError::Offset { here: bytes, asked: offset });
        }
        Ok(Partial { artifacts: self.clone(), announced, path, file, bytes })
    }

    /// Removes what nobody will bring the rest of.
    pub(super) fn forget_partial(&self) {
        let Ok(entries) = fs::read_dir(self.folder.join(PARTIAL)) else { return };
        for entry in entries.flatten() {
            let age = entry.metadata().and_then(|metadata| metadata.modified()).map(age);
            if age.is_ok_and(|age| age > FORGOTTEN_AFTER) {
                // Whoever holds it open goes on with it, and is refused at the end.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the age of a file, by the clock that its time is from")]
fn age(modified: SystemTime) -> Duration {
    SystemTime::now().duration_since(modified).unwrap_or_default()
}

impl Partial {
    /// Takes the next part.
    ///
    /// # Errors
    /// When the file becomes too large, or cannot be written.
    pub fn write(&mut self, part: &[u8]) -> Result<(), ArtifactError> {
        self.bytes += part.len() as u64;
        if self.bytes > PARCEL_BYTES_MAX {
            let _ = fs::remove_file(&self.path);
            return Err(ArtifactError::ParcelTooLarge);
        }
        self.file.write_all(part).map_err(|source| self.artifacts.failed(source))
    }

    /// Keeps the file if its bytes are those announced, and forgets them otherwise. Returns their number.
    ///
    /// # Errors
    /// When they are not, or the file cannot be kept.
    pub fn keep(self) -> Result<u64, ArtifactError> {
        let failed = |source| self.artifacts.failed(source);
        self.file.sync_all().map_err(failed)?;
        let mut hasher = blake3::Hasher::new();
        let mut whole = File::open(&self.path).map_err(failed)?;
        io::copy(&mut whole, &mut hasher).map_err(failed)?;
        let found = hasher.finalize().to_hex().to_string();
        if found != self.announced {
            fs::remove_file(&self.path).map_err(failed)?;
            return Err(ArtifactError::Mismatch { announced: self.announced, found });
        }
        self.artifacts.settle(&self.announced, &self.path)?;
        Ok(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{ArtifactError, Artifacts, PARTIAL_MAX};

    fn digest(bytes: &[u8]) -> String {
        blake3::hash(bytes).to_hex().to_string()
    }

    #[test]
    fn an_interrupted_file_goes_on_where_it_was() {
        let folder = tempfile::tempdir().expect("folder");
        let artifacts = Artifacts::open(folder.path()).expect("opens");
        let name = digest(b"a long parcel");
        let mut first = artifacts.go_on(&name, 0).expect("begins");
        first.write(b"a long ").expect("writes");
        assert!(matches!(artifacts.go_on(&name, 7), Err(ArtifactError::Busy(_))), "the first still writes");
        drop(first);
        assert_eq!(artifacts.partial_bytes(&name).expect("a digest"), Some(7));
        assert!(matches!(artifacts.go_on(&name, 3), Err(ArtifactError::Offset { here: 7, asked: 3 })));
        let mut rest = artifacts.go_on(&name, 7).expect("goes on");
        rest.write(b"parcel").expect("writes");
        assert_eq!(rest.keep().expect("keeps"), 13);
        assert_eq!(artifacts.partial_bytes(&name).expect("a digest"), None);
        assert!(artifacts.has(&name).expect("a digest"));
    }

    #[test]
    fn other_bytes_than_announced_are_forgotten() {
        let folder = tempfile::tempdir().expect("folder");
        let artifacts = Artifacts::open(folder.path()).expect("opens");
        let name = digest(b"one");
        let mut other = artifacts.go_on(&name, 0).expect("begins");
        other.write(b"other").expect("writes");
        assert!(matches!(other.keep(), Err(ArtifactError::Mismatch { .. })));
        assert_eq!(artifacts.partial_bytes(&name).expect("a digest"), Some(0));
        for wrong in ["../x", "", &"g".repeat(64)] {
            assert!(matches!(artifacts.go_on(wrong, 0), Err(ArtifactError::NotADigest(_))), "{wrong}");
        }
    }

    #[test]
    fn so_many_are_on_their_way_and_no_more() {
        let folder = tempfile::tempdir().expect("folder");
        let artifacts = Artifacts::open(folder.path()).expect("opens");
        for number in 0..PARTIAL_MAX {
            drop(artifacts.go_on(&digest(&number.to_le_bytes()), 0).expect("begins"));
        }
        let refused = artifacts.go_on(&digest(b"one more"), 0);
        assert!(matches!(refused, Err(ArtifactError::TooManyPartial)), "{refused:?}");
        drop(artifacts.go_on(&digest(&0_usize.to_le_bytes()), 0).expect("one that was begun goes on"));
    }
}
