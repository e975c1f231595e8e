//! What stands before everything of the page: who it is asked by, and what browsers are told to keep to.
//!
//! A page of another site can make a browser ask this address, under a name of its own if it controls one (DNS rebinding).
//! The first is told by `Sec-Fetch-Site` and `Origin`, which no page can set; the second by `Host`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::{Page, access};

/// What the page's own documents may load: what this address serves, and nothing written into them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Names by which the page may be asked.
#[derive(Debug)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    pub(super) fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect())
    }

    /// An address is nobody's name, and `localhost` always this machine; any other name must have been told, for whoever
    /// owns a name may let it point here.
    fn knows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        address.parse::<IpAddr>().is_ok()
            || host == "localhost"
            || host.ends_with(".localhost")
            || self.0.contains(&host)
    }
}

/// Refuses what does not come from this page, and protects what is answered.
pub(super) async fn guard(State(page): State<Arc<Page>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let decided =
        check(&parts, &page.hosts).and_then(|()| access::decide(&page.access, &page.sessions, &mut parts));
    let answer = match decided {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    };
    protect(answer)
}

/// Adds what every answer tells a browser; what an answer says of itself stays.
pub(super) fn protect(mut answer: Response) -> Response {
    let always: [(HeaderName, &str); 7] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in always {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    answer
}

fn check(parts: &Parts, hosts: &Hosts) -> Result<(), Problem> {
    let Some(authority) = authority(parts) else {
        return Err(Problem::wrong("the request has no `Host` that can be read"));
    };
    if !hosts.knows(authority.host()) {
        let message = format!(
            "the page is not known as `{}`: ask for it by its address, or start the coordinator with --page-host {0}",
            authority.host()
        );
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, message));
    }
    let site = parts.headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let changes = !matches!(parts.method, Method::GET | Method::HEAD);
    let own_site = matches!(site, Some(b"same-origin"));
    if !changes {
        // A person may follow a link from elsewhere; a page of another site may not load anything.
        let visits = parts.headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        let from_elsewhere = matches!(site, Some(site) if site != b"same-origin" && site != b"none");
        return if from_elsewhere && !visits { Err(elsewhere()) } else { Ok(()) };
    }
    let origin = parts.headers.get(ORIGIN);
    let own_origin = origin.is_some_and(|origin| is_origin_of(origin, &authority));
    match (site, origin) {
        (Some(_), _) if !own_site => Err(elsewhere()),
        (_, Some(_)) if !own_origin => Err(elsewhere()),
        (None, None) => {
            let message = "nothing says where this comes from: send `Origin` with the page's own address, or use the \
                           command line";
            Err(Problem::refused(message))
        }
        _ => Ok(()),
    }
}

fn elsewhere() -> Problem {
    Problem::refused("refused: this comes from another site than the page")
}

/// The name and port that was asked for, in HTTP/1.1 or HTTP/2.
fn authority(parts: &Parts) -> Option<Authority> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return None;
    }
    let named = host.map(|host| host.to_str().ok()?.parse::<Authority>().ok());
    match (parts.uri.authority(), named) {
        (None, named) => named?,
        (Some(asked), None) => Some(asked.clone()),
        // Two that differ: one of them was meant for someone else.
        (Some(asked), Some(named)) => named.filter(|named| named == asked),
    }
}

fn is_origin_of(origin: &HeaderValue, authority: &Authority) -> bool {
    let text = origin.to_str().unwrap_or_default();
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.and_then(|rest| rest.parse::<Authority>().ok()).is_some_and(|origin| origin == *authority)
}

#[cfg(test)]
mod tests {
    use axum::http::{Request, StatusCode};

    use super::{Hosts, check};

    fn asked(method: &str, headers: &[(&str, &str)]) -> Result<(), StatusCode> {
        let mut request = Request::builder().method(method).uri("/api/studies/1/cancel");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        check(&parts, &Hosts::new(&["Den.example.".to_owned()])).map_err(|problem| problem.status)
    }

    #[test]
    fn only_names_that_nobody_else_can_own_are_answered() {
        for host in ["127.0.0.1:7070", "[::1]:7070", "localhost", "a.localhost:1", "10.1.2.3", "den.example"]
        {
            assert_eq!(asked("GET", &[("host", host)]), Ok(()), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example:7070", "localhost.evil.example", "den"] {
            assert_eq!(asked("GET", &[("host", host)]), Err(StatusCode::MISDIRECTED_REQUEST), "{host}");
        }
        assert_eq!(asked("GET", &[]), Err(StatusCode::BAD_REQUEST));
        assert_eq!(asked("GET", &[("host", "localhost"), ("host", "evil")]), Err(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn what_changes_something_comes_from_the_page_itself() {
        let host = ("host", "127.0.0.1:7070");
        let own = ("origin", "http://127.0.0.1:7070");
        let refused = Err(StatusCode::FORBIDDEN);
        assert_eq!(asked("POST", &[host, own]), Ok(()));
        assert_eq!(asked("POST", &[host, own, ("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(asked("POST", &[host]), refused);
        assert_eq!(asked("POST", &[host, ("x-requested-with", "page")]), refused);
        assert_eq!(asked("POST", &[host, ("origin", "http://127.0.0.1:8080")]), refused);
        assert_eq!(asked("POST", &[host, ("origin", "null")]), refused);
        for site in ["cross-site", "same-site", "none"] {
            assert_eq!(asked("POST", &[host, own, ("sec-fetch-site", site)]), refused, "{site}");
        }
    }

    #[test]
    fn other_sites_may_link_here_and_load_nothing() {
        let host = ("host", "localhost:7070");
        let cross = ("sec-fetch-site", "cross-site");
        assert_eq!(asked("GET", &[host, cross, ("sec-fetch-mode", "navigate")]), Ok(()));
        assert_eq!(asked("GET", &[host, cross, ("sec-fetch-mode", "no-cors")]), Err(StatusCode::FORBIDDEN));
        assert_eq!(asked("GET", &[host, ("sec-fetch-site", "none")]), Ok(()));
    }
}
