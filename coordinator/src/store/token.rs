//! Rows of tokens.

use std::path::Path;

use rusqlite::{Connection, Result, params};

use super::{StoreError, explain};
use crate::access::{Principal, TokenRecord};

pub(super) fn insert(connection: &Connection, token: &TokenRecord) -> Result<()> {
    let sql = "INSERT INTO token (id, digest, name, role, created_unix_ms, expires_unix_ms, revoked_unix_ms)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let values = params![
        token.id,
        token.digest,
        token.principal.name(),
        token.principal.role().word(),
        token.created_unix_ms.cast_signed(),
        token.expires_unix_ms.map(u64::cast_signed),
        token.revoked_unix_ms.map(u64::cast_signed),
    ];
    connection.execute(sql, values).map(drop)
}

pub(super) fn revoke(connection: &Connection, token: &TokenRecord) -> Result<()> {
    let sql = "UPDATE token SET revoked_unix_ms = ?2 WHERE id = ?1";
    connection.execute(sql, params![token.id, token.revoked_unix_ms.map(u64::cast_signed)]).map(drop)
}

/// Reads every token, oldest first.
pub(super) fn all(
    connection: &Connection,
    folder: &Path,
) -> std::result::Result<Vec<TokenRecord>, StoreError> {
    let failed = |source| explain(folder, source);
    let sql = "SELECT id, digest, name, role, created_unix_ms, expires_unix_ms, revoked_unix_ms
               FROM token ORDER BY created_unix_ms, id";
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let id: String = row.get(0).map_err(failed)?;
        let (name, role): (String, String) = (row.get(2).map_err(failed)?, row.get(3).map_err(failed)?);
        let principal = role.parse().and_then(|role| Principal::new(&name, role));
        let principal = principal.map_err(|error| StoreError::Row {
            path: folder.to_owned(),
            what: format!("token {id}"),
            reason: error.to_string(),
        })?;
        let ms =
            |column| row.get::<_, Option<i64>>(column).map(|ms| ms.map(i64::cast_unsigned)).map_err(failed);
        tokens.push(TokenRecord {
            digest: row.get(1).map_err(failed)?,
            principal,
            created_unix_ms: ms(4)?.unwrap_or(0),
            expires_unix_ms: ms(5)?,
            revoked_unix_ms: ms(6)?,
            id,
        });
    }
    Ok(tokens)
}
