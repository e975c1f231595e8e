//! Tokens: made, and revoked for good.

use super::{Change, Ledger, Now, Rejection, Reply};
use crate::access::TokenRecord;

/// Tokens that are kept, revoked ones among them: far more than people and machines need.
const TOKENS_MAX: usize = 10_000;

impl Ledger {
    /// All tokens by their public part.
    pub fn tokens(&self) -> impl Iterator<Item = &TokenRecord> {
        self.tokens.values()
    }

    pub(super) fn create_token(
        &mut self,
        record: TokenRecord,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        if self.tokens.len() >= TOKENS_MAX {
            return Err(Rejection::TooManyTokens(TOKENS_MAX));
        }
        // Random ids do not meet, but nobody's token is ever replaced.
        if self.tokens.contains_key(&record.id) {
            return Err(Rejection::TokenExists(record.id));
        }
        self.tokens.insert(record.id.clone(), record.clone());
        changes.push(Change::TokenCreated(record));
        Ok(Reply::Done)
    }

    pub(super) fn revoke_token(
        &mut self,
        id: &str,
        now: Now,
        changes: &mut Vec<Change>,
    ) -> Result<Reply, Rejection> {
        let record = self.tokens.get_mut(id).ok_or_else(|| Rejection::NoToken(id.to_owned()))?;
        if record.revoked_unix_ms.is_none() {
            record.revoked_unix_ms = Some(now.unix_ms);
            changes.push(Change::TokenRevoked(record.clone()));
        }
        Ok(Reply::Done)
    }
}
