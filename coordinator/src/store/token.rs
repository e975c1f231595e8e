//! Rows of tokens.

use super::StoreError;
use super::row::{Fields, Query, Sink, Source, Value, query, values};
use crate::access::{Principal, TokenRecord};

// In order of their ids, which every database sorts alike only by their bytes: they are put in order here.
const TOKENS: Query = query!(
    ["id", "digest", "name", "role", "created_unix_ms", "expires_unix_ms", "revoked_unix_ms"],
    "FROM token ORDER BY created_unix_ms"
);

pub(super) fn insert<'a>(sink: &mut dyn Sink<'a>, token: &'a TokenRecord) -> Result<(), StoreError> {
    sink.execute(
        "INSERT INTO token (id, digest, name, role, created_unix_ms, expires_unix_ms, revoked_unix_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &values![
            &token.id,
            &token.digest,
            token.principal.name(),
            token.principal.role().word(),
            token.created_unix_ms,
            token.expires_unix_ms,
            token.revoked_unix_ms,
        ],
    )
}

pub(super) fn revoke<'a>(sink: &mut dyn Sink<'a>, token: &'a TokenRecord) -> Result<(), StoreError> {
    let sql = "UPDATE token SET revoked_unix_ms = ?2 WHERE id = ?1";
    sink.execute(sql, &values![&token.id, token.revoked_unix_ms])
}

/// Reads every token, oldest first.
pub(super) fn all(source: &dyn Source) -> Result<Vec<TokenRecord>, StoreError> {
    let mut tokens = Vec::new();
    let what = || "a token".to_owned();
    source.each(TOKENS, &[], &mut |row| {
        let fields = Fields { row, place: source.place(), query: TOKENS, what: &what };
        let id = fields.text("id")?.to_owned();
        let what = || format!("token {id}");
        let fields = Fields { what: &what, ..fields };
        let (name, role) = (fields.text("name")?, fields.text("role")?);
        let principal = role.parse().and_then(|role| Principal::new(name, role));
        let ms = |column| fields.maybe::<i64>(column).map(|ms| ms.map(i64::cast_unsigned));
        tokens.push(TokenRecord {
            digest: fields.text("digest")?.to_owned(),
            principal: principal.map_err(|error| fields.wrong("role", error.to_string()))?,
            created_unix_ms: ms("created_unix_ms")?.unwrap_or(0),
            expires_unix_ms: ms("expires_unix_ms")?,
            revoked_unix_ms: ms("revoked_unix_ms")?,
            id: id.clone(),
        });
        Ok(())
    })?;
    tokens.sort_by(|a: &TokenRecord, b| (a.created_unix_ms, &a.id).cmp(&(b.created_unix_ms, &b.id)));
    Ok(tokens)
}
