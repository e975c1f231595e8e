//! The first token: an administrator's, made when a coordinator that authenticates its callers has none yet.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::access::{MintError, Minted, Role, Tokens};
use crate::ledger::Change;
use crate::private;
use crate::store::{Store, StoreError};

/// The file in the state folder that it is written to.
const FILE: &str = "admin-token";

/// Why there is no first token.
#[derive(Debug, thiserror::Error)]
pub enum FirstTokenError {
    /// It cannot be made.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be handed over.
    #[error(
        "cannot write the first administrator's token to {}: {source}; remove the file if it is an old one", path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes the token and writes it to a file of its owner's alone, unless there is an administrator. Where it is.
pub(super) fn make(
    store: &mut dyn Store,
    state: &Path,
    now_unix_ms: u64,
) -> Result<Option<PathBuf>, FirstTokenError> {
    let tokens = Tokens::default();
    store.load()?.tokens.into_iter().for_each(|record| tokens.put(record));
    if tokens.has_admin(now_unix_ms) {
        return Ok(None);
    }
    let minted = Minted::new("admin", Role::Admin, now_unix_ms, None)?;
    let path = state.join(FILE);
    // The file first: a token that nobody can read would keep another from being made.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let folder = private::make(state);
    let written = folder.and_then(|()| options.open(&path)).and_then(|mut file| {
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        writeln!(file, "{}", minted.text())?;
        file.sync_all()
    });
    written.map_err(|source| FirstTokenError::Write { path: path.clone(), source })?;
    store.commit(&[Change::TokenCreated(minted.record)])?;
    Ok(Some(path))
}
