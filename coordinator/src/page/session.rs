//! Signing in and out: a token becomes a cookie that no script can read, no other site can send and nobody can guess.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};

use super::Page;
use super::access::Shown;
use super::problem::Problem;
use crate::access::{Asker, Entry, Outcome, Principal, Role};
use crate::port::Peer;

/// Where it is asked for.
pub(super) const PATH: &str = "/api/session";
/// The cookie's names: with TLS browsers see to it that no other machine of the domain can set it.
const COOKIE_TLS: &str = "__Host-foldwise";
const COOKIE_PLAIN: &str = "foldwise";
/// Time after which one signs in anew, s: a working day.
const SESSION_SECONDS: u64 = 12 * 3600;
/// Sessions at a time. Where there are more, those that end first go.
const SESSIONS_MAX: usize = 10_000;
/// Random bytes of a cookie.
const COOKIE_BYTES: usize = 32;
/// Bytes of what is sent to sign in, and the time that it may take.
const BODY_BYTES_MAX: usize = 4096;
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Who is signed in, by the digest of the cookie. They are forgotten with the coordinator's end.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<blake3::Hash, Session>>);

#[derive(Debug)]
struct Session {
    token: String,
    ends_unix_ms: u64,
}

impl Sessions {
    /// Begins a session of a token; the cookie's value.
    fn begin(&self, token: String, now_unix_ms: u64) -> Result<String, getrandom::Error> {
        let mut bytes = [0; COOKIE_BYTES];
        getrandom::fill(&mut bytes)?;
        let value = blake3::hash(&bytes).to_hex().to_string();
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.ends_unix_ms > now_unix_ms);
        if sessions.len() >= SESSIONS_MAX {
            let first = sessions.iter().min_by_key(|(_, session)| session.ends_unix_ms).map(|(key, _)| *key);
            first.and_then(|key| sessions.remove(&key));
        }
        let session = Session { token, ends_unix_ms: now_unix_ms + SESSION_SECONDS * 1000 };
        sessions.insert(blake3::hash(value.as_bytes()), session);
        Ok(value)
    }

    /// The public part of the token that a cookie stands for.
    pub(super) fn token(&self, value: &str, now_unix_ms: u64) -> Option<String> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get(&blake3::hash(value.as_bytes()))?;
        (session.ends_unix_ms > now_unix_ms).then(|| session.token.clone())
    }

    fn end(&self, value: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&blake3::hash(value.as_bytes()));
    }
}

/// The value of the session's cookie. Under the one name that is set on this connection: with TLS another name could have
/// been set by another machine of the domain.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, extensions: &Extensions) -> Option<&'a str> {
    let (ours, _) = name(extensions);
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split("; ")).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == ours).map(|(_, value)| value)
}

/// What a page knows of whoever looks at it.
#[derive(Debug, Serialize)]
pub(super) struct Standing {
    /// Whether one has to sign in.
    required: bool,
    name: Option<String>,
    role: Option<Role>,
    /// Whether there is a session to end.
    session: bool,
    /// Whether studies may be paused, cancelled and so on.
    may_change: bool,
}

impl Standing {
    fn of(page: &Page, principal: Option<&Principal>, session: bool) -> Self {
        let role = principal.map(Principal::role);
        Self {
            required: page.access.authenticates() && !role.is_some_and(|role| role.includes(Role::Read)),
            name: principal.map(|principal| principal.name().to_owned()),
            role,
            session,
            may_change: !page.access.authenticates() || role.is_some_and(|role| role.includes(Role::Submit)),
        }
    }
}

/// `GET /api/session`.
pub(super) async fn show(
    State(page): State<Arc<Page>>,
    Extension(shown): Extension<Shown>,
    Extension(asker): Extension<Asker>,
) -> Json<Standing> {
    let session = matches!(shown, Shown::Session(_)) && asker.principal.is_some();
    Json(Standing::of(&page, asker.principal.as_ref(), session))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    token: String,
}

/// `POST /api/session` with `{"token": "…"}`.
pub(super) async fn sign_in(State(page): State<Arc<Page>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let late = || Problem::new(StatusCode::REQUEST_TIMEOUT, "the token did not come in time");
    let read =
        tokio::time::timeout(BODY_PATIENCE, to_bytes(body, BODY_BYTES_MAX)).await.map_err(|_| late())?;
    let bytes = read.map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "a token is short"))?;
    let sent: Credentials =
        serde_json::from_slice(&bytes).map_err(|_| Problem::wrong("send JSON with the one field `token`"))?;
    if !page.access.authenticates() {
        return Err(Problem::new(StatusCode::CONFLICT, "nobody has to sign in here"));
    }
    let peer = parts.extensions.get::<Peer>();
    let note = |principal: Option<&Principal>, outcome, reason: &str| {
        let entry = Entry { action: "page.sign_in", principal, peer, about: "", outcome, reason };
        page.access.audit().note(page.access.clock().now().unix_ms, &entry);
    };
    let Some((id, principal)) = page.access.bearer(sent.token.trim()) else {
        if !page.access.may_err(peer.map(|peer| peer.address.ip())) {
            let message = "too many wrong tokens came from this address: wait a minute, then try again";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, message));
        }
        let message = "the token is wrong, has ended or was revoked";
        note(None, Outcome::Refused, message);
        return Err(Problem::new(StatusCode::UNAUTHORIZED, message));
    };
    if !principal.role().includes(Role::Read) {
        let message =
            "this is a worker's token: it opens nothing here; sign in with one that has the role read";
        note(Some(&principal), Outcome::Refused, message);
        return Err(Problem::refused(message));
    }
    let begun = page.sessions.begin(id, page.access.clock().now().unix_ms);
    let value = begun
        .map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the system gave no random numbers"))?;
    note(Some(&principal), Outcome::Done, "");
    let standing = Standing::of(&page, Some(&principal), true);
    Ok(with_cookie(Json(standing).into_response(), &parts.extensions, &value, SESSION_SECONDS))
}

/// `DELETE /api/session`.
pub(super) async fn sign_out(State(page): State<Arc<Page>>, request: Request) -> Response {
    if let Some(value) = cookie(request.headers(), request.extensions()) {
        page.sessions.end(value);
    }
    let standing = Standing::of(&page, None, false);
    with_cookie(Json(standing).into_response(), request.extensions(), "", 0)
}

/// The cookie's name on a connection, and what else is said of it.
fn name(extensions: &Extensions) -> (&'static str, &'static str) {
    let tls = extensions.get::<Peer>().is_some_and(|peer| peer.tls);
    if tls { (COOKIE_TLS, "; Secure") } else { (COOKIE_PLAIN, "") }
}

fn with_cookie(mut answer: Response, extensions: &Extensions, value: &str, seconds: u64) -> Response {
    let (name, secure) = name(extensions);
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    // Letters, digits and signs that are always allowed.
    if let Ok(text) = HeaderValue::from_str(&text) {
        answer.headers_mut().append(SET_COOKIE, text);
    }
    answer
}

#[cfg(test)]
mod tests {
    use axum::http::Extensions;
    use axum::http::header::{COOKIE, HeaderMap, HeaderValue};

    use super::cookie;
    use crate::port::Peer;

    #[test]
    fn a_cookie_counts_under_the_name_that_is_set_on_its_connection() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("foldwise=planted; other=x; __Host-foldwise=own"));
        for (tls, expected) in [(true, "own"), (false, "planted")] {
            let address = ([127, 0, 0, 1], 1).into();
            let mut extensions = Extensions::new();
            extensions.insert(Peer { address, principal: None, tls, known: Default::default() });
            assert_eq!(cookie(&headers, &extensions), Some(expected));
        }
    }
}
