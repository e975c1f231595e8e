//! From a parcel to files. Whoever made it, nothing is written but files below one folder.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path};

use tar::{Archive, EntryType};

use super::{PARCEL_BYTES_MAX, PARCEL_FILES_MAX};

/// Writes the files of a parcel below a folder that is there and empty.
pub(super) fn unpack(parcel: impl Read, folder: &Path) -> io::Result<()> {
    let (mut files, mut bytes) = (0_usize, 0_u64);
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
    use std::io::Write as _;

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
            let refused = unpack(&archive(name, kind, b"")[..], &inner);
            assert!(refused.is_err(), "{name}");
        }
        assert!(std::fs::read_dir(folder.path()).unwrap().count() == 1, "nothing but the folder itself");
        unpack(&archive("0/a.csv", EntryType::Regular, b"x,y\n")[..], &inner).unwrap();
        assert_eq!(std::fs::read(inner.join("0/a.csv")).unwrap(), b"x,y\n");
        assert!(
            unpack(&archive("0/a.csv", EntryType::Regular, b"z")[..], &inner).is_err(),
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
        assert!(unpack(&noise[..], folder.path()).is_err());
        let whole = archive("0/a", EntryType::Regular, &[7; 600]);
        assert!(unpack(&whole[..700], folder.path()).is_err(), "cut");
    }
}
