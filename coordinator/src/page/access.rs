//! Who may do what on the page: the one place where that is decided.
//!
//! Where the coordinator authenticates nobody, whoever reaches it may do everything that the page offers. Elsewhere a browser
//! signs in with a token and shows its session's cookie, a script shows the token itself, and either may come with a
//! certificate. The documents hold nothing of any study and are everybody's: they ask for the sign-in.

use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::problem::Problem;
use super::session;
use crate::access::{Access, Asker, Entry, Outcome, Principal, Role};
use crate::port::Peer;

/// How a request said who makes it, so that what takes long can ask again whether that still holds.
#[derive(Debug, Clone)]
pub(super) enum Shown {
    /// Nobody is asked.
    Nothing,
    /// A session, by the value of its cookie.
    Session(String),
    /// A token, by its public part.
    Token(String),
    /// A certificate.
    Certificate(Principal),
}

/// What an address needs; `None` where it is everybody's.
fn need(parts: &Parts) -> Option<Role> {
    let path = parts.uri.path();
    let document = path.strip_prefix("/studies/").is_some_and(|rest| !rest.contains('/'));
    if matches!(path, "/" | "/workers" | session::PATH) || document || path.starts_with("/page/") {
        return None;
    }
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    Some(if reads { Role::Read } else { Role::Submit })
}

/// Whether a request may be answered. It has come from this page or from no page at all when this is asked. Who makes it
/// is attached to it.
///
/// # Errors
/// With what whoever asked is told.
pub(super) fn decide(
    access: &Access,
    sessions: &session::Sessions,
    parts: &mut Parts,
) -> Result<(), Problem> {
    let needed = need(parts);
    let shown = shown(access, parts);
    let principal = shown.as_ref().ok().and_then(|shown| principal(access, sessions, shown));
    let peer = parts.extensions.get::<Peer>().cloned();
    let refuse = |status, message: String, principal: Option<&Principal>| {
        let (about, outcome) = (parts.uri.path(), Outcome::Refused);
        let entry =
            Entry { action: "page", principal, peer: peer.as_ref(), about, outcome, reason: &message };
        access.audit().note(access.clock().now().unix_ms, &entry);
        Err(Problem::new(status, message))
    };
    if access.authenticates()
        && let Some(needed) = needed
    {
        match &principal {
            None if shown.is_err() && !access.may_err(peer.as_ref().map(|peer| peer.address.ip())) => {
                let message = "too many wrong tokens came from this address: wait a minute";
                return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, message));
            }
            None if shown.is_err() => {
                return refuse(
                    StatusCode::UNAUTHORIZED,
                    "the token is wrong, has ended or was revoked".to_owned(),
                    None,
                );
            }
            // A page that is opened before anybody signed in is no event.
            None => return Err(Problem::new(StatusCode::UNAUTHORIZED, "sign in with a token")),
            Some(principal) if !principal.role().includes(needed) => {
                let message = format!("{principal} may not do this; it takes the role {needed}");
                return refuse(StatusCode::FORBIDDEN, message, Some(principal));
            }
            Some(_) => {}
        }
    }
    if let Some(peer) = peer.as_ref().filter(|_| principal.is_some() || !access.authenticates()) {
        peer.known.note();
    }
    parts.extensions.insert(shown.unwrap_or(Shown::Nothing));
    parts.extensions.insert(Asker::new(principal));
    Ok(())
}

/// Whether what a request showed still makes somebody of whoever made it.
pub(super) fn still(access: &Access, sessions: &session::Sessions, shown: &Shown) -> bool {
    !access.authenticates() || principal(access, sessions, shown).is_some()
}

/// How a request says who makes it; an error where it shows a wrong token.
fn shown(access: &Access, parts: &Parts) -> Result<Shown, ()> {
    if !access.authenticates() {
        return Ok(Shown::Nothing);
    }
    if let Some(value) = parts.headers.get(AUTHORIZATION) {
        let text = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
        return text.and_then(|text| access.bearer(text)).map(|(id, _)| Shown::Token(id)).ok_or(());
    }
    if let Some(value) = session::cookie(&parts.headers, &parts.extensions) {
        return Ok(Shown::Session(value.to_owned()));
    }
    let certificate = parts.extensions.get::<Peer>().and_then(|peer| peer.principal.clone());
    Ok(certificate.map_or(Shown::Nothing, Shown::Certificate))
}

fn principal(access: &Access, sessions: &session::Sessions, shown: &Shown) -> Option<Principal> {
    match shown {
        Shown::Nothing => None,
        Shown::Session(value) => access.still(&sessions.token(value, access.clock().now().unix_ms)?),
        Shown::Token(id) => access.still(id),
        Shown::Certificate(principal) => Some(principal.clone()),
    }
}
