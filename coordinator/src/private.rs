//! Folders that are their owner's alone.

use std::fs::DirBuilder;
use std::io;
use std::path::Path;

/// Makes a folder, and those above it that are missing, for nobody but this user: specs, results and submitted data are not for
/// every user of a machine. A folder that is there stays as somebody made it.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes one folder that is not there yet.
pub(crate) fn make_new(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_made_is_private_and_what_is_there_stays() {
        let folder = tempfile::tempdir().expect("folder");
        let mode = |path: &std::path::Path| path.metadata().expect("is there").permissions().mode() & 0o777;
        let inner = folder.path().join("a/b");
        super::make(&inner).expect("makes");
        assert_eq!((mode(&inner), mode(&folder.path().join("a"))), (0o700, 0o700));
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&inner, open).expect("changes");
        super::make(&inner).expect("is there");
        assert_eq!(mode(&inner), 0o755);
    }
}
