//! What a worker tells a monitoring system of its slots, trainers and machine.

use std::io::{Read, Write};
use std::net::TcpStream;

use foldwise_tests::{Cluster, Finished, Pictures, Search};

/// What an address answers to `GET /metrics`.
fn scrape(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connects");
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("asks");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("answers");
    text
}

fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} in\n{text}")).trim().parse().expect("a number")
}

#[test]
fn a_worker_tells_of_its_slots_its_trainers_and_what_they_did() {
    let pictures = Pictures::draw(600, 100);
    let cluster = Cluster::start(30.0);
    cluster.submit(&Search { epochs: 20, ..Search::default() }.of(pictures.section()));
    let mut worker = cluster.recruit("w").slots(2).with(&["--metrics", "127.0.0.1:0"]).started();
    let line = worker.line_with("metrics are answered");
    let address = line.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
    let address = address.expect("the line names the address").to_owned();
    let _ = cluster.succeeded("small");

    let text = scrape(&address);
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert_eq!(
        value(&text, r#"foldwise_worker_attempts_total{end="done"}"#),
        13.0,
        "12 runs and the final stage"
    );
    let epochs = |slot| value(&text, &format!("foldwise_worker_epochs_total{{slot=\"{slot}\"}}"));
    assert!(epochs(0) > 0.0 && epochs(1) > 0.0 && epochs(0) + epochs(1) >= 12.0 * 20.0, "{text}");
    for slot in [0, 1] {
        let bytes = value(&text, &format!("foldwise_worker_trainer_memory_bytes{{slot=\"{slot}\"}}"));
        assert!(bytes > 30e6, "a trainer holds libtorch: {bytes}");
    }
    let (used, all) = ("foldwise_worker_machine_memory_used_bytes", "foldwise_worker_machine_memory_bytes");
    assert!(value(&text, used) > 0.0 && value(&text, used) < value(&text, all));
    let slots = |state| value(&text, &format!("foldwise_worker_slots{{state=\"{state}\"}}"));
    assert_eq!((slots("busy"), slots("idle")), (0.0, 2.0));
}

#[test]
fn an_address_that_is_taken_is_one_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("has one").to_string();
    let mut worker = foldwise_tests::worker_program();
    let ended = Finished::of(worker.args(["agent", "--device", "cpu", "--metrics", &address]));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("for metrics") && ended.stderr.contains("choose another address"),
        "{ended:?}"
    );
}
