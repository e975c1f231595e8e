//! From a parcel to files. Whoever made it, nothing is written but files below one folder.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use tar::{Archive, EntryType};

use super::{PARCEL_BYTES_MAX, PARCEL_FILES_MAX};

/// Bytes of what an archive says of an entry beside its header, such as a long name: read into memory at once.
const EXTENSION_BYTES_MAX: u64 = 8 << 10;
/// Folders in a parcel, and how deep they may lie: each takes room on the disk, whatever it holds.
const FOLDERS_MAX: usize = 100_000;
const DEPTH_MAX: usize = 16;

/// Refuses an archive that says more of an entry than names are long, before anything believes it.
fn check_extensions(parcel: impl Read) -> io::Result<()> {
    let mut archive = Archive::new(parcel);
    for entry in archive.entries()?.raw(true) {
        let entry = entry?;
        let kind = entry.header().entry_type();
        let extends = kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions();
        if extends && entry.size() > EXTENSION_BYTES_MAX {
            return Err(refused(Path::new("…"), "has a name that is too long"));
        }
    }
    Ok(())
}

/// Writes the files of a parcel below a folder that is there and empty.
pub(super) fn unpack(mut parcel: impl Read + Seek, folder: &Path) -> io::Result<()> {
    check_extensions(&mut parcel)?;
    parcel.seek(SeekFrom::Start(0))?;
    let (mut files, mut bytes) = (0_usize, 0_u64);
    let mut folders: HashSet<PathBuf> = HashSet::new();
    let mut archive = Archive::new(parcel);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let inside = entry.path()?.into_owned();
        if entry.header().entry_type() != EntryType::Regular {
            return Err(refused(&inside, "is no plain file"));
        }
        let mut components = inside.components();
        if !components.all(|component| matches!(component, Component::Normal(_))) || inside.parent().is_none()
        {
            return Err(refused(&inside, "leads out of its place"));
        }
        files += 1;
        bytes = bytes.saturating_add(entry.size());
        if files > PARCEL_FILES_MAX || bytes > PARCEL_BYTES_MAX {
            return Err(refused(&inside, "is more than a parcel may hold"));
        }
        let above = inside.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        if inside.components().count() > DEPTH_MAX {
            return Err(refused(&inside, "lies too deep"));
        }
        folders.extend(above.map(Path::to_owned));
        if folders.len() > FOLDERS_MAX {
            return Err(refused(&inside, "is in more folders than a parcel may hold"));
        }
        let place = folder.join(&inside);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        // Not one that is there: a second entry of a name would overwrite the first.
        let mut file = File::create_new(&place)?;
        io::copy(&mut entry, &mut file)?;
    }
    Ok(())
}

fn refused(inside: &Path, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("`{}` in the parcel {what}", inside.display()))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use tar::{Builder, EntryType, Header};

    use super::unpack;

    /// An archive of one entry whose name nobody checked.
    fn archive(name: &str, kind: EntryType, bytes: &[u8]) -> Vec<u8> {
        let mut header = Header::new_old();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        let mut archive = Builder::new(Vec::new());
        archive.append(&header, bytes).unwrap();
        archive.into_inner().unwrap()
    }

    #[test]
    fn nothing_is_written_elsewhere_and_nothing_but_files() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        for (name, kind) in [
            ("../out", EntryType::Regular),
            ("/tmp/out", EntryType::Regular),
            ("0/../../out", EntryType::Regular),
            ("0/link", EntryType::Symlink),
            ("0/hard", EntryType::Link),
            ("0/device", EntryType::Block),
            ("0/folder", EntryType::Directory),
        ] {
            let refused = unpack(Cursor::new(archive(name, kind, b"")), &inner);
            assert!(refused.is_err(), "{name}");
        }
        assert!(std::fs::read_dir(folder.path()).unwrap().count() == 1, "nothing but the folder itself");
        unpack(Cursor::new(archive("0/a.csv", EntryType::Regular, b"x,y\n")), &inner).unwrap();
        assert_eq!(std::fs::read(inner.join("0/a.csv")).unwrap(), b"x,y\n");
        assert!(
            unpack(Cursor::new(archive("0/a.csv", EntryType::Regular, b"z")), &inner).is_err(),
            "twice the same name"
        );
    }

    #[test]
    fn bytes_that_are_no_archive_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut noise = Vec::new();
        for number in 0..4000_u32 {
            noise.write_all(&number.wrapping_mul(2_654_435_761).to_le_bytes()).unwrap();
        }
        assert!(unpack(Cursor::new(noise), folder.path()).is_err());
        let whole = archive("0/a", EntryType::Regular, &[7; 600]);
        assert!(unpack(Cursor::new(&whole[..700]), folder.path()).is_err(), "cut");
    }

    #[test]
    fn a_parcel_costs_no_more_than_it_may() {
        let folder = tempfile::tempdir().unwrap();
        let long = archive("long", EntryType::GNULongName, &vec![b'a'; 9 << 10]);
        let refused = unpack(Cursor::new(long), folder.path()).unwrap_err().to_string();
        assert!(refused.contains("too long"), "{refused}");
        let deep = format!("{}a", "b/".repeat(20));
        let refused = unpack(Cursor::new(archive(&deep, EntryType::Regular, b"x")), folder.path());
        assert!(refused.unwrap_err().to_string().contains("too deep"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was written");
    }
}
