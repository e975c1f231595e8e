//! Why a store cannot be used, and where it is.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Where a database is, as errors name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// SQLite's, in a state folder.
    Folder(PathBuf),
    /// PostgreSQL's: `host:port/database`, without a password.
    Server(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "in {}", folder.display()),
            Self::Server(server) => write!(f, "at {server}"),
        }
    }
}

impl From<&Path> for Place {
    fn from(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made or opened.
    #[error("cannot use {path} as the state folder: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another coordinator has it.
    #[error("another coordinator uses the state folder {0}: stop it, or choose another folder with --state")]
    InUse(PathBuf),
    /// There is no state.
    #[error(
        "there is no coordinator's state in {0}: name the folder that `foldwise coordinator --state` was given"
    )]
    Missing(PathBuf),
    /// The folder for a copy is there already.
    #[error("{0} is there already: name a new folder for the copy")]
    Exists(PathBuf),
    /// The database is damaged.
    #[error(
        "the database in {path} is damaged ({first}): nothing was changed; go back to a backup (`foldwise coordinator \
         --state BACKUP`), and see `foldwise inspect {path}`", path = path.display()
    )]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// The first problem.
        first: String,
    },
    /// The disk is full.
    #[error("the disk that holds the database {0} is full: nothing was lost; free some space")]
    Full(Place),
    /// The database was written by a newer version, or is damaged.
    #[error("the database {place} cannot be brought up to date: {source}")]
    Migration {
        /// Where.
        place: Place,
        /// Why.
        source: Box<refinery::Error>,
    },
    /// A row that this version does not understand.
    #[error("the database {place} has a row that cannot be read ({what}): {reason}")]
    Row {
        /// Where.
        place: Place,
        /// Which.
        what: String,
        /// Why.
        reason: String,
    },
    /// Anything else that SQLite says.
    #[error("the database in {path} failed: {source}")]
    Sqlite {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// PostgreSQL.
    #[error(transparent)]
    Postgres(#[from] super::postgres::PostgresError),
}
