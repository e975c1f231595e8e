//! Principals: names with a role.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Longest name of a principal.
const NAME_BYTES_MAX: usize = 64;
/// The scheme of the URI that names a principal in a certificate.
const SCHEME: &str = "foldwise://";

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything but working: what submitters may, deleting studies, draining workers, tokens.
    Admin,
    /// What readers may, and to submit, steer and end studies.
    Submit,
    /// To look at studies, reports and workers.
    Read,
    /// To lease cohorts and hand their results in, and nothing else.
    Worker,
}

/// Not a principal's name or role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAPrincipal {
    /// The name.
    #[error("`{0}` cannot be a name: use 1 to {NAME_BYTES_MAX} letters, digits, `.`, `-` and `_`")]
    Name(String),
    /// The role.
    #[error("there is no role `{0}`: choose admin, submit, read or worker")]
    Role(String),
    /// The URI of a certificate.
    #[error("`{0}` names no principal: one looks like foldwise://worker/den-3")]
    Uri(String),
}

/// Somebody with a role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    name: String,
    role: Role,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Submit, Self::Read, Self::Worker];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Submit => "submit",
            Self::Read => "read",
            Self::Worker => "worker",
        }
    }

    /// Whether it may do what `needed` may: admins what submitters may, these what readers may. Workers stand apart.
    #[must_use]
    pub fn includes(self, needed: Self) -> bool {
        match self {
            Self::Admin => needed != Self::Worker,
            Self::Submit => matches!(needed, Self::Submit | Self::Read),
            Self::Read => needed == Self::Read,
            Self::Worker => needed == Self::Worker,
        }
    }
}

impl FromStr for Role {
    type Err = NotAPrincipal;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|role| role.word() == word);
        found.ok_or_else(|| NotAPrincipal::Role(word.to_owned()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Principal {
    /// Checks the name.
    ///
    /// # Errors
    /// When it cannot be a name.
    pub fn new(name: &str, role: Role) -> Result<Self, NotAPrincipal> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(plain) {
            return Err(NotAPrincipal::Name(name.to_owned()));
        }
        Ok(Self { name: name.to_owned(), role })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// As a certificate names it.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{SCHEME}{}/{}", self.role, self.name)
    }

    /// The one that a certificate names.
    ///
    /// # Errors
    /// When it names none.
    pub fn from_uri(uri: &str) -> Result<Self, NotAPrincipal> {
        let parts = uri.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/'));
        let (role, name) = parts.ok_or_else(|| NotAPrincipal::Uri(uri.to_owned()))?;
        Self::new(name, role.parse()?)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.role)
    }
}

#[cfg(test)]
mod tests {
    use super::{Principal, Role};

    #[test]
    fn roles_include_each_other_as_documented() {
        use Role::{Admin, Read, Submit, Worker};
        for (role, may) in [
            (Admin, vec![Admin, Submit, Read]),
            (Submit, vec![Submit, Read]),
            (Read, vec![Read]),
            (Worker, vec![Worker]),
        ] {
            for needed in Role::ALL {
                assert_eq!(role.includes(needed), may.contains(&needed), "{role} {needed}");
            }
        }
    }

    #[test]
    fn a_certificate_names_whom_it_was_made_for_and_nobody_else() {
        let den = Principal::new("den-3", Role::Worker).unwrap();
        assert_eq!(den.uri(), "foldwise://worker/den-3");
        assert_eq!(Principal::from_uri(&den.uri()), Ok(den));
        for uri in [
            "",
            "foldwise://worker",
            "foldwise://worker/",
            "foldwise://root/den",
            "foldwise://worker/den/other",
            "https://worker/den",
            "foldwise://worker/den%2Fother",
        ] {
            assert!(Principal::from_uri(uri).is_err(), "{uri}");
        }
    }
}
