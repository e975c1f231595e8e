//! Taking files out of a zip archive (a wheel is one), within a limit and never outside the target folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

/// The most bytes that are unpacked from one archive; libtorch's headers and CPU library have 0.6 GB.
pub(super) const UNPACKED_BYTES_MAX: u64 = 4 << 30;

/// Unpacks the entries that `place` gives a path within `root`. Returns how many.
pub(super) fn unpack(
    archive: &Path,
    root: &Path,
    limit_bytes: u64,
    place: impl Fn(&Path) -> Option<PathBuf>,
) -> Result<usize, String> {
    let failed = |what: &dyn std::fmt::Display| format!("could not unpack {}: {what}", archive.display());
    let file = File::open(archive).map_err(|error| failed(&error))?;
    let mut zip = ZipArchive::new(file).map_err(|error| failed(&error))?;
    let mut left_bytes = limit_bytes;
    let mut unpacked = 0;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|error| failed(&error))?;
        if entry.is_dir() || entry.is_symlink() {
            continue;
        }
        // A name that leads out of the archive is none of libtorch's.
        let Some(target) = entry.enclosed_name().and_then(|name| place(&name)).map(|path| root.join(path))
        else {
            continue;
        };
        let written = write(&mut entry, &target, left_bytes).map_err(|error| failed(&error))?;
        left_bytes = left_bytes
            .checked_sub(written)
            .ok_or_else(|| failed(&format!("it holds more than {limit_bytes} bytes")))?;
        unpacked += 1;
    }
    Ok(unpacked)
}

/// Writes an entry, one byte beyond the limit at most.
fn write(entry: &mut impl io::Read, target: &Path, left_bytes: u64) -> io::Result<u64> {
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    io::copy(&mut io::Read::take(entry, left_bytes + 1), &mut File::create(target)?)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write as _;
    use std::path::{Path, PathBuf};

    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::unpack;

    fn archive(folder: &Path, entries: &[(&str, &str)]) -> PathBuf {
        let path = folder.join("archive.zip");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        for (name, content) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    #[test]
    fn only_placed_entries_within_the_root_are_unpacked() {
        let home = tempfile::tempdir().unwrap();
        let zip = archive(home.path(), &[("torch/a.h", "a"), ("torch/b.py", "b"), ("../evil.h", "c")]);
        let root = home.path().join("root");
        let place =
            |name: &Path| name.extension().is_some_and(|end| end == "h").then(|| Path::new("x").join(name));
        assert_eq!(unpack(&zip, &root, 100, place), Ok(1));
        assert_eq!(fs::read_to_string(root.join("x/torch/a.h")).unwrap(), "a");
        assert!(!home.path().join("evil.h").exists() && !root.join("evil.h").exists());
    }

    #[test]
    fn a_bomb_and_a_text_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let zip = archive(home.path(), &[("a", "12345"), ("b", "12345")]);
        let root = home.path().join("root");
        let all = |name: &Path| Some(name.to_owned());
        assert_eq!(unpack(&zip, &root, 10, all), Ok(2));
        assert!(unpack(&zip, &root, 9, all).unwrap_err().contains("more than 9 bytes"));
        fs::write(&zip, "not a zip").unwrap();
        assert!(unpack(&zip, &root, 9, all).unwrap_err().contains("could not unpack"));
    }
}
