//! Who is answered: the page itself, links to it, gRPC callers as before; and nobody else's page.

use foldwise_proto::v1::ListStudiesRequest;
use foldwise_proto::v1::study_service_client::StudyServiceClient;
use tonic::Code;

use crate::browser::{ask, get, post};
use crate::server::start;
use crate::work::submit;

#[tokio::test]
async fn every_answer_is_protected() {
    let server = start().await;
    submit(&server, 2).await;
    let paths = [
        "/",
        "/workers",
        "/studies/1",
        "/page/script/study.js",
        "/page/style/page.css",
        "/page/vendor/uplot/uPlot.esm.js",
        "/api/studies",
        "/api/studies/1",
        "/api/studies/9",
        "/api/workers",
        "/nowhere",
        "/page/nowhere.js",
        "/api/nowhere",
    ];
    for path in paths {
        let answer = get(server.address, path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{path}: {policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        let kept = if path.starts_with("/api") || answer.status == 404 { "no-store" } else { "no-cache" };
        assert_eq!(answer.header("cache-control"), kept, "{path}");
        let there = !path.contains("nowhere") && path != "/api/studies/9";
        assert_eq!(answer.status, if there { 200 } else { 404 }, "{path}");
    }
}

#[tokio::test]
async fn a_file_that_a_browser_has_is_not_sent_again() {
    let server = start().await;
    let first = get(server.address, "/page/script/study.js").await;
    assert_eq!(first.header("content-type"), "text/javascript; charset=utf-8");
    let tag = first.header("etag");
    let again = ask(server.address, "GET /page/script/study.js", &[("if-none-match", tag)]).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let other = ask(server.address, "GET /page/script/study.js", &[("if-none-match", "\"other\"")]).await;
    assert_eq!(other.status, 200);
    assert_eq!(get(server.address, "/page/../Cargo.toml").await.status, 404);
    assert_eq!(get(server.address, "/page/%2e%2e/%2e%2e/Cargo.toml").await.status, 404);
}

#[tokio::test]
async fn a_name_that_others_may_own_is_refused_with_the_remedy() {
    let server = start().await;
    let answer = ask(server.address, "GET /api/studies", &[("host", "rebound.example:7070")]).await;
    assert_eq!(answer.status, 421);
    assert!(answer.refusal().contains("--page-host rebound.example"), "{}", answer.refusal());
    let own = ask(server.address, "GET /api/studies", &[("host", "localhost:7070")]).await;
    assert_eq!(own.status, 200);
}

#[tokio::test]
async fn nothing_is_changed_from_elsewhere() {
    let server = start().await;
    submit(&server, 2).await;
    let address = server.address;
    let (line, own) = ("POST /api/studies/1/cancel", format!("http://{address}"));
    for headers in [
        vec![],
        vec![("x-foldwise", "1")],
        vec![("origin", "http://evil.example")],
        vec![("origin", "null")],
        vec![("origin", own.as_str()), ("sec-fetch-site", "cross-site")],
        vec![("origin", "http://evil.example"), ("sec-fetch-site", "same-origin")],
    ] {
        let answer = ask(address, line, &headers).await;
        assert_eq!(answer.status, 403, "{headers:?}");
        assert!(!answer.refusal().is_empty());
    }
    assert_eq!(ask(address, "GET /api/studies/1/cancel", &[]).await.status, 405);
    assert_eq!(get(address, "/api/studies/1").await.json()["state"], "searching");
    let cross = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")];
    assert_eq!(ask(address, "GET /api/studies", &cross).await.status, 403);
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    assert_eq!(ask(address, "GET /studies/1", &link).await.status, 200);
}

#[tokio::test]
async fn what_a_study_allows_is_offered_and_done_and_the_rest_is_refused() {
    let server = start().await;
    submit(&server, 2).await;
    let address = server.address;
    let state = |answer: &crate::browser::Answer| {
        let study = answer.json();
        (study["state"].as_str().unwrap().to_owned(), study["actions"].to_string())
    };
    let told = |state: &str, actions: &str| (state.to_owned(), actions.to_owned());
    assert_eq!(state(&get(address, "/api/studies/1").await), told("searching", "[\"pause\",\"cancel\"]"));
    assert_eq!(
        state(&post(address, "/api/studies/1/pause").await),
        told("paused", "[\"resume\",\"cancel\"]")
    );
    assert_eq!(
        state(&post(address, "/api/studies/1/resume").await),
        told("searching", "[\"pause\",\"cancel\"]")
    );
    assert_eq!(state(&post(address, "/api/studies/1/cancel").await), told("cancelled", "[\"retry\"]"));
    let refused = post(address, "/api/studies/1/pause").await;
    assert_eq!(refused.status, 409);
    assert!(refused.refusal().contains("only a study under way can be held"), "{}", refused.refusal());
    assert_eq!(state(&post(address, "/api/studies/1/retry").await).0, "searching");
    assert_eq!(post(address, "/api/studies/1/delete").await.status, 404);
    assert_eq!(post(address, "/api/studies/7/pause").await.status, 404);
}

#[tokio::test]
async fn grpc_is_spoken_as_before_and_not_by_browsers() {
    let server = start().await;
    submit(&server, 2).await;
    let mut studies = StudyServiceClient::new(server.channel.clone());
    let listed = studies.list_studies(ListStudiesRequest::default()).await.expect("lists");
    assert_eq!(listed.into_inner().studies.len(), 1);
    // A method that there is not: gRPC's own answer, on HTTP/2 as ever.
    let mut grpc = tonic::client::Grpc::new(server.channel.clone());
    grpc.ready().await.expect("is ready");
    let path = "/foldwise.v9.StudyService/ListStudies".parse().expect("a path");
    let codec = tonic_prost::ProstCodec::<ListStudiesRequest, ListStudiesRequest>::default();
    let refused = grpc.unary(tonic::Request::new(ListStudiesRequest::default()), path, codec).await;
    assert_eq!(refused.expect_err("is refused").code(), Code::Unimplemented);
    // What any site could make a browser send.
    let line = "POST /foldwise.v1.StudyService/CancelStudy";
    for kind in ["text/plain", "application/grpc", "application/grpc-web"] {
        let answer = ask(server.address, line, &[("content-type", kind)]).await;
        assert_eq!(answer.status, 505, "{kind}");
    }
    assert_eq!(get(server.address, "/api/studies/1").await.json()["state"], "searching");
}
