//! A download into a file that an interrupted one left where it can be resumed.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::http::StatusCode;
use ureq::http::header::CONTENT_RANGE;

/// Waiting for a name or a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Waiting for a server that is connected to say or send something.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Completes `part` from `url`, from where it stopped where the server can.
pub(super) fn download(url: &str, part: &Path, limit_bytes: u64) -> Result<(), String> {
    let failed = |reason: &dyn std::fmt::Display| format!("could not download {url}: {reason}");
    let agent = agent();
    let start = fs::metadata(part).map_or(0, |metadata| metadata.len());
    let mut request = agent.get(url);
    if start > 0 {
        request = request.header("Range", format!("bytes={start}-"));
    }
    let response = request.call().map_err(|error| failed(&error))?;
    let range =
        response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).unwrap_or_default();
    let resumed = match response.status() {
        StatusCode::OK => false,
        StatusCode::PARTIAL_CONTENT if start > 0 && range.starts_with(&format!("bytes {start}-")) => true,
        // The part is whole already; the archive's checks will tell.
        StatusCode::RANGE_NOT_SATISFIABLE if range == format!("bytes */{start}") => return Ok(()),
        status => return Err(failed(&format!("the server answered {status}"))),
    };
    let have = if resumed { start } else { 0 };
    let mut options = OpenOptions::new();
    options.create(true).write(true).append(resumed).truncate(!resumed);
    let mut out = options.open(part).map_err(|error| failed(&error))?;
    let expected = response.body().content_length();
    let mut body = response.into_body().into_reader().take(limit_bytes.saturating_sub(have) + 1);
    let received = io::copy(&mut body, &mut out).map_err(|error| failed(&error))?;
    if have + received > limit_bytes {
        return Err(failed(&format!("it has more than {limit_bytes} bytes")));
    }
    match expected {
        Some(expected) if received < expected => Err(failed(&"the line broke; run setup again to resume it")),
        _ => Ok(()),
    }
}

fn agent() -> Agent {
    Agent::config_builder()
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(READ_TIMEOUT))
        .timeout_per_read(Some(READ_TIMEOUT))
        .http_status_as_error(false)
        .accept_encoding("identity")
        .build()
        .new_agent()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::download;

    /// Serves each answer once and gives back the address.
    fn serve(answers: Vec<&'static str>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/file", listener.local_addr().unwrap());
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                BufReader::new(&stream)
                    .lines()
                    .map(Result::unwrap)
                    .take_while(|line| !line.is_empty())
                    .count();
                write!(stream, "HTTP/1.1 {answer}").unwrap();
            }
        });
        address
    }

    #[test]
    fn a_broken_download_is_resumed() {
        let home = tempfile::tempdir().unwrap();
        let part = home.path().join("part");
        let url = serve(vec![
            "200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nabc",
            "206 Partial Content\r\nContent-Range: bytes 3-5/6\r\nContent-Length: 3\r\nConnection: close\r\n\r\ndef",
            "416 Range Not Satisfiable\r\nContent-Range: bytes */6\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ]);
        assert!(download(&url, &part, 100).unwrap_err().contains("could not download"));
        assert_eq!(fs::read_to_string(&part).unwrap(), "abc");
        download(&url, &part, 100).unwrap();
        assert_eq!(fs::read_to_string(&part).unwrap(), "abcdef");
        download(&url, &part, 100).unwrap();
    }

    #[test]
    fn refusals_and_floods_are_errors() {
        let home = tempfile::tempdir().unwrap();
        let part = home.path().join("part");
        let url = serve(vec![
            "404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "200 OK\r\nConnection: close\r\n\r\nabcdef",
        ]);
        assert!(download(&url, &part, 100).unwrap_err().contains("404"));
        assert!(download(&url, &part, 5).unwrap_err().contains("more than 5 bytes"));
    }
}
