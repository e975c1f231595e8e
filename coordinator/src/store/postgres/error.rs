//! Why a PostgreSQL server cannot be used: one sentence for each thing that a person can do something about.

use std::error::Error as _;

use tokio_postgres::error::SqlState;

/// Why a PostgreSQL server cannot be used as the store. No variant holds a password.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// Not an address.
    #[error(
        "the store's address cannot be understood: {0}; write it like postgres://user@host:5432/database, with the \
         password in PGPASSWORD or a password file"
    )]
    Address(String),
    /// Its password file.
    #[error("cannot read the password file {path}: {reason}")]
    PasswordFile {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A file of its TLS.
    #[error("the store's {parameter} cannot be used ({path}): {reason}")]
    Tls {
        /// The file.
        path: String,
        /// The address's parameter that names it.
        parameter: &'static str,
        /// Why.
        reason: String,
    },
    /// The line cannot be protected.
    #[error(
        "no protected connection to the PostgreSQL server of {server}: {reason}; name the CA of its certificate with \
         ?sslrootcert=FILE, or say ?sslmode=disable if the network is trusted"
    )]
    Unprotected {
        /// Where.
        server: String,
        /// Why.
        reason: String,
    },
    /// Nobody can tell who leads.
    #[error(
        "whether this coordinator still leads cannot be told: the database at {server} has not answered for some seconds"
    )]
    Unsure {
        /// Where.
        server: String,
    },
    /// Nobody answers.
    #[error("no PostgreSQL server answers at {server}: {reason}")]
    Unreachable {
        /// Where.
        server: String,
        /// Why.
        reason: String,
    },
    /// The user or the password.
    #[error(
        "the PostgreSQL server of {server} does not let this user in: {reason}; the password is read from the address, \
         PGPASSWORD, or the password file (PGPASSFILE, ~/.pgpass)"
    )]
    Refused {
        /// Where.
        server: String,
        /// What the server said.
        reason: String,
    },
    /// The database.
    #[error("the PostgreSQL server has no database for {server}: {reason}; make it with `createdb`")]
    NoDatabase {
        /// Where.
        server: String,
        /// What the server said.
        reason: String,
    },
    /// The tables of a later version.
    #[error(
        "the database at {server} has tables of version {found}, which a later Foldwise wrote, and this one knows \
         version {known} at most: install the same version of Foldwise on every coordinator"
    )]
    TooNew {
        /// Where.
        server: String,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The connection broke, or the server shut it.
    #[error("the connection to the database at {server} was lost: {reason}")]
    Lost {
        /// Where.
        server: String,
        /// Why.
        reason: String,
    },
    /// Another coordinator leads.
    #[error("another coordinator leads on the database at {server}: {leader}")]
    Taken {
        /// Where.
        server: String,
        /// Who.
        leader: String,
    },
    /// Another coordinator took over.
    #[error(
        "this coordinator does not lead any more: another took over from its term {term} on the database at {server}, \
         and nothing was written"
    )]
    Deposed {
        /// Where.
        server: String,
        /// The term that is over.
        term: i64,
    },
    /// The disk is full.
    #[error("the disk of the PostgreSQL server of {server} is full: nothing was lost; free some space")]
    Full {
        /// Where.
        server: String,
    },
    /// Anything else.
    #[error("the database at {server} failed: {reason}")]
    Failed {
        /// Where.
        server: String,
        /// What the server said.
        reason: String,
    },
    /// A database that is to be filled has something in it.
    #[error("the database at {server} is not empty ({table} has rows): name a new one, made with `createdb`")]
    NotEmpty {
        /// Where.
        server: String,
        /// What has rows.
        table: String,
    },
    /// What was copied is not what was read.
    #[error("the copy of {table} at {server} is not what was read ({what}): nothing was kept")]
    Unequal {
        /// Where.
        server: String,
        /// Which table.
        table: String,
        /// How they differ.
        what: String,
    },
    /// This machine.
    #[error("cannot start a thread for the connection to PostgreSQL: {0}")]
    Thread(std::io::Error),
}

impl PostgresError {
    /// What went wrong while connecting.
    pub(super) fn of_connecting(server: &str, error: &tokio_postgres::Error) -> Self {
        let (server, reason) = (server.to_owned(), said(error));
        match error.code() {
            Some(code)
                if [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION]
                    .contains(code) =>
            {
                Self::Refused { server, reason }
            }
            Some(code) if *code == SqlState::INVALID_CATALOG_NAME => Self::NoDatabase { server, reason },
            None if error.to_string().contains("TLS handshake") => Self::Unprotected { server, reason },
            // The client's side of a login: a password is asked for, and there is none.
            None if reason.contains("password") => Self::Refused { server, reason },
            _ => Self::Unreachable { server, reason },
        }
    }

    /// What went wrong with a statement.
    pub(super) fn of_statement(server: &str, error: &tokio_postgres::Error) -> Self {
        let (server, reason) = (server.to_owned(), said(error));
        match error.code() {
            Some(code) if *code == SqlState::DISK_FULL => Self::Full { server },
            // The server shut the connection: 57P01 to 57P05, and 25P03.
            Some(code) if code.code().starts_with("57P") || code.code() == "25P03" => {
                Self::Lost { server, reason }
            }
            Some(_) => Self::Failed { server, reason },
            None => Self::Lost { server, reason },
        }
    }
}

/// What the server said, or the cause of causes.
fn said(error: &tokio_postgres::Error) -> String {
    if let Some(answer) = error.as_db_error() {
        return answer.message().to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match error.source() {
        Some(_) => cause.to_string(),
        None => error.to_string(),
    }
}
