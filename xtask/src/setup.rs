//! `cargo xtask setup`: libtorch for this checkout, found or fetched, and linked where Cargo looks for it.
//!
//! In order: the user's `LIBTORCH`, what is linked already, an installed PyTorch, the user's cache, the wheels of the
//! Python package index, the official download.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::environment::Environment;
use crate::error::TaskError;
use crate::workspace::Workspace;

mod archive;
mod digest;
mod download;
mod error;
mod layout;
mod link;
mod official;
mod pytorch;
mod wheel;

pub(crate) use error::SetupError;
use error::{Failure, list};

/// The libtorch that tch 0.24.0 pairs with.
const VERSION: &str = "2.11.0";
/// A file in a finished folder of the cache; it holds [`VERSION`].
const COMPLETE: &str = ".complete";

/// How the folders begin that libtorch is laid out in before it is whole.
const SCRATCH_PREFIX: &str = ".libtorch-";

/// Where setup puts things; the defaults are what everyone uses.
#[derive(Debug, Default, Args)]
pub(crate) struct SetupArguments {
    /// Link libtorch here instead of `.libtorch` in the checkout
    #[arg(long, hide = true)]
    link: Option<PathBuf>,
    /// Keep libtorch here instead of `foldwise` in the user's cache
    #[arg(long, hide = true)]
    cache: Option<PathBuf>,
}

/// Sets libtorch up, and says where it comes from.
pub(crate) fn run(workspace: &Workspace, arguments: &SetupArguments) -> Result<(), TaskError> {
    let environment = Environment::read();
    let default_link = workspace.root().join(".libtorch");
    let link = arguments.link.clone().unwrap_or_else(|| default_link.clone());
    // Cargo sets LIBTORCH to the default link where the user does not: that is no choice of the user's.
    let given = environment.libtorch.filter(|path| *path != default_link);
    if let Some(path) = given {
        layout::check(&path).map_err(|reason| SetupError::Given { path: path.clone(), reason })?;
        return finish(&path, &link, "LIBTORCH");
    }
    if layout::check(&link).is_ok() {
        println!("==> setup: libtorch {VERSION} is linked at {}", link.display());
        return Ok(());
    }
    let cache = match (&arguments.cache, environment.caches) {
        (Some(cache), _) => cache.clone(),
        (None, Some(caches)) => caches.join("foldwise"),
        (None, None) => return Err(SetupError::NoCache.into()),
    };
    let (path, origin) = find_or_fetch(&cache)?;
    finish(&path, &link, origin)
}

/// Where the linked libtorch's libraries lie, for programs that are run without a run path.
pub(crate) fn libraries(workspace: &Workspace) -> PathBuf {
    let environment = Environment::read();
    let root = environment.libtorch.unwrap_or_else(|| workspace.root().join(".libtorch"));
    let lib = root.join("lib");
    lib.canonicalize().unwrap_or(lib)
}

fn finish(path: &Path, link: &Path, origin: &str) -> Result<(), TaskError> {
    link::link(path, link)?;
    println!("==> setup: libtorch {VERSION} from {origin}: {} -> {}", link.display(), path.display());
    Ok(())
}

fn find_or_fetch(cache: &Path) -> Result<(PathBuf, &'static str), SetupError> {
    let mut failures = Vec::new();
    match pytorch::installed() {
        Ok(path) => return Ok((path, "the installed PyTorch")),
        Err(reason) => failures.push(Failure { road: "installed PyTorch".to_owned(), reason }),
    }
    fs::create_dir_all(cache).map_err(SetupError::write(cache))?;
    let lock = cache.join("libtorch.lock");
    let lock_file = File::create(&lock).map_err(SetupError::write(&lock))?;
    lock_file.lock().map_err(SetupError::write(&lock))?;
    let target = cache.join(format!("libtorch-{VERSION}"));
    if is_complete(&target) {
        return Ok((target, "the cache"));
    }
    sweep(cache);
    let roads: [(&str, Fetch); 2] = [
        ("the wheels of the Python package index", wheel::fetch),
        ("the official download", official::fetch),
    ];
    for (road, fetch) in roads {
        println!("==> setup: fetching libtorch {VERSION} from {road}");
        match build(cache, &target, fetch) {
            Ok(()) => return Ok((target, road)),
            Err(Stop::Road(reason)) => {
                println!("==> setup: {road}: {reason}");
                failures.push(Failure { road: road.to_owned(), reason });
            }
            Err(Stop::Cache(error)) => return Err(error),
        }
    }
    Err(SetupError::Roads { failures: list(&failures) })
}

/// Fills the folder that is its first argument; what can be resumed later lies in the cache, the second.
type Fetch = fn(&Path, &Path) -> Result<(), String>;

/// Why no folder was made.
enum Stop {
    Road(String),
    Cache(SetupError),
}

/// Makes the libtorch folder beside its target and renames it when it is whole.
fn build(cache: &Path, target: &Path, fetch: Fetch) -> Result<(), Stop> {
    let stop = |path: &Path| {
        let write = SetupError::write(path);
        move |reason| Stop::Cache(write(reason))
    };
    let scratch = tempfile::Builder::new().prefix(SCRATCH_PREFIX).tempdir_in(cache).map_err(stop(cache))?;
    let new = scratch.path().join("libtorch");
    fs::create_dir(&new).map_err(stop(&new))?;
    fetch(&new, cache).map_err(Stop::Road)?;
    layout::check(&new).map_err(Stop::Road)?;
    fs::write(new.join(COMPLETE), VERSION).map_err(stop(&new))?;
    if target.exists() {
        fs::remove_dir_all(target).map_err(stop(target))?;
    }
    fs::rename(&new, target).map_err(stop(target))
}

/// Removes what setups left that were ended from outside. The lock is held: nobody works in these folders.
fn sweep(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH_PREFIX) {
            // What stays costs room and does no harm.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_complete(target: &Path) -> bool {
    fs::read_to_string(target.join(COMPLETE)).is_ok_and(|version| version == VERSION)
        && layout::check(target).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Stop, VERSION, build, is_complete, layout};

    #[test]
    fn a_folder_counts_only_when_it_is_whole() {
        let cache = tempfile::tempdir().unwrap();
        let target = cache.path().join("libtorch");
        let broken = build(cache.path(), &target, |new, _| {
            layout::tests::write(new, VERSION);
            Err("the line broke".to_owned())
        });
        assert!(matches!(broken, Err(Stop::Road(reason)) if reason == "the line broke"));
        assert!(!target.exists());
        let other = build(cache.path(), &target, |new, _| {
            layout::tests::write(new, "2.10.0");
            Ok(())
        });
        assert!(matches!(other, Err(Stop::Road(reason)) if reason.contains("2.10.0")));
        let whole = |new: &std::path::Path, _: &std::path::Path| {
            layout::tests::write(new, VERSION);
            Ok(())
        };
        assert!(build(cache.path(), &target, whole).is_ok());
        assert!(is_complete(&target));
        fs::write(target.join(".complete"), "2.10.0").unwrap();
        assert!(!is_complete(&target));
        assert!(build(cache.path(), &target, whole).is_ok());
        assert!(is_complete(&target), "an incomplete folder is replaced");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
