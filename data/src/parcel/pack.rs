//! From the files of a spec to a parcel.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use foldwise_study::spec::data::DataSpec;
use tar::{Builder, EntryType, Header};

use super::{PARCEL_BYTES_MAX, PARCEL_FILES_MAX};
use crate::error::DataError;

/// Writes the parcel of a spec's files; nothing of them but names and bytes is in it.
///
/// # Errors
/// When a file cannot be read, is neither file nor folder, has no name, or there is too much; or `out` fails, which is told
/// as an error of the file on its way.
pub fn pack(spec: &DataSpec, out: impl Write) -> Result<(), DataError> {
    let mut packer = Packer { archive: Builder::new(out), files: 0, bytes: 0 };
    for (position, path) in spec.paths().into_iter().enumerate() {
        let inside = PathBuf::from(position.to_string());
        let metadata = fs::metadata(path).map_err(DataError::read(path))?;
        if metadata.is_dir() {
            packer.folder(path, &inside)?;
        } else {
            let name = path.file_name().ok_or_else(|| unnamed(path))?;
            packer.file(path, &inside.join(name))?;
        }
    }
    let finished = packer.archive.into_inner().and_then(|mut out| out.flush());
    finished.map_err(DataError::read(Path::new("the parcel")))
}

struct Packer<W: Write> {
    archive: Builder<W>,
    files: usize,
    bytes: u64,
}

impl<W: Write> Packer<W> {
    /// All that is in a folder, in the order of names.
    fn folder(&mut self, path: &Path, inside: &Path) -> Result<(), DataError> {
        let entries = fs::read_dir(path).map_err(DataError::read(path))?;
        let entries: io::Result<Vec<_>> = entries.collect();
        let mut entries = entries.map_err(DataError::read(path))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, inside) = (entry.path(), inside.join(entry.file_name()));
            let metadata = fs::metadata(&path).map_err(DataError::read(&path))?;
            if metadata.is_dir() {
                self.folder(&path, &inside)?;
            } else {
                self.file(&path, &inside)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, inside: &Path) -> Result<(), DataError> {
        let read = DataError::read(path);
        let opened = File::open(path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = opened.map_err(read)?;
        if !metadata.is_file() {
            let reason = io::Error::other("it is neither a file nor a folder");
            return Err(DataError::Read { path: path.to_owned(), reason });
        }
        self.files += 1;
        self.bytes = self.bytes.saturating_add(metadata.len());
        if self.bytes > PARCEL_BYTES_MAX || self.files > PARCEL_FILES_MAX {
            return Err(DataError::ParcelTooLarge { path: path.to_owned() });
        }
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(metadata.len());
        header.set_mode(0o644);
        header.set_mtime(0);
        // One that grows or shrinks meanwhile is an error of the archive, whose entry has the size that was read first.
        let bytes = io::Read::take(file, metadata.len());
        self.archive.append_data(&mut header, inside, bytes).map_err(DataError::read(path))
    }
}

fn unnamed(path: &Path) -> DataError {
    DataError::Read { path: path.to_owned(), reason: io::Error::other("the path ends in no name") }
}
