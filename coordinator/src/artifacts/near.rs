//! Copies on this machine of files that are kept in a bucket: those used last, within a limit.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::is_digest;
use crate::private;

/// Bytes of copies that stay. Reports read copies of weights again and again, and what a cohort measured is read right after
/// it was put; parcels are read once, to be unpacked.
const NEAR_BYTES_MAX: u64 = 4 << 30;

/// A folder of copies.
#[derive(Debug)]
pub(super) struct Near {
    folder: PathBuf,
    limit_bytes: u64,
}

impl Near {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        private::make(folder)?;
        Ok(Self { folder: folder.to_owned(), limit_bytes: NEAR_BYTES_MAX })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The copy of a file, if there is one; it counts as used now.
    pub(super) fn file(&self, digest: &str) -> Option<File> {
        let file = File::options().read(true).append(true).open(self.folder.join(digest)).ok()?;
        // A copy that looks older than it is goes sooner; nothing else comes of it.
        let _ = file.set_modified(now());
        Some(file)
    }

    /// Takes a whole file from beside the copies. Those used longest ago make room, but for those that must stay.
    pub(super) fn take(&self, digest: &str, file: &Path, stays: impl Fn(&str) -> bool) -> io::Result<()> {
        self.make_room(fs::metadata(file)?.len(), stays);
        fs::rename(file, self.folder.join(digest))
    }

    fn make_room(&self, bytes: u64, stays: impl Fn(&str) -> bool) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let copies = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok().filter(|name| is_digest(name))?;
            let metadata = entry.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len(), name))
        });
        let mut copies: Vec<_> = copies.collect();
        copies.sort();
        let mut all: u64 = copies.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, its, name) in copies {
            if all.saturating_add(bytes) <= self.limit_bytes {
                return;
            }
            // Whoever has it open reads it to its end.
            if !stays(&name) && fs::remove_file(self.folder.join(&name)).is_ok() {
                all = all.saturating_sub(its);
            }
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the time that a file is marked with, which decides nothing but what goes first"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, SystemTime};

    use super::Near;

    #[test]
    fn what_was_used_longest_ago_makes_room_unless_it_must_stay() {
        let folder = tempfile::tempdir().expect("folder");
        let near = Near { limit_bytes: 10, ..Near::open(folder.path()).expect("opens") };
        let name = |letter: char| letter.to_string().repeat(64);
        let take = |letter: char, bytes: usize| {
            let file = folder.path().join("coming");
            fs::write(&file, vec![0; bytes]).expect("writes");
            near.take(&name(letter), &file, |other| other == name('a')).expect("takes");
        };
        for (age, letter) in [(30, 'a'), (20, 'b'), (10, 'c')] {
            take(letter, 3);
            let file = fs::File::options().append(true).open(folder.path().join(name(letter)));
            let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 - age);
            file.and_then(|file| file.set_modified(then)).expect("marks");
        }
        assert!(near.file(&name('b')).is_some(), "used now");
        take('d', 4);
        let there = |letter| near.file(&name(letter)).is_some();
        assert_eq!(['a', 'b', 'c', 'd'].map(there), [true, true, false, true]);
        take('e', 20);
        assert_eq!(
            ['a', 'b', 'd', 'e'].map(there),
            [true, false, false, true],
            "the last stays whatever its size"
        );
    }
}
