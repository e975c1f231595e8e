//! A protected coordinator as its users meet it: certificates and tokens made by the command line, workers that know
//! themselves by either, a page that signs in, and what happens to those who may not.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use foldwise_tests::{Browser, Cluster, Finished, Pictures, Running, Search};
use serde_json::Value;

/// A worker's options for a token of its own, which is made.
fn token_of(cluster: &Cluster, name: &str) -> Vec<String> {
    let path = cluster.folder().join(format!("{name}.token"));
    let path = path.display().to_string();
    let _ = cluster.done(&["token", "create", name, "--role", "worker", "--output", &path]);
    [vec!["--token-file".to_owned(), path], ca(cluster)].concat()
}

fn ca(cluster: &Cluster) -> Vec<String> {
    vec!["--ca".to_owned(), cluster.certificates().join("ca.crt").display().to_string()]
}

/// The same for a certificate of its own.
fn certificate_of(cluster: &Cluster, kind: &str, name: &str) -> Vec<String> {
    let folder = cluster.certificates().display().to_string();
    let _ = cluster.done(&["certs", "issue", kind, name, "--folder", &folder]);
    let file = |ending: &str| cluster.certificates().join(format!("{name}.{ending}")).display().to_string();
    [vec!["--cert".to_owned(), file("crt"), "--key".to_owned(), file("key")], ca(cluster)].concat()
}

fn recruit(cluster: &Cluster, name: &str, options: &[String]) -> Running {
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    cluster.recruit(name).with(&options).registered()
}

/// `foldwise` as somebody else than the administrator.
fn somebody(cluster: &Cluster, options: &[String], arguments: &[&str]) -> Finished {
    let mut command: Command = cluster.foldwise(arguments);
    command.env_remove("FOLDWISE_TOKEN_FILE").args(options);
    Finished::of(&mut command)
}

#[test]
fn a_search_runs_between_protected_machines_and_outlasts_a_crash_of_the_coordinator() {
    let pictures = Pictures::draw(300, 60);
    let mut cluster = Cluster::protected(5.0);
    let _one = recruit(&cluster, "den-1", &token_of(&cluster, "den-1"));
    let _two = recruit(&cluster, "host", &certificate_of(&cluster, "worker", "den-2"));
    cluster.submit(&Search { epochs: 200, ..Search::default() }.of(pictures.section()));
    cluster.wait_for_epoch("small");
    cluster.crash_coordinator();
    let report = cluster.succeeded("small");
    assert_eq!(report["study"]["state"], "succeeded", "{:#}", report["study"]);
    let mut names: Vec<String> = cluster
        .json(&["workers"])
        .as_array()
        .expect("a list")
        .iter()
        .map(|worker| worker["id"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["den-1", "den-2/host"]);
    // Each decision has its line, and no line a secret.
    let audit = fs::read_to_string(cluster.folder().join("audit.jsonl")).expect("is there");
    let lines: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (action, principal) in
        [("token.create", "admin"), ("worker.register", "den-2"), ("study.submit", "admin")]
    {
        let found = lines.iter().any(|line| {
            line["action"] == action && line["principal"] == principal && line["outcome"] == "done"
        });
        assert!(found, "{action} by {principal}: {audit}");
    }
    for file in [cluster.state().join("admin-token"), cluster.folder().join("den-1.token")] {
        let token = fs::read_to_string(file).expect("reads");
        assert!(!audit.contains(token.trim()) && !cluster.coordinator().log().contains(token.trim()));
    }
}

#[test]
fn a_worker_whose_token_is_revoked_ends_and_says_why() {
    let cluster = Cluster::protected(5.0);
    let worker = recruit(&cluster, "den-1", &token_of(&cluster, "den-1"));
    let tokens = cluster.json(&["token", "list"]);
    let token = tokens.as_array().expect("a list").iter().find(|token| token["name"] == "den-1");
    let id = token.expect("is listed")["id"].as_str().expect("an id").to_owned();
    assert!(cluster.done(&["token", "revoke", &id]).contains("is revoked"));
    let (code, log) = worker.end();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("refused this worker") && log.contains("revoked"), "{log}");
}

#[test]
fn those_who_may_not_are_told_what_they_lack() {
    let cluster = Cluster::protected(5.0);
    let reader = certificate_of(&cluster, "read", "ann");
    assert_eq!(somebody(&cluster, &reader, &["list"]).code, Some(0));
    let pictures = Pictures::draw(300, 60);
    let spec = cluster.spec(&Search::default().of(pictures.section()));
    let refused = somebody(&cluster, &reader, &["submit", &spec]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("ann (read) may not do this; it takes the role submit"),
        "{}",
        refused.stderr
    );
    let stranger = somebody(&cluster, &ca(&cluster), &["list"]);
    assert!(stranger.stderr.contains("say who calls"), "{}", stranger.stderr);
    // A worker that is none, and one that believes somebody else.
    let options = certificate_of(&cluster, "submit", "bob");
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let (code, log) = cluster.recruit("bob").with(&options).started().end();
    assert_eq!(code, Some(1));
    assert!(log.contains("it takes the role worker"), "{log}");
    let (code, log) = cluster.recruit("den").with(&["--connect-seconds", "1"]).started().end();
    assert_eq!(code, Some(1));
    assert!(log.contains("--ca"), "{log}");
    // A token on a command line could be read by everybody: there is no such option.
    let by_value = somebody(&cluster, &ca(&cluster), &["list", "--token", "fw_0_0"]);
    assert_eq!(by_value.code, Some(2));
}

#[test]
fn the_page_asks_for_a_token_and_forgets_who_signs_out() {
    let Some(mut browser) = Browser::start() else { return };
    let cluster = Cluster::protected(5.0);
    let pictures = Pictures::draw(300, 60);
    cluster.submit(&Search::default().of(pictures.section()));
    browser.trust_everybody();
    browser.resize(1280, 900);
    browser.open(&format!("{}/studies/1", cluster.url()));
    browser.until("document.activeElement?.id === 'token'");
    assert_eq!(browser.eval("document.body.innerText.includes('small')"), false);
    browser.write("fw_nonsense");
    browser.press("Enter");
    browser
        .until("document.querySelector('#sign-in [role=alert]').textContent.includes('the token is wrong')");
    let token = fs::read_to_string(cluster.state().join("admin-token")).expect("reads");
    browser.until("!document.querySelector('#sign-in button').disabled");
    browser.write(token.trim());
    if let Some(folder) = std::env::var_os("FOLDWISE_PICTURES") {
        browser.picture(&PathBuf::from(folder).join("sign-in.png"));
    }
    browser.press("Enter");
    // It comes to where it was going, live, and its cookie is none of a script's business.
    browser.until("document.querySelector('#name')?.textContent === 'small'");
    browser.until("document.querySelector('#connection').textContent === 'live'");
    browser.until("document.querySelector('.who').textContent.startsWith('admin (admin)')");
    assert_eq!(browser.eval("document.cookie"), "");
    assert_eq!(browser.eval("location.href.includes('fw_')"), false);
    browser.eval("document.querySelector('[data-action=pause]').focus()");
    browser.press("Enter");
    browser.until("document.querySelector('#state').textContent === 'paused'");
    browser.eval("document.querySelector('#sign-out').focus()");
    browser.press("Enter");
    browser.until("document.querySelector('#sign-in') !== null");
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|line| line.contains("status of 401")), "{complaints:#?}");
}
