//! Tokens: what is shown once, and what is kept of it.
//!
//! A token is `fw_<id>_<secret>`. The id is public and finds the row; the secret has 256 random bits and only its BLAKE3
//! digest is kept. A fast hash is enough because nobody can try 2²⁵⁶ secrets; slow ones are for passwords, which people
//! choose. Digests are compared in constant time.

use std::fmt;

use super::{NotAPrincipal, Principal, Role};

/// What every token begins with, so that scanners for leaked secrets know one.
const PREFIX: &str = "fw_";
/// Random bytes of an id and of a secret.
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// The public part.
    pub id: String,
    /// BLAKE3 of the secret, in hexadecimal.
    pub digest: String,
    /// Whose it is.
    pub principal: Principal,
    /// When it was made, ms since 1970.
    pub created_unix_ms: u64,
    /// When it ends, ms since 1970.
    pub expires_unix_ms: Option<u64>,
    /// When it was revoked, ms since 1970.
    pub revoked_unix_ms: Option<u64>,
}

/// A new token.
#[derive(Clone)]
pub struct Minted {
    /// What is kept.
    pub record: TokenRecord,
    text: String,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// Whom it is for.
    #[error(transparent)]
    Principal(#[from] NotAPrincipal),
    /// The system has no random numbers.
    #[error("the system gave no random numbers for a secret: {0}")]
    Random(getrandom::Error),
}

impl Minted {
    /// Makes a token.
    ///
    /// # Errors
    /// When the name cannot be one, or there are no random numbers.
    pub fn new(
        name: &str,
        role: Role,
        now_unix_ms: u64,
        expires_unix_ms: Option<u64>,
    ) -> Result<Self, MintError> {
        let principal = Principal::new(name, role)?;
        let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
        getrandom::fill(&mut id).map_err(MintError::Random)?;
        getrandom::fill(&mut secret).map_err(MintError::Random)?;
        let (id, secret) = (hex(&id), hex(&secret));
        let digest = blake3::hash(secret.as_bytes()).to_hex().to_string();
        let text = format!("{PREFIX}{id}_{secret}");
        let record = TokenRecord {
            id,
            digest,
            principal,
            created_unix_ms: now_unix_ms,
            expires_unix_ms,
            revoked_unix_ms: None,
        };
        Ok(Self { record, text })
    }

    /// The token itself, to be shown once.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted").field("record", &self.record).finish_non_exhaustive()
    }
}

impl TokenRecord {
    /// Whether it may be used.
    #[must_use]
    pub fn is_good(&self, now_unix_ms: u64) -> bool {
        self.revoked_unix_ms.is_none() && self.expires_unix_ms.is_none_or(|end| now_unix_ms < end)
    }

    /// Whether this is its secret. The time it takes does not depend on how much of it is right.
    pub(super) fn is_secret(&self, secret: &str) -> bool {
        let shown = blake3::hash(secret.as_bytes());
        blake3::Hash::from_hex(&self.digest).is_ok_and(|kept| kept == shown)
    }
}

/// A token's public part and its secret.
pub(super) fn parts(text: &str) -> Option<(&str, &str)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let hexadecimal = |text: &str, bytes: usize| {
        text.len() == 2 * bytes && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    (hexadecimal(id, ID_BYTES) && hexadecimal(secret, SECRET_BYTES)).then_some((id, secret))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{Minted, Role, parts};

    #[test]
    fn what_is_kept_does_not_give_the_secret_away() {
        let minted = Minted::new("ann", Role::Submit, 1, None).unwrap();
        let (id, secret) = parts(minted.text()).unwrap();
        assert_eq!(id, minted.record.id);
        assert!(minted.record.is_secret(secret));
        let kept = format!("{minted:?}");
        assert!(!kept.contains(secret), "{kept}");
        assert_ne!(minted.record.digest, secret);
    }

    #[test]
    fn another_secret_is_not_taken_however_alike() {
        let minted = Minted::new("ann", Role::Submit, 1, None).unwrap();
        let (_, secret) = parts(minted.text()).unwrap();
        let last = if secret.ends_with('0') { "1" } else { "0" };
        assert!(!minted.record.is_secret(&format!("{}{last}", &secret[..63])));
        assert!(!minted.record.is_secret(""));
    }

    #[test]
    fn a_token_ends_when_it_says_or_is_revoked() {
        let mut record = Minted::new("ann", Role::Read, 1, Some(10)).unwrap().record;
        assert!(record.is_good(9) && !record.is_good(10));
        record.revoked_unix_ms = Some(5);
        assert!(!record.is_good(6));
    }

    #[test]
    fn only_what_looks_like_a_token_is_looked_up() {
        for text in
            ["", "fw_", "fw__", "fw_0123456789abcdef_short", "xx_0123456789abcdef_00", "fw_../../etc_00"]
        {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
