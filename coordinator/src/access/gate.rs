//! What stands before the gRPC services: who calls, whether that is allowed, and what is written down of it.

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap, ORIGIN};
use axum::http::{StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tonic::{Code, Status};

use super::patience::{Calls, timed};
use super::table::{Call, Need, call};
use super::{Access, Asker, Entry, Outcome, Principal, Stranger};
use crate::port::Peer;

const WHO: &str =
    "say who calls: a token with --token-file or FOLDWISE_TOKEN, or a certificate with --cert and --key";
const WRONG: &str =
    "the token is wrong, has ended or was revoked: ask whoever runs the coordinator for another";
const OFTEN: &str = "too many wrong tokens came from this address: wait a minute, then try with a good one";

const MANY: &str = "too many calls of this caller are under way: wait for their answers";

/// Lets through who may. Whoever is let through is attached to the request.
pub(crate) async fn gate(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    if let Some(refusal) = browser(request.version(), request.headers()) {
        return refusal;
    }
    let peer = request.extensions().get::<Peer>().cloned();
    let path = request.uri().path().to_owned();
    let found = call(&path);
    let asker = match decide(&access, found, request.headers(), peer.as_ref()) {
        Ok(asker) => asker,
        Err(refusal) => {
            if refusal.noted {
                let (principal, reason) = (refusal.principal.as_ref(), refusal.status.message());
                let action = found.and_then(|call| call.action).unwrap_or("call");
                let (peer, outcome) = (peer.as_ref(), Outcome::Refused);
                let entry = Entry { action, principal, peer, about: &path, outcome, reason };
                access.audit.note(access.clock.now().unix_ms, &entry);
            }
            return refused(&refusal.status);
        }
    };
    if let Some(peer) = peer.as_ref().filter(|_| asker.principal.is_some() || !access.authenticates()) {
        peer.known.note();
    }
    let Ok(_under_way) = Calls::begin(&access.calls, asker.principal.as_ref()) else {
        return refused(&Status::resource_exhausted(MANY));
    };
    request.extensions_mut().insert(asker.clone());
    let request = request.map(|body| timed(&path, body));
    let answer = next.run(request).await;
    if let Some(action) = found.and_then(|call| call.action) {
        // A call that fails says so in its head; one that is done, after its answer.
        let failed = Status::from_header_map(answer.headers()).filter(|status| status.code() != Code::Ok);
        let outcome = match failed.as_ref().map(Status::code) {
            None => Outcome::Done,
            Some(Code::PermissionDenied) => Outcome::Refused,
            Some(_) => Outcome::Failed,
        };
        let reason = failed.as_ref().map_or("", Status::message);
        let (principal, peer) = (asker.principal.as_ref(), peer.as_ref());
        let entry = Entry { action, principal, peer, about: asker.about(), outcome, reason };
        access.audit.note(access.clock.now().unix_ms, &entry);
    }
    answer
}

/// Browsers are kept from the services. Without TLS they speak HTTP/1.1 alone; with it, a page of another site could make
/// one send a call together with the person's certificate, but not with this content type unless it is allowed to, and
/// never without saying where it comes from.
fn browser(version: Version, headers: &HeaderMap) -> Option<Response> {
    if version != Version::HTTP_2 {
        let why = "gRPC is spoken over HTTP/2; what HTTP/1.1 is for is described in docs/page.md\n";
        return Some((StatusCode::HTTP_VERSION_NOT_SUPPORTED, why).into_response());
    }
    let kind = headers.get(CONTENT_TYPE).map_or(b"".as_slice(), |kind| kind.as_bytes());
    if !kind.starts_with(b"application/grpc") {
        let why = "this is a gRPC service: calls have the content type application/grpc\n";
        return Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, why).into_response());
    }
    if headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site") {
        return Some(refused(&Status::permission_denied("browsers use the page, not the gRPC services")));
    }
    None
}

struct Refusal {
    status: Status,
    principal: Option<Principal>,
    noted: bool,
}

/// Whether a call is let through, and whose it is.
fn decide(
    access: &Access,
    call: Option<&Call>,
    headers: &HeaderMap,
    peer: Option<&Peer>,
) -> Result<Asker, Refusal> {
    if !access.authenticates() {
        return Ok(Asker::new(None));
    }
    let need = call.map(|call| call.need);
    if need == Some(Need::Nothing) {
        return Ok(Asker::new(None));
    }
    let source = peer.map(|peer| peer.address.ip());
    let asker = access.identify(headers, peer).map_err(|stranger| {
        let noted = access.may_err(source);
        let status = match stranger {
            _ if !noted => Status::resource_exhausted(OFTEN),
            Stranger::Unknown => Status::unauthenticated(WHO),
            Stranger::Wrong => Status::unauthenticated(WRONG),
        };
        Refusal { status, principal: None, noted }
    })?;
    let Some(principal) = asker.principal.clone() else { return Ok(asker) };
    // Who is known learns which calls there are.
    let Some(need) = need else {
        let status = Status::unimplemented("there is no such call, or nobody may make it");
        return Err(Refusal { status, principal: Some(principal), noted: true });
    };
    if need.met_by(principal.role()) {
        return Ok(asker);
    }
    let message = format!("{principal} may not do this; it takes the role {}", need.words());
    Err(Refusal { status: Status::permission_denied(message), principal: Some(principal), noted: true })
}

fn refused(status: &Status) -> Response {
    let answer = status.clone().into_http::<tonic::body::Body>();
    answer.map(axum::body::Body::new)
}
