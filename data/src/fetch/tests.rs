//! Fetching against a server on loopback, with a dataset of a few bytes.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{FetchEvent, ensure, fetch_entry, http, wanted};
use crate::cache::Cache;
use crate::catalogue::{Entry, File, Road, Role};
use crate::digest::sha256_hex;
use crate::error::DataError;

const CONTENT: &[u8] = b"sixteen bytes ok";

/// What the server does with one request.
#[derive(Clone, Copy)]
enum Answer {
    /// The whole archive, whatever was asked for.
    Whole,
    /// The range that was asked for.
    Range,
    /// The header of the whole and its first bytes only.
    Cut(usize),
    /// A refusal.
    NotFound,
}

/// Serves one request per answer; the receiver gets each request's Range header.
fn serve(archive: Vec<u8>, answers: Vec<Answer>) -> (&'static str, Receiver<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let range = read_range(&stream);
            reply(stream, &archive, answer, range.as_deref());
            let _ = sender.send(range);
        }
    });
    (base.leak(), receiver)
}

fn read_range(stream: &TcpStream) -> Option<String> {
    let lines = BufReader::new(stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.to_lowercase().strip_prefix("range: ").map(str::to_owned)).last()
}

fn reply(mut stream: TcpStream, archive: &[u8], answer: Answer, range: Option<&str>) {
    let start =
        range.map_or(0, |range| range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap());
    let len = archive.len();
    let (head, body) = match answer {
        Answer::Whole => (format!("200 OK\r\nContent-Length: {len}"), archive),
        Answer::Cut(end) => (format!("200 OK\r\nContent-Length: {len}"), &archive[..end]),
        Answer::NotFound => ("404 Not Found\r\nContent-Length: 0".to_owned(), &[][..]),
        Answer::Range => {
            let left = len - start;
            let range = format!("bytes {start}-{}/{len}", len - 1);
            (
                format!("206 Partial Content\r\nContent-Range: {range}\r\nContent-Length: {left}"),
                &archive[start..],
            )
        }
    };
    write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").unwrap();
    stream.write_all(body).unwrap();
}

fn archive() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(CONTENT).unwrap();
    encoder.finish().unwrap()
}

fn entry(roads: Vec<Road>) -> Entry {
    let file = File {
        role: Role::TrainFeatures,
        name: "tiny",
        sha256: sha256_hex(CONTENT).leak(),
        bytes: CONTENT.len() as u64,
    };
    Entry {
        name: "tiny-set",
        description: "",
        license: "",
        files: vec![file].leak(),
        train_rows: 1,
        test_rows: 1,
        shape: &[1],
        classes: &["0"],
        roads: roads.leak(),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != ".lock").collect();
    names.sort();
    names
}

fn fetch(entry: &Entry, cache: &Cache) -> (Result<PathBuf, DataError>, Vec<FetchEvent>) {
    let mut events = Vec::new();
    let fetched = fetch_entry(entry, cache, &mut |event| events.push(event));
    (fetched, events)
}

#[test]
fn a_file_is_stored_decompressed_and_fetched_once() {
    let home = tempfile::tempdir().unwrap();
    let (base, _requests) = serve(archive(), vec![Answer::Whole]);
    let (entry, cache) = (entry(vec![Road::Http { base }]), Cache::at(home.path()));
    let folder = fetch(&entry, &cache).0.unwrap();
    assert_eq!(fs::read(folder.join("tiny")).unwrap(), CONTENT);
    assert_eq!(names(&folder), ["tiny"]);
    // The server has no second answer: these must not ask it.
    let (again, events) = fetch(&entry, &cache);
    assert_eq!((again.unwrap(), events), (folder.clone(), vec![]));
    assert_eq!(ensure(&entry, &cache, &mut |_| panic!("nothing to do")).unwrap(), folder);
}

#[test]
fn an_interrupted_download_is_resumed_where_it_stopped() {
    let home = tempfile::tempdir().unwrap();
    let (base, requests) = serve(archive(), vec![Answer::Cut(9), Answer::Range]);
    let (entry, cache) = (entry(vec![Road::Http { base }]), Cache::at(home.path()));
    let error = fetch(&entry, &cache).0.unwrap_err();
    assert!(matches!(&error, DataError::Fetch { failures, .. } if failures.len() == 1), "{error}");
    assert_eq!(wanted(&entry, &cache.dataset_folder("tiny-set")).len(), 1, "a part does not count");
    let folder = fetch(&entry, &cache).0.unwrap();
    assert_eq!(fs::read(folder.join("tiny")).unwrap(), CONTENT);
    assert_eq!(names(&folder), ["tiny"]);
    assert_eq!([requests.recv().unwrap(), requests.recv().unwrap()], [None, Some("bytes=9-".to_owned())]);
}

#[test]
fn a_server_that_knows_no_ranges_is_read_from_the_start() {
    let home = tempfile::tempdir().unwrap();
    let (base, _requests) = serve(archive(), vec![Answer::Cut(9), Answer::Whole]);
    let (entry, cache) = (entry(vec![Road::Http { base }]), Cache::at(home.path()));
    fetch(&entry, &cache).0.unwrap_err();
    let folder = fetch(&entry, &cache).0.unwrap();
    assert_eq!(fs::read(folder.join("tiny")).unwrap(), CONTENT);
}

#[test]
fn a_wrong_content_is_refused_and_the_next_road_is_taken() {
    let home = tempfile::tempdir().unwrap();
    let (missing, _) = serve(archive(), vec![Answer::NotFound]);
    let (wrong, _) = serve(b"another content!".to_vec(), vec![Answer::Whole]);
    let (right, _) = serve(archive(), vec![Answer::Whole]);
    let roads = [missing, wrong, right].map(|base| Road::Http { base }).to_vec();
    let (fetched, events) = fetch(&entry(roads), &Cache::at(home.path()));
    let folder = fetched.unwrap();
    assert_eq!(fs::read(folder.join("tiny")).unwrap(), CONTENT);
    assert_eq!(names(&folder), ["tiny"], "no part is left behind");
    let failures: Vec<String> = events
        .into_iter()
        .filter_map(
            |event| if let FetchEvent::RoadFailed(failure) = event { Some(failure.reason) } else { None },
        )
        .collect();
    assert!(failures[0].contains("404") && failures[1].contains("another content than"), "{failures:?}");
}

#[test]
fn when_no_road_is_left_the_error_lists_them_and_the_remedy() {
    let home = tempfile::tempdir().unwrap();
    let (base, _requests) = serve(archive(), vec![Answer::NotFound]);
    let message =
        fetch(&entry(vec![Road::Http { base }]), &Cache::at(home.path())).0.unwrap_err().to_string();
    for part in ["could not fetch `tiny-set`", base, "404", "FOLDWISE_DATA", "tiny"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

#[test]
fn a_spoiled_file_in_the_cache_is_fetched_again() {
    let home = tempfile::tempdir().unwrap();
    let (base, _requests) = serve(archive(), vec![Answer::Whole]);
    let cache = Cache::at(home.path());
    let folder = cache.dataset_folder("tiny-set");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("tiny"), "spoiled").unwrap();
    fetch(&entry(vec![Road::Http { base }]), &cache).0.unwrap();
    assert_eq!(fs::read(folder.join("tiny")).unwrap(), CONTENT);
}

#[test]
fn two_fetches_at_once_do_the_work_once() {
    let home = tempfile::tempdir().unwrap();
    let (base, requests) = serve(archive(), vec![Answer::Whole]);
    let (entry, cache) = (entry(vec![Road::Http { base }]), Cache::at(home.path()));
    thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| fetch(&entry, &cache).0));
        both.into_iter().for_each(|one| drop(one.join().unwrap().unwrap()));
    });
    assert_eq!(requests.iter().count(), 1);
}

#[test]
fn a_given_folder_is_read_and_never_written() {
    let home = tempfile::tempdir().unwrap();
    let cache = Cache::given(home.path());
    let entry = entry(vec![]);
    let message = fetch(&entry, &cache).0.unwrap_err().to_string();
    assert!(message.contains("is missing") && message.contains("FOLDWISE_DATA"), "{message}");
    assert_eq!(names(home.path()), [""; 0]);
    let folder = cache.dataset_folder("tiny-set");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("tiny.gz"), archive()).unwrap();
    assert_eq!(fetch(&entry, &cache).0.unwrap(), folder);
    fs::write(folder.join("tiny.gz"), "spoiled bytes ok").unwrap();
    assert!(fetch(&entry, &cache).0.unwrap_err().to_string().contains("sha256"));
}

#[test]
fn a_download_that_never_ends_is_left() {
    let home = tempfile::tempdir().unwrap();
    let (base, _requests) = serve(vec![1; 200_000], vec![Answer::Whole]);
    let entry = entry(vec![]);
    let files: Vec<&File> = entry.files.iter().collect();
    let error = http::fetch(base, &files, home.path(), &mut |_| ()).unwrap_err();
    assert!(format!("{error:?}").contains("more than"), "{error:?}");
}
