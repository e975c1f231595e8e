//! The folder of files on their way, and what agents that died have left of theirs.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// What the folders of all agents begin with.
const PREFIX: &str = "foldwise-agent-";
/// Held locked as long as its agent lives.
const LOCK: &str = "lock";

/// An agent's folder, removed with it.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// A folder of its own in `parent`. Removes those whose agents were killed.
    pub(super) fn new(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(Self { folder, _lock: lock })
    }

    /// The folder of one slot.
    pub(super) fn slot(&self, index: u32) -> io::Result<PathBuf> {
        let folder = self.folder.path().join(format!("slot-{index}"));
        fs::create_dir(&folder)?;
        Ok(folder)
    }
}

fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let dead = || File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if ours && dead() {
            // Another agent may sweep at the same time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Scratch;

    #[test]
    fn what_a_dead_agent_left_is_removed_and_a_living_one_keeps_its_own() {
        let parent = tempfile::tempdir().expect("folder");
        let living = Scratch::new(parent.path()).expect("makes");
        let mut dead = Scratch::new(parent.path()).expect("makes");
        dead.folder.disable_cleanup(true);
        let left = dead.folder.path().to_owned();
        drop(dead);
        assert!(left.exists());
        let third = Scratch::new(parent.path()).expect("makes");
        assert!(!left.exists() && living.folder.path().exists());
        assert!(third.slot(0).expect("makes").is_dir());
    }
}
