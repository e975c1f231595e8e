//! The tokens that there are, where every call can look them up without asking the ledger, which follows its commits.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::token::{TokenRecord, parts};
use super::{Principal, Role};

/// All tokens by their public part, shared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens(Arc<RwLock<HashMap<String, TokenRecord>>>);

impl Tokens {
    /// Puts a token there, or replaces what is known of it.
    pub(crate) fn put(&self, record: TokenRecord) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(record.id.clone(), record);
    }

    /// Whose a token is, with its public part.
    pub(super) fn look_up(&self, text: &str, now_unix_ms: u64) -> Option<(String, Principal)> {
        let (id, secret) = parts(text)?;
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let record = tokens.get(id)?;
        let good = record.is_secret(secret) & record.is_good(now_unix_ms);
        good.then(|| (id.to_owned(), record.principal.clone()))
    }

    /// Whose the token with this public part is, if it is still good.
    pub(super) fn still(&self, id: &str, now_unix_ms: u64) -> Option<Principal> {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(id).filter(|record| record.is_good(now_unix_ms)).map(|record| record.principal.clone())
    }

    /// Whether anybody can make tokens.
    pub(crate) fn has_admin(&self, now_unix_ms: u64) -> bool {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tokens.values().any(|record| record.principal.role() == Role::Admin && record.is_good(now_unix_ms))
    }
}
