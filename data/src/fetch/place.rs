//! Putting a fetched file into the cache: decompressed, checked, and under its name only when whole.

use std::fs::{self, File as FsFile};
use std::io::Write as _;
use std::path::Path;

use crate::catalogue::File;
use crate::content;
use crate::error::DataError;
use crate::fetch::FetchEvent;

/// Why a road was left.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// The road is closed or leads to something else; the next one may not be.
    Road(String),
    /// The cache cannot be written; no road will help.
    Cache(DataError),
}

impl Obstacle {
    pub(super) fn cache(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let wrap = DataError::write(path);
        move |reason| Self::Cache(wrap(reason))
    }
}

/// Moves the content of `fetched`, plain or gzipped, to `<folder>/<file>` if it is the published one.
pub(super) fn place(
    file: &File,
    fetched: &Path,
    folder: &Path,
    progress: &mut dyn FnMut(FetchEvent),
) -> Result<(), Obstacle> {
    let content = content::read(fetched, file.bytes).map_err(|error| Obstacle::Road(error.to_string()))?;
    if content.sha256 != file.sha256 {
        return Err(Obstacle::Road(format!(
            "{} has another content than the published one: sha256 {} instead of {}",
            file.name, content.sha256, file.sha256
        )));
    }
    let target = folder.join(file.name);
    // The dataset's lock is held, so that one name is enough; a rest of an interrupted fetch is overwritten.
    let new = folder.join(format!(".{}.new", file.name));
    write(&new, &content.bytes).and_then(|()| fs::rename(&new, &target)).map_err(Obstacle::cache(&target))?;
    progress(FetchEvent::Placed { file: file.name.to_owned() });
    Ok(())
}

/// Writes a file that is on the disk before its rename is.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut out = FsFile::create(path)?;
    out.write_all(bytes)?;
    out.sync_all()
}
