//! The HTTP road: downloads that go on where an interrupted one stopped.

use std::fs::{self, File as FsFile, OpenOptions};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::http::StatusCode;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use ureq::{Agent, Body, http};

use crate::catalogue::File;
use crate::fetch::FetchEvent;
use crate::fetch::place::{Obstacle, place};

/// Waiting for a name or a connection: short, so that a machine without internet moves on to the next road.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Waiting for a server that is connected to say or send something.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Compressed bytes beyond the decompressed size: gzip grows what it cannot shrink by less than this.
const GZIP_OVERHEAD_BYTES: u64 = 64 << 10;
/// Bytes per read; progress is told after each [`PROGRESS_BYTES`].
const CHUNK_BYTES: usize = 64 << 10;
const PROGRESS_BYTES: u64 = 1 << 20;

/// Downloads `<base><file>.gz` for every file and places it.
pub(super) fn fetch(
    base: &str,
    files: &[&File],
    folder: &Path,
    progress: &mut dyn FnMut(FetchEvent),
) -> Result<(), Obstacle> {
    let agent = agent();
    for file in files {
        let part = part_path(base, file, folder);
        download(&agent, &format!("{base}{}.gz", file.name), file, &part, progress)?;
        let placed = place(file, &part, folder, progress);
        // Whole but wrong or whole and placed: either way this part has served.
        fs::remove_file(&part).map_err(Obstacle::cache(&part))?;
        placed?;
    }
    Ok(())
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

/// A part belongs to one server: another's archive of the same content may have other bytes.
fn part_path(base: &str, file: &File, folder: &Path) -> PathBuf {
    let server = blake3::hash(base.as_bytes()).to_hex();
    folder.join(format!("{}.{}.part", file.name, &server[..8]))
}

/// Completes `part` from `url`, from where it stopped where the server can.
fn download(
    agent: &Agent,
    url: &str,
    file: &File,
    part: &Path,
    progress: &mut dyn FnMut(FetchEvent),
) -> Result<(), Obstacle> {
    let road = |reason: String| Obstacle::Road(format!("{}.gz: {reason}", file.name));
    let start = fs::metadata(part).map_or(0, |metadata| metadata.len());
    let mut request = agent.get(url);
    if start > 0 {
        request = request.header("Range", format!("bytes={start}-"));
    }
    let response = request.call().map_err(|error| road(error.to_string()))?;
    let resumed = start > 0 && continues(&response, start);
    match response.status() {
        StatusCode::OK => {}
        StatusCode::PARTIAL_CONTENT if resumed => {}
        // What lies here cannot be continued: the next fetch starts anew.
        status if start > 0 => {
            fs::remove_file(part).map_err(Obstacle::cache(part))?;
            return Err(road(format!(
                "the download could not be resumed (status {status}); fetch again to restart it"
            )));
        }
        status => return Err(road(format!("the server answered {status}"))),
    }
    let mut options = OpenOptions::new();
    options.create(true).write(true).append(resumed).truncate(!resumed);
    let out = options.open(part).map_err(Obstacle::cache(part))?;
    let have = if resumed { start } else { 0 };
    receive(response, out, have, file, part, progress).map_err(|obstacle| match obstacle {
        Obstacle::Road(reason) => road(reason),
        cache @ Obstacle::Cache(_) => cache,
    })
}

fn continues(response: &http::Response<Body>, start: u64) -> bool {
    response.status() == StatusCode::PARTIAL_CONTENT
        && response
            .headers()
            .get(CONTENT_RANGE)
            .and_then(|range| range.to_str().ok())
            .is_some_and(|range| range.starts_with(&format!("bytes {start}-")))
}

/// Writes the body after the `have` bytes that are there.
fn receive(
    response: http::Response<Body>,
    mut out: FsFile,
    have: u64,
    file: &File,
    part: &Path,
    progress: &mut dyn FnMut(FetchEvent),
) -> Result<(), Obstacle> {
    let announced =
        response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let bytes_total = announced.map(|length| have.saturating_add(length));
    let limit = file.bytes + GZIP_OVERHEAD_BYTES;
    let mut body = response.into_body().into_reader();
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut bytes, mut told) = (have, have);
    loop {
        let read =
            body.read(&mut chunk).map_err(|error| Obstacle::Road(format!("after {bytes} bytes: {error}")))?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        if bytes > limit {
            return Err(Obstacle::Road(format!("more than {limit} bytes came for {}", file.name)));
        }
        out.write_all(&chunk[..read]).map_err(Obstacle::cache(part))?;
        if bytes - told >= PROGRESS_BYTES {
            told = bytes;
            progress(FetchEvent::Received { file: file.name.to_owned(), bytes, bytes_total });
        }
    }
    match bytes_total {
        Some(total) if bytes < total => Err(Obstacle::Road(format!(
            "the download stopped after {bytes} of {total} bytes; fetch again to resume it"
        ))),
        _ => {
            progress(FetchEvent::Received { file: file.name.to_owned(), bytes, bytes_total });
            Ok(())
        }
    }
}
