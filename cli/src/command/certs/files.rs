//! Files of certificates and keys: keys are their owner's alone and never overwritten.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use rcgen::KeyPair;

use super::CertsError;

/// Writes a secret to a new file that nobody else can read.
pub(super) fn write_secret(path: &Path, text: &str) -> Result<(), CertsError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| CertsError::Write { path: folder.to_owned(), source })?;
    }
    write(path, text, 0o600)
}

/// Writes a new file.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), CertsError> {
    write(path, text, 0o644)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), CertsError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let opened = options.open(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CertsError::Exists(path.to_owned()),
        _ => CertsError::Write { path: path.to_owned(), source },
    });
    let mut file = opened?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|source| CertsError::Write { path: path.to_owned(), source })
}

/// Puts a certificate in place of the one that is there, whole at any moment.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), CertsError> {
    let failed = |source| CertsError::Write { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    #[cfg(unix)]
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644)).map_err(failed)?;
    file.persist(path).map(drop).map_err(|error| failed(error.error))
}

/// Reads a key.
pub(super) fn read_key(path: &Path, remedy: &'static str) -> Result<KeyPair, CertsError> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|source| CertsError::Read { path: path.to_owned(), source, remedy })?;
    KeyPair::from_pem(&text).map_err(|source| CertsError::Key { path: path.to_owned(), source })
}
