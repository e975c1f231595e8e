//! Tokens on the state folder of a coordinator that is stopped, as for the first administrator or after the last one was lost.

use std::path::Path;

use foldwise_coordinator::access::{Minted, Role, TokenRecord};
use foldwise_coordinator::ledger::Change;
use foldwise_coordinator::store::{Sqlite, Store};
use foldwise_proto::v1::Token;

use super::TokenError;
use crate::clock;
use crate::error::CliError;

pub(super) fn create(
    state: &Path,
    name: &str,
    role: Role,
    lifetime_seconds: Option<u64>,
) -> Result<(Token, String), CliError> {
    let now = now_unix_ms();
    let ends = lifetime_seconds.map(|seconds| now + seconds * 1000);
    let minted = Minted::new(name, role, now, ends).map_err(TokenError::from)?;
    let mut store = opened(state)?;
    store.commit(&[Change::TokenCreated(minted.record.clone())]).map_err(CliError::Store)?;
    Ok((message(&minted.record), minted.text().to_owned()))
}

pub(super) fn list(state: &Path) -> Result<Vec<Token>, CliError> {
    let store = opened(state)?;
    Ok(store.load().map_err(CliError::Store)?.tokens.iter().map(message).collect())
}

pub(super) fn revoke(state: &Path, id: &str) -> Result<Token, CliError> {
    let mut store = opened(state)?;
    let tokens = store.load().map_err(CliError::Store)?.tokens;
    let found = tokens.into_iter().find(|token| token.id == id);
    let mut token = found.ok_or_else(|| TokenError::Missing(id.to_owned()))?;
    if token.revoked_unix_ms.is_none() {
        token.revoked_unix_ms = Some(now_unix_ms());
        store.commit(&[Change::TokenRevoked(token.clone())]).map_err(CliError::Store)?;
    }
    Ok(message(&token))
}

/// The state in a folder, where there is one: a new one would be nobody's.
fn opened(state: &Path) -> Result<Sqlite, CliError> {
    Sqlite::open_existing(state).map_err(CliError::Store)
}

fn now_unix_ms() -> u64 {
    u64::try_from(clock::unix_seconds()).unwrap_or(0) * 1000
}

fn message(token: &TokenRecord) -> Token {
    Token {
        id: token.id.clone(),
        name: token.principal.name().to_owned(),
        role: token.principal.role().word().to_owned(),
        created_unix_ms: token.created_unix_ms,
        expires_unix_ms: token.expires_unix_ms,
        revoked_unix_ms: token.revoked_unix_ms,
    }
}
