//! Asks as a browser does: HTTP/1.1 over a real socket, written out so that every header is the test's own.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What a refusal says.
    pub(crate) fn refusal(&self) -> String {
        self.json()["error"].as_str().expect("a refusal has a sentence").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// Asks with headers of the test's own; `host` among them or the address.
pub(crate) async fn ask(address: SocketAddr, line: &str, headers: &[(&str, &str)]) -> Answer {
    let mut reader = send(address, line, headers).await;
    let (status, headers) = head(&mut reader).await;
    let mut body = Vec::new();
    let read = tokio::time::timeout(PATIENCE, reader.read_to_end(&mut body)).await;
    read.expect("the answer ends").expect("reads");
    let chunked = headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked");
    let body = String::from_utf8_lossy(&body).into_owned();
    Answer { status, headers, body: if chunked { joined(&body) } else { body } }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, &format!("GET {path}"), &[]).await
}

/// Asks as the page's own script does.
pub(crate) async fn post(address: SocketAddr, path: &str) -> Answer {
    let origin = format!("http://{address}");
    ask(address, &format!("POST {path}"), &[("origin", &origin), ("sec-fetch-site", "same-origin")]).await
}

async fn send(address: SocketAddr, line: &str, headers: &[(&str, &str)]) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let mut text = format!("{line} HTTP/1.1\r\nconnection: close\r\ncontent-length: 0\r\n");
    if headers.iter().all(|(name, _)| *name != "host") {
        text.push_str(&format!("host: {address}\r\n"));
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{text}\r\n").as_bytes()).await.expect("sends");
    BufReader::new(stream)
}

async fn head(reader: &mut BufReader<TcpStream>) -> (u16, HashMap<String, String>) {
    let status = line(reader).await;
    let status = status.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut headers = HashMap::new();
    loop {
        let line = line(reader).await;
        let Some((name, value)) = line.split_once(": ") else { return (status, headers) };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
}

async fn line(reader: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    let read = tokio::time::timeout(PATIENCE, reader.read_line(&mut line)).await;
    read.expect("a line comes").expect("reads");
    line.trim_end().to_owned()
}

/// The parts of a chunked body, joined.
fn joined(body: &str) -> String {
    let (mut rest, mut whole) = (body, String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a size");
        whole.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
        if size == 0 {
            break;
        }
    }
    whole
}

/// An open event stream.
pub(crate) struct Events {
    pub(crate) status: u16,
    reader: BufReader<TcpStream>,
}

/// An event: its name, id and data.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

impl Events {
    pub(crate) async fn open(address: SocketAddr, query: &str, last: &str) -> Self {
        let last: &[(&str, &str)] = if last.is_empty() { &[] } else { &[("last-event-id", last)] };
        Self::open_with(address, query, last).await
    }

    /// With headers of the test's own.
    pub(crate) async fn open_with(address: SocketAddr, query: &str, headers: &[(&str, &str)]) -> Self {
        let mut reader = send(address, &format!("GET /api/events{query}"), headers).await;
        let (status, _) = head(&mut reader).await;
        Self { status, reader }
    }

    /// The next event with this name.
    pub(crate) async fn next(&mut self, wanted: &str) -> Event {
        let (mut name, mut id) = (String::new(), String::new());
        loop {
            let line = line(&mut self.reader).await;
            if let Some(value) = line.strip_prefix("event: ") {
                value.clone_into(&mut name);
            } else if let Some(value) = line.strip_prefix("id: ") {
                value.clone_into(&mut id);
            } else if let Some(data) = line.strip_prefix("data: ") {
                let data = serde_json::from_str(data).expect("events are JSON");
                // The name follows or came before; both end with an empty line.
                let rest = self.rest(&mut name, &mut id).await;
                assert!(rest, "an event ends");
                if name == wanted {
                    return Event { name, id, data };
                }
            }
        }
    }

    /// Whether the stream ends, whatever it still tells.
    pub(crate) async fn end(&mut self) -> bool {
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, self.reader.read_to_end(&mut rest)).await.is_ok()
    }

    async fn rest(&mut self, name: &mut String, id: &mut String) -> bool {
        loop {
            let line = line(&mut self.reader).await;
            if line.is_empty() {
                return true;
            } else if let Some(value) = line.strip_prefix("event: ") {
                value.clone_into(name);
            } else if let Some(value) = line.strip_prefix("id: ") {
                value.clone_into(id);
            }
        }
    }
}
