//! Where a machine keeps the parcels that it was sent, unpacked, within a limit.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::unpack::unpack;

/// The file in a parcel's folder whose time says when it was used last, and whose content how much it takes.
const USED: &str = "used";
/// What the names of folders begin with that parcels are unpacked in, and time after which nobody unpacks there any more.
const COMING: &str = "coming-";
const COMING_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// The folder in a parcel's folder that its files lie in.
const FILES: &str = "files";

/// Why a parcel cannot be had from a shelf.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// Not 64 hexadecimal digits in small letters.
    #[error("`{0}` is no digest of a parcel: expected 64 hexadecimal digits")]
    NotADigest(String),
    /// Other bytes than were announced.
    #[error("the parcel has digest {found}, not {announced} as announced; it is fetched again")]
    Mismatch {
        /// What was said.
        announced: String,
        /// What came.
        found: String,
    },
    /// The folder failed, or the parcel is none.
    #[error("cannot keep a parcel in {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A folder with a folder for each parcel, by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    folder: PathBuf,
    limit_bytes: u64,
}

impl Shelf {
    /// A shelf in a folder, which is made when the first parcel comes. It keeps so many bytes: those used last, and in any
    /// case the last that came.
    pub fn at(folder: impl Into<PathBuf>, limit_bytes: u64) -> Self {
        Self { folder: folder.into(), limit_bytes }
    }

    /// The same, keeping so many bytes.
    #[must_use]
    pub(crate) fn limited(self, limit_bytes: u64) -> Self {
        Self { limit_bytes, ..self }
    }

    /// The files of a parcel, if they are there; they count as used now.
    ///
    /// # Errors
    /// When the digest is none.
    pub fn files(&self, digest: &str) -> Result<Option<PathBuf>, ShelfError> {
        let folder = self.folder.join(checked(digest)?);
        let used = File::options().write(true).open(folder.join(USED));
        let Ok(used) = used else { return Ok(None) };
        // Who only reads the shelf uses it all the same.
        let _ = used.set_modified(now());
        Ok(Some(folder.join(FILES)))
    }

    /// Where the bytes of a parcel that is on its way are put together, so that an interrupted transfer can go on.
    ///
    /// # Errors
    /// When the digest is none, or the folder cannot be made.
    pub fn partial(&self, digest: &str) -> Result<PathBuf, ShelfError> {
        let digest = checked(digest)?;
        fs::create_dir_all(&self.folder).map_err(|source| self.failed(source))?;
        Ok(self.folder.join(format!("{digest}.part")))
    }

    /// Puts a parcel on the shelf whose bytes are all in a file; what was used longest ago makes room. The files.
    ///
    /// # Errors
    /// When the bytes are others than announced, are no parcel, or cannot be kept.
    pub fn keep(&self, digest: &str, parcel: &Path) -> Result<PathBuf, ShelfError> {
        let digest = checked(digest)?;
        let failed = |source| self.failed(source);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let mut file = File::open(parcel).map_err(failed)?;
        let found = digest_of(&mut file).map_err(failed)?;
        if found != digest {
            return Err(ShelfError::Mismatch { announced: digest.to_owned(), found });
        }
        let bytes = file.seek(SeekFrom::End(0)).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        self.make_room(bytes);
        self.forget_coming();
        // Whole or not at all: another process may look for it meanwhile.
        let coming = tempfile::Builder::new().prefix(COMING).tempdir_in(&self.folder).map_err(failed)?;
        let files = coming.path().join(FILES);
        fs::create_dir(&files).map_err(failed)?;
        unpack(io::BufReader::new(file), &files).map_err(failed)?;
        fs::write(coming.path().join(USED), bytes.to_string()).map_err(failed)?;
        let place = self.folder.join(digest);
        if let Err(source) = fs::rename(coming.path(), &place)
            && !place.join(USED).is_file()
        {
            return Err(failed(source));
        }
        Ok(place.join(FILES))
    }

    /// Removes parcels until so many bytes more would fit, those used longest ago first.
    fn make_room(&self, bytes: u64) {
        let mut kept: Vec<(SystemTime, u64, PathBuf)> = self.kept().collect();
        kept.sort();
        let mut all: u64 = kept.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, its, folder) in kept {
            if all.saturating_add(bytes) <= self.limit_bytes {
                return;
            }
            // First what says that it is there, so that nobody takes a half for a whole.
            let removed = fs::remove_file(folder.join(USED)).and_then(|()| fs::remove_dir_all(&folder));
            match removed {
                Ok(()) => tracing::info!(parcel = %folder.display(), "removed to make room"),
                Err(error) => tracing::warn!(parcel = %folder.display(), %error, "could not be removed"),
            }
            all = all.saturating_sub(its);
        }
    }

    /// Removes what was being unpacked by a process that is gone.
    fn forget_coming(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(COMING));
            let changed = entry.metadata().and_then(|metadata| metadata.modified()).ok();
            let age = changed.and_then(|changed| now().duration_since(changed).ok());
            if ours && age.is_some_and(|age| age > COMING_MAX) {
                // Another process may be doing so, too.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn kept(&self) -> impl Iterator<Item = (SystemTime, u64, PathBuf)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| {
            let folder = entry.path();
            let used = folder.join(USED);
            let bytes = fs::read_to_string(&used).ok()?.parse().ok()?;
            Some((fs::metadata(&used).ok()?.modified().ok()?, bytes, folder))
        })
    }

    fn failed(&self, source: io::Error) -> ShelfError {
        ShelfError::Io { path: self.folder.clone(), source }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the time that a file is marked with, which decides nothing but what goes first"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// A digest is a folder's name, so it is checked before it becomes one.
fn checked(digest: &str) -> Result<&str, ShelfError> {
    let fits = digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if fits { Ok(digest) } else { Err(ShelfError::NotADigest(digest.to_owned())) }
}

fn digest_of(file: &mut impl Read) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    io::copy(file, &mut hasher)?;
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::super::pack;
    use super::{Shelf, ShelfError, USED};

    /// A parcel of one table with so many rows, in a file; its digest.
    fn parcel(folder: &Path, name: &str, rows: usize) -> (String, std::path::PathBuf) {
        let table = folder.join(format!("{name}.csv"));
        fs::write(&table, format!("x,y\n{}", "1,2\n".repeat(rows))).unwrap();
        let spec = serde_json::json!({ "csv": { "train": table, "target": "y" } });
        let spec = serde_json::from_value(spec).unwrap();
        let mut bytes = Vec::new();
        pack(&spec, &mut bytes).unwrap();
        let file = folder.join(format!("{name}.tar"));
        fs::write(&file, &bytes).unwrap();
        (blake3::hash(&bytes).to_hex().to_string(), file)
    }

    fn used_before(shelf: &Path, digest: &str, seconds: u64) {
        let file = fs::File::options().write(true).open(shelf.join(digest).join(USED)).unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - seconds);
        file.set_modified(then).unwrap();
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let (here, on) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let shelf = Shelf::at(on.path(), 400_000);
        let [one, two, three] = ["one", "two", "three"].map(|name| parcel(here.path(), name, 40_000));
        assert_eq!(shelf.files(&one.0).unwrap(), None);
        let files = shelf.keep(&one.0, &one.1).unwrap();
        assert_eq!(fs::read_to_string(files.join("0/one.csv")).unwrap().lines().count(), 40_001);
        shelf.keep(&two.0, &two.1).unwrap();
        used_before(on.path(), &one.0, 10);
        used_before(on.path(), &two.0, 20);
        shelf.keep(&three.0, &three.1).unwrap();
        let there = |of: &(String, std::path::PathBuf)| shelf.files(&of.0).unwrap().is_some();
        assert_eq!((there(&one), there(&two), there(&three)), (true, false, true));
        shelf.keep(&three.0, &three.1).unwrap();
        assert!(there(&three), "one that is there already stays");
    }

    #[test]
    fn other_bytes_than_announced_and_names_that_are_no_digest_are_refused() {
        let (here, on) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let shelf = Shelf::at(on.path(), 1 << 20);
        let [(one, _), (_, two)] = ["one", "two"].map(|name| parcel(here.path(), name, 3));
        assert!(matches!(shelf.keep(&one, &two), Err(ShelfError::Mismatch { .. })));
        assert_eq!(shelf.files(&one).unwrap(), None);
        for name in ["../x", "", &"g".repeat(64), "/etc"] {
            assert!(matches!(shelf.files(name), Err(ShelfError::NotADigest(_))), "{name}");
            assert!(matches!(shelf.partial(name), Err(ShelfError::NotADigest(_))), "{name}");
        }
    }
}
