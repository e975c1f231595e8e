//! What says who calls: a token, or a certificate with its key; and whom the caller believes.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use tonic::metadata::{Ascii, MetadataValue};

use crate::address::Address;
use crate::tls;

/// Longest token, bytes.
const TOKEN_BYTES_MAX: usize = 512;

/// Why credentials cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// A file.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file that holds something else.
    #[error("{} is not {what}: {reason}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        reason: String,
    },
    /// Not a token.
    #[error("{0} holds no token: one looks like fw_…, as `foldwise token create` shows it, on one line")]
    Token(String),
    /// A token that others could read on its way.
    #[error(
        "refusing to send a token to {0}: it would go in clear over the network; use https://, or a tunnel to this \
         machine"
    )]
    Clear(String),
}

/// A token. It is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(MetadataValue<Ascii>);

impl Secret {
    /// Reads a token; `place` names where it stood.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(text: &str, place: &str) -> Result<Self, CredentialsError> {
        let wrong = || CredentialsError::Token(place.to_owned());
        let token = text.trim();
        let fine = !token.is_empty()
            && token.len() <= TOKEN_BYTES_MAX
            && token.bytes().all(|b| b.is_ascii_graphic());
        if !fine {
            return Err(wrong());
        }
        let mut value: MetadataValue<Ascii> = format!("Bearer {token}").parse().map_err(|_| wrong())?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(crate) fn value(&self) -> MetadataValue<Ascii> {
        self.0.clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Where a token is.
#[derive(Debug, Clone)]
pub(crate) enum TokenSource {
    /// Here.
    Given(Secret),
    /// In a file, which may be replaced.
    File(PathBuf),
}

impl TokenSource {
    pub(crate) fn secret(&self) -> Result<Secret, CredentialsError> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(path) => {
                let text = fs::read_to_string(path);
                let text = text.map_err(|error| unreadable(path, &error))?;
                Secret::read(&text, &path.display().to_string())
            }
        }
    }
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// What a coordinator is called with. The default is nothing, which is enough on one machine.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    pub(crate) ca: Option<PathBuf>,
    pub(crate) identity: Option<Identity>,
    pub(crate) token: Option<TokenSource>,
}

impl Credentials {
    /// With a token.
    #[must_use]
    pub fn token(mut self, secret: Secret) -> Self {
        self.token = Some(TokenSource::Given(secret));
        self
    }

    /// Believing a CA, whose certificate is in a file.
    #[must_use]
    pub fn ca(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca = Some(file.into());
        self
    }

    /// With a certificate and its key, in two files.
    #[must_use]
    pub fn identity(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some(Identity { cert: cert.into(), key: key.into() });
        self
    }

    /// Sees early that every file can be read, and that no token is sent in clear.
    pub(crate) fn check(&self, address: &Address) -> Result<(), CredentialsError> {
        if let Some(token) = &self.token {
            token.secret()?;
            if !address.is_tls() && !address.is_local() {
                return Err(CredentialsError::Clear(address.url().to_owned()));
            }
        }
        if address.is_tls() {
            tls::config(self)?;
        }
        Ok(())
    }
}

pub(crate) fn unreadable(path: &Path, error: &dyn fmt::Display) -> CredentialsError {
    CredentialsError::Read { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Credentials, CredentialsError, Secret, TokenSource};
    use crate::Line;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::read("fw_0123_abcdef\n", "here").unwrap();
        let credentials =
            Credentials { token: Some(TokenSource::Given(secret.clone())), ..Credentials::default() };
        let shown = format!("{secret:?} {credentials:?} {:?}", secret.value());
        assert!(!shown.contains("abcdef"), "{shown}");
    }

    #[test]
    fn what_is_no_token_is_refused_and_its_place_named() {
        for text in ["", "  \n", "two words", "fw_ä", &"x".repeat(1000)] {
            let error = Secret::read(text, "token.txt").unwrap_err();
            assert!(error.to_string().starts_with("token.txt holds no token"), "{error}");
        }
    }

    #[test]
    fn a_token_is_not_sent_in_clear_to_another_machine() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "fw_0123_abcdef\n").unwrap();
        let credentials = Credentials { token: Some(TokenSource::File(path)), ..Credentials::default() };
        assert!(Line::new("http://127.0.0.1:7070", &credentials).is_ok());
        assert!(Line::new("https://den.example:7070", &credentials).is_ok());
        let error = Line::new("http://den.example:7070", &credentials).unwrap_err();
        assert!(error.to_string().contains("in clear"), "{error}");
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let credentials = Credentials { ca: Some("/nowhere/ca.crt".into()), ..Credentials::default() };
        let error = Line::new("den:7070", &credentials).unwrap_err().to_string();
        assert!(error.contains("/nowhere/ca.crt"), "{error}");
        let missing = TokenSource::File("/nowhere/token".into()).secret();
        assert!(matches!(missing, Err(CredentialsError::Read { .. })));
    }
}
