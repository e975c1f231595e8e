//! Where a PostgreSQL server is, and the password for it, which nothing ever shows.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio_postgres::config::Host;

use super::PostgresError;
use super::tls::Protection;

/// The port that PostgreSQL has unless told otherwise.
const PORT: u16 = 5432;

/// A PostgreSQL database: `postgres://user@host:port/database`.
#[derive(Clone, PartialEq)]
pub struct Address {
    config: Box<tokio_postgres::Config>,
    protection: Protection,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(text: &str) -> Result<Self, PostgresError> {
        let wrong = |reason: &str| PostgresError::Address(reason.to_owned());
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(wrong("it does not begin with postgres://"));
        }
        let (text, protection) = Protection::take(text);
        let mut config: tokio_postgres::Config = text.parse().map_err(|error: tokio_postgres::Error| {
            // The reason names an option at most, never its value.
            let source = std::error::Error::source(&error).map(ToString::to_string);
            wrong(&source.unwrap_or_else(|| error.to_string()))
        })?;
        if config.get_hosts().is_empty() {
            return Err(wrong("it names no host"));
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(wrong("it names no database"));
        }
        if config.get_user().is_none_or(str::is_empty) {
            return Err(wrong("it names no user"));
        }
        config.ssl_mode(protection.mode(config.get_hosts())?);
        Ok(Self { config: Box::new(config), protection })
    }

    /// The same with a password, unless it has one.
    #[must_use]
    pub fn or_password(mut self, password: Option<&str>) -> Self {
        if let (None, Some(password)) = (self.config.get_password(), password) {
            self.config.password(password);
        }
        self
    }

    /// The same with the password that a password file has for it, unless it has one. Lines are
    /// `host:port:database:user:password`, where `*` stands for anything and `\` takes the meaning from `:` and `\`.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn or_password_file(self, path: &Path) -> Result<Self, PostgresError> {
        if self.config.get_password().is_some() || !path.is_file() {
            return Ok(self);
        }
        let text = fs::read_to_string(path).map_err(|error| PostgresError::PasswordFile {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        let (host, port) = self.host();
        let [port, database, user] = [
            port.to_string(),
            self.database().to_owned(),
            self.config.get_user().unwrap_or_default().to_owned(),
        ];
        let wanted = [host, port, database, user];
        let password = text.lines().find_map(|line| {
            let fields = fields(line);
            let (password, key) = fields.split_last()?;
            let fits = |(field, wanted): (&String, &String)| field == "*" || field == wanted;
            (key.len() == wanted.len() && key.iter().zip(&wanted).all(fits)).then(|| password.clone())
        });
        Ok(self.or_password(password.as_deref()))
    }

    /// How a connection is made, under a name that the server's views show.
    pub(super) fn config(&self, name: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::clone(&self.config);
        config.application_name(name);
        config
    }

    /// How connections are protected, where they are.
    pub(super) fn protection(&self) -> &Protection {
        &self.protection
    }

    fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    /// The first host and its port.
    fn host(&self) -> (String, u16) {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            #[cfg(unix)]
            Some(Host::Unix(folder)) => folder.display().to_string(),
            None => String::new(),
        };
        (host, self.config.get_ports().first().copied().unwrap_or(PORT))
    }
}

/// The fields of a line of a password file; none of a comment.
fn fields(line: &str) -> Vec<String> {
    if line.starts_with('#') {
        return Vec::new();
    }
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, fields.len()) {
            ('\\', _) => fields.last_mut().into_iter().for_each(|field| field.extend(letters.next())),
            (':', ..5) => fields.push(String::new()),
            (letter, _) => fields.last_mut().into_iter().for_each(|field| field.push(letter)),
        }
    }
    fields
}

/// `host:port/database`: what may be shown of it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = self.host();
        write!(f, "{host}:{port}/{}", self.database())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).map_err(serde::de::Error::custom)
    }
}

/// Without user and password.
impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("postgres://{self}"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Address, PostgresError};

    fn read(text: &str) -> Address {
        Address::read(text).expect("an address")
    }

    #[test]
    fn what_is_no_address_is_refused_without_showing_it() {
        for text in [
            "",
            "foldwise.db",
            "mysql://a@b/c",
            "postgres://",
            "postgres://host/db",
            "postgres://u@host",
            "postgres://u:secret@host:x/db",
            "postgres://u:secret@host/db?sslmode=secret",
        ] {
            let error = Address::read(text).expect_err(text);
            assert!(matches!(error, PostgresError::Address(_)));
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }

    #[test]
    fn nothing_shows_the_password() {
        let address = read("postgres://u:secret@den.example:6000/search");
        let shown = format!("{address} {address:?} {}", serde_json::to_string(&address).expect("a text"));
        assert!(shown.contains("den.example:6000/search") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_password_file_is_read_as_others_read_it() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("pass");
        fs::write(&path, "# all\nother:*:*:*:no\nden:5432:*:u:a\\:b\\\\c:d\n*:*:*:*:last\n").expect("writes");
        let with = |text: &str| read(text).or_password_file(&path).expect("reads").config;
        let password = |text: &str| with(text).get_password().map(<[u8]>::to_vec);
        assert_eq!(password("postgres://u@den/x").as_deref(), Some(&b"a:b\\c:d"[..]));
        assert_eq!(password("postgres://v@den/x").as_deref(), Some(&b"last"[..]));
        assert_eq!(password("postgres://u:own@den/x").as_deref(), Some(&b"own"[..]));
        let none = folder.path().join("none");
        assert!(
            read("postgres://u@den/x")
                .or_password_file(&none)
                .expect("is not there")
                .config
                .get_password()
                .is_none()
        );
    }
}
