//! The link from the checkout to its libtorch.

use std::fs;
use std::io;
use std::path::Path;

use super::error::SetupError;

/// Makes `link` point to `target`, in one step for whoever reads it. What is no link stays untouched.
pub(super) fn link(target: &Path, link: &Path) -> Result<(), SetupError> {
    let target = target.canonicalize().map_err(SetupError::write(target))?;
    match fs::symlink_metadata(link) {
        Ok(metadata) if !metadata.is_symlink() => {
            return Err(SetupError::LinkTaken { path: link.to_owned() });
        }
        _ => {}
    }
    if link.canonicalize().is_ok_and(|current| current == target) {
        return Ok(());
    }
    let mut new = link.as_os_str().to_owned();
    new.push(".new");
    // A rest of an interrupted setup, if anything.
    let _ = fs::remove_file(&new);
    symlink(&target, Path::new(&new)).and_then(|()| fs::rename(&new, link)).map_err(SetupError::write(link))
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn symlink(target: &Path, _link: &Path) -> io::Result<()> {
    Err(io::Error::other(format!("links need Unix: set LIBTORCH={} instead", target.display())))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::link;
    use crate::setup::SetupError;

    #[test]
    fn a_link_is_replaced_and_a_folder_is_not() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        for name in ["one", "two"] {
            fs::create_dir(path(name)).unwrap();
        }
        link(&path("one"), &path("link")).unwrap();
        link(&path("two"), &path("link")).unwrap();
        assert_eq!(path("link").canonicalize().unwrap(), path("two").canonicalize().unwrap());
        assert!(matches!(link(&path("two"), &path("one")), Err(SetupError::LinkTaken { .. })));
        assert!(link(&path("none"), &path("link")).is_err());
    }
}
