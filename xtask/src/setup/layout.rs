//! What a libtorch folder must hold: headers, the CPU library and the right version.

use std::fs;
use std::path::Path;

use super::VERSION;

/// Where a version can be read, the surest first: the official archive's file, then headers.
const VERSION_HEADERS: [&str; 3] =
    ["torch/headeronly/version.h", "torch/version.h", "torch/csrc/api/include/torch/version.h"];

/// The CPU library's file name on this system.
pub(super) const CPU_LIBRARY: &str =
    if cfg!(target_os = "macos") { "libtorch_cpu.dylib" } else { "libtorch_cpu.so" };

/// Checks that `root` is a libtorch of [`VERSION`].
pub(super) fn check(root: &Path) -> Result<(), String> {
    for needed in ["include/torch".to_owned(), format!("lib/{CPU_LIBRARY}")] {
        if !root.join(&needed).exists() {
            return Err(format!("{} has no {needed}", root.display()));
        }
    }
    match version(root) {
        Some(found) if found == VERSION => Ok(()),
        Some(found) => Err(format!("{} is version {found}, needed is {VERSION}", root.display())),
        None => Err(format!("{} does not say its version", root.display())),
    }
}

fn version(root: &Path) -> Option<String> {
    if let Ok(text) = fs::read_to_string(root.join("build-version")) {
        return Some(release(text.trim()).to_owned());
    }
    VERSION_HEADERS
        .iter()
        .filter_map(|header| fs::read_to_string(root.join("include").join(header)).ok())
        .find_map(|text| header_version(&text))
}

/// `2.11.0` of `2.11.0+cu130`.
pub(super) fn release(version: &str) -> &str {
    version.split('+').next().unwrap_or(version)
}

fn header_version(text: &str) -> Option<String> {
    let part = |name: &str| {
        let definition = format!("#define TORCH_VERSION_{name} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&definition))?.trim();
        value.parse::<u32>().ok()
    };
    Some(format!("{}.{}.{}", part("MAJOR")?, part("MINOR")?, part("PATCH")?))
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;
    use std::path::Path;

    use super::{CPU_LIBRARY, check, header_version};
    use crate::setup::VERSION;

    /// Writes what looks like a libtorch of a version.
    pub(in crate::setup) fn write(root: &Path, version: &str) {
        fs::create_dir_all(root.join("include/torch")).unwrap();
        fs::create_dir_all(root.join("lib")).unwrap();
        fs::write(root.join("lib").join(CPU_LIBRARY), "").unwrap();
        fs::write(root.join("build-version"), format!("{version}+cpu\n")).unwrap();
    }

    #[test]
    fn a_folder_is_checked_for_its_parts_and_version() {
        let root = tempfile::tempdir().unwrap();
        assert!(check(root.path()).unwrap_err().contains("include/torch"));
        write(root.path(), VERSION);
        assert_eq!(check(root.path()), Ok(()));
        write(root.path(), "2.10.0");
        assert!(check(root.path()).unwrap_err().contains("is version 2.10.0, needed is 2.11.0"));
        fs::remove_file(root.path().join("build-version")).unwrap();
        assert!(check(root.path()).unwrap_err().contains("does not say"));
        let header =
            "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 11\n#define TORCH_VERSION_PATCH 0\n";
        fs::write(root.path().join("include/torch/version.h"), header).unwrap();
        assert_eq!(check(root.path()), Ok(()));
    }

    #[test]
    fn a_header_without_all_parts_has_no_version() {
        assert_eq!(header_version("#define TORCH_VERSION_MAJOR 2\n"), None);
    }
}
