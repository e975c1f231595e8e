//! Signing in at the page.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::browser::{Answer, Events, ask};
use crate::stage::{Stage, study};

/// Sends JSON as the page's own script does.
pub(crate) async fn post_json(stage: &Stage, line: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let address = stage.address;
    let mut text = format!(
        "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    if headers.iter().all(|(name, _)| *name != "origin") {
        text.push_str(&format!("origin: http://{address}\r\nsec-fetch-site: same-origin\r\n"));
    }
    headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    stream.write_all(format!("{text}\r\n{body}").as_bytes()).await.unwrap();
    let mut told = Vec::new();
    // Who is told that it sends too much may be cut off.
    let _ = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut told)).await.unwrap();
    let told = String::from_utf8_lossy(&told).into_owned();
    let (head, body) = told.split_once("\r\n\r\n").unwrap_or((&told, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let pairs = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status: status.unwrap_or_default(),
        headers: pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
        body: body.to_owned(),
    }
}

/// Signs in; the cookie.
async fn sign_in(stage: &Stage, token: &str) -> String {
    let answer = post_json(stage, "POST /api/session", &json!({ "token": token }).to_string(), &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn status(stage: &Stage, line: &str, cookie: &str) -> u16 {
    let origin = format!("http://{}", stage.address);
    ask(stage.address, line, &[("cookie", cookie), ("origin", &origin)]).await.status
}

#[tokio::test]
async fn nothing_of_any_study_is_shown_before_somebody_signed_in() {
    let stage = Stage::plain().await;
    stage.studies(&stage.with_token(&stage.admin)).await.create_study(study("a")).await.unwrap();
    for path in [
        "/api/studies",
        "/api/studies/1",
        "/api/studies/1/trials",
        "/api/studies/1/trials/0",
        "/api/studies/1/curves",
        "/api/studies/1/failures",
        "/api/studies/1/report",
        "/studies/1/report/json",
        "/studies/1/figures/importance.svg",
        "/api/workers",
        "/api/events",
    ] {
        assert_eq!(ask(stage.address, &format!("GET {path}"), &[]).await.status, 401, "{path}");
        // A token in an address is none: addresses are kept in histories and logs.
        let line = format!("GET {path}?token={}", stage.admin);
        assert_eq!(ask(stage.address, &line, &[]).await.status, 401, "{path}");
    }
    for action in ["pause", "cancel"] {
        assert_eq!(status(&stage, &format!("POST /api/studies/1/{action}"), "").await, 401);
    }
    // The documents themselves hold nothing, and ask for the sign-in.
    for path in ["/", "/workers", "/studies/1", "/page/script/session.js"] {
        assert_eq!(ask(stage.address, &format!("GET {path}"), &[]).await.status, 200, "{path}");
    }
    let told = ask(stage.address, "GET /api/session", &[]).await.json();
    assert_eq!(
        told,
        json!({ "required": true, "name": null, "role": null, "session": false, "may_change": false })
    );
}

#[tokio::test]
async fn a_session_is_a_cookie_that_scripts_and_other_sites_cannot_use() {
    let stage = Stage::plain().await;
    let body = json!({ "token": stage.admin }).to_string();
    let answer = post_json(&stage, "POST /api/session", &body, &[]).await;
    let cookie = answer.header("set-cookie").to_owned();
    for part in ["Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(stage.admin.rsplit('_').next().unwrap()), "the token is not in the cookie");
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(status(&stage, "GET /api/studies", pair).await, 200);
    assert_eq!(status(&stage, "GET /api/studies", "foldwise=0").await, 401);
    // Signing in for somebody else from another site is refused, as everything else from there.
    let evil = [("origin", "http://evil.example")];
    assert_eq!(post_json(&stage, "POST /api/session", &body, &evil).await.status, 403);
    let cross = [("cookie", pair), ("origin", "http://evil.example")];
    assert_eq!(ask(stage.address, "POST /api/studies/1/cancel", &cross).await.status, 403);
    let rebound = [("cookie", pair), ("host", "evil.example:7070")];
    assert_eq!(ask(stage.address, "GET /api/studies", &rebound).await.status, 421);
    // Signing out ends it at the coordinator, whatever a browser keeps.
    let out = post_json(&stage, "DELETE /api/session", "", &[("cookie", pair)]).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{out:?}");
    assert_eq!(status(&stage, "GET /api/studies", pair).await, 401);
}

#[tokio::test]
async fn the_role_of_a_token_is_that_of_its_session() {
    let stage = Stage::plain().await;
    stage.studies(&stage.with_token(&stage.admin)).await.create_study(study("a")).await.unwrap();
    let (_, reader) = stage.token("ann", "read").await;
    let (_, submitter) = stage.token("bob", "submit").await;
    let (_, worker) = stage.token("den", "worker").await;
    let (ann, bob) = (sign_in(&stage, &reader).await, sign_in(&stage, &submitter).await);
    assert_eq!(status(&stage, "GET /api/studies/1", &ann).await, 200);
    assert_eq!(status(&stage, "POST /api/studies/1/pause", &ann).await, 403);
    assert_eq!(status(&stage, "POST /api/studies/1/pause", &bob).await, 200);
    let refused = post_json(&stage, "POST /api/session", &json!({ "token": worker }).to_string(), &[]).await;
    assert_eq!(refused.status, 403);
    // A script shows the token itself.
    let bearer = format!("Bearer {worker}");
    assert_eq!(ask(stage.address, "GET /api/studies", &[("authorization", &bearer)]).await.status, 403);
    let lines: Vec<String> = stage
        .audit()
        .iter()
        .filter(|line| line["action"] != "token.create" && line["action"] != "study.submit")
        .map(|line| format!("{} {} {}", line["action"], line["principal"], line["outcome"]).replace('"', ""))
        .collect();
    assert_eq!(
        lines,
        [
            "page.sign_in ann done",
            "page.sign_in bob done",
            "page ann refused",
            "study.pause bob done",
            "page.sign_in den refused",
            "page den refused",
        ]
    );
}

#[tokio::test]
async fn a_session_ends_with_its_token_and_so_does_what_is_open() {
    let stage = Stage::plain().await;
    let (id, token) = stage.token("ann", "read").await;
    let cookie = sign_in(&stage, &token).await;
    let mut events = Events::open_with(stage.address, "", &[("cookie", &cookie)]).await;
    assert_eq!(events.status, 200);
    events.next("hello").await;
    stage.revoke(&id).await;
    assert_eq!(status(&stage, "GET /api/studies", &cookie).await, 401);
    assert!(events.end().await, "the stream of an open page ends");
}

#[tokio::test]
async fn wrong_tokens_are_refused_and_then_slowed() {
    let stage = Stage::plain().await;
    let body = json!({ "token": format!("fw_{}_{}", "0".repeat(16), "0".repeat(64)) }).to_string();
    let mut codes = Vec::new();
    for _ in 0..30 {
        codes.push(post_json(&stage, "POST /api/session", &body, &[]).await.status);
    }
    assert_eq!((codes[0], codes[29]), (401, 429));
    sign_in(&stage, &stage.admin.clone()).await;
}
