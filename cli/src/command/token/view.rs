//! Tokens as they are shown.

use foldwise_proto::v1::Token;
use foldwise_report::rfc_3339;
use serde::Serialize;

use crate::clock;
use crate::table::{Column, table as lined};

/// A token for programs.
#[derive(Debug, Serialize)]
pub(super) struct TokenView<'a> {
    id: &'a str,
    name: &'a str,
    role: &'a str,
    state: &'static str,
    created: String,
    ends: Option<String>,
    revoked: Option<String>,
}

impl<'a> TokenView<'a> {
    pub(super) fn new(token: &'a Token) -> Self {
        Self {
            id: &token.id,
            name: &token.name,
            role: &token.role,
            state: state(token),
            created: rfc_3339(token.created_unix_ms),
            ends: token.expires_unix_ms.map(rfc_3339),
            revoked: token.revoked_unix_ms.map(rfc_3339),
        }
    }
}

fn state(token: &Token) -> &'static str {
    let now_ms = u64::try_from(clock::unix_seconds()).unwrap_or(0) * 1000;
    if token.revoked_unix_ms.is_some() {
        "revoked"
    } else if token.expires_unix_ms.is_some_and(|end| end <= now_ms) {
        "ended"
    } else {
        "good"
    }
}

/// The same for people.
pub(super) fn table(tokens: &[Token]) -> String {
    let day = |unix_ms: u64| rfc_3339(unix_ms)[..10].to_owned();
    let columns = ["id", "name", "role", "state", "made", "ends"].map(Column::Text);
    lined(
        &columns,
        tokens.iter().map(|token| {
            let ends = token.expires_unix_ms.map_or_else(|| "never".to_owned(), day);
            let (id, name, role) = (token.id.clone(), token.name.clone(), token.role.clone());
            vec![id, name, role, state(token).to_owned(), day(token.created_unix_ms), ends]
        }),
    )
}
