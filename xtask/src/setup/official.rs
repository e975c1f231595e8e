//! The official download of libtorch.

use std::fs;
use std::path::{Path, PathBuf};

use super::VERSION;
use super::archive::{UNPACKED_BYTES_MAX, unpack};
use super::download::download;

/// The most bytes of the archive; the CPU one has 0.3 GB.
const ARCHIVE_BYTES_MAX: u64 = 2 << 30;

/// Downloads the archive into the cache, where an interrupted one is resumed, and unpacks it into `root`.
pub(super) fn fetch(root: &Path, cache: &Path) -> Result<(), String> {
    let name = archive_name()?;
    let part = cache.join(format!("{}.part", name.replace("%2B", "+")));
    download(&format!("https://download.pytorch.org/libtorch/cpu/{name}"), &part, ARCHIVE_BYTES_MAX)?;
    let unpacked = unpack(&part, root, UNPACKED_BYTES_MAX, place);
    fs::remove_file(&part).map_err(|error| format!("could not remove {}: {error}", part.display()))?;
    unpacked.map(drop)
}

fn archive_name() -> Result<String, String> {
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        Ok(format!("libtorch-shared-with-deps-{VERSION}%2Bcpu.zip"))
    } else if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
        Ok(format!("libtorch-macos-arm64-{VERSION}.zip"))
    } else {
        Err("there is none for this system".to_owned())
    }
}

/// The archive's folders of interest, without its own top folder.
fn place(name: &Path) -> Option<PathBuf> {
    let inner = name.strip_prefix("libtorch").ok()?;
    let wanted = ["include", "lib", "build-version"];
    wanted.iter().any(|wanted| inner.starts_with(wanted)).then(|| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::place;

    #[test]
    fn the_top_folder_is_left_out() {
        assert_eq!(place(Path::new("libtorch/lib/libc10.so")), Some(PathBuf::from("lib/libc10.so")));
        assert_eq!(place(Path::new("libtorch/build-version")), Some(PathBuf::from("build-version")));
        assert_eq!(place(Path::new("libtorch/share/cmake/a")), None);
        assert_eq!(place(Path::new("lib/libc10.so")), None);
    }
}
