//! Kept files in a bucket of a real S3-compatible store.

use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use object_store::ObjectStoreExt;

use super::super::bucket::Bucket;
use super::super::{ArtifactError, Artifacts, BucketError, Place, Uses};
use server::BucketServer;

#[path = "../../../../tests/src/bucket.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "a helper of the end-to-end tests, of which a part is used here"
)]
mod server;

fn place(server: &BucketServer, prefix: &str) -> Place {
    let settings = server.settings().map(|(name, value)| (name.to_owned(), value));
    Place::read(&format!("s3://foldwise/{prefix}")).expect("a bucket").with_settings(settings)
}

fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn keep(artifacts: &Artifacts, bytes: &[u8]) -> String {
    let name = digest(bytes);
    let mut incoming = artifacts.receive(&name).expect("starts");
    bytes.chunks(1 << 20).for_each(|part| incoming.write(part).expect("writes"));
    assert_eq!(incoming.keep().expect("keeps"), bytes.len() as u64);
    name
}

fn read(artifacts: &Artifacts, name: &str, offset: u64) -> Vec<u8> {
    let mut file = artifacts.open_from(name, offset).expect("is there");
    let mut all = Vec::new();
    while let Some(part) = file.next_part().expect("reads") {
        all.extend(part);
    }
    all
}

/// More than two parts of an upload, and nothing that repeats.
fn large() -> Vec<u8> {
    let mut bytes = vec![0; 20 << 20];
    blake3::Hasher::new().update(b"large").finalize_xof().fill(&mut bytes);
    bytes
}

#[test]
fn what_one_coordinator_keeps_another_has() {
    let Some(server) = BucketServer::start() else { return };
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("folder"));
    let open = |near: &Path| Artifacts::open_at(&place(&server, "a/b"), near).expect("opens");
    let [one, other] = [open(folders[0].path()), open(folders[1].path())];
    let large = large();
    let (small_name, large_name) = (keep(&one, b"weights"), keep(&one, &large));
    for artifacts in [&one, &other] {
        assert!(artifacts.has(&small_name).expect("asks"));
        assert_eq!(read(artifacts, &small_name, 3), b"ghts");
        let offset = (9 << 20) + 5;
        assert!(read(artifacts, &large_name, offset) == large[usize::try_from(offset).expect("small")..]);
        assert_eq!(read(artifacts, &large_name, 1 << 40), b"", "after its end");
        let (file, bytes) = artifacts.open_whole(&large_name).expect("is there");
        assert_eq!((file.metadata().expect("a file").len(), bytes), (20 << 20, 20 << 20));
        assert!(std::fs::read(artifacts.path(&large_name).expect("is there")).expect("reads") == large);
    }
    let missing = "0".repeat(64);
    assert!(!one.has(&missing).expect("asks"));
    assert!(matches!(one.open_from(&missing, 0), Err(ArtifactError::Missing(_))));
    assert!(matches!(one.open_whole(&missing), Err(ArtifactError::Missing(_))));
    let beside =
        Artifacts::open_at(&place(&server, "a"), folders[1].path().join("x").as_path()).expect("opens");
    assert!(!beside.has(&small_name).expect("asks"), "another prefix is another place");
    let names = Bucket::open(bucket(&place(&server, "a"))).expect("opens").older_than(Duration::ZERO);
    assert_eq!(names.expect("lists"), Vec::<String>::new(), "what lies deeper is not its own");
}

fn bucket(place: &Place) -> &super::super::BucketAddress {
    match place {
        Place::Bucket(address) => address,
        Place::Folder(_) => unreachable!("it is a bucket"),
    }
}

#[test]
fn an_interrupted_parcel_goes_on_and_ends_in_the_bucket() {
    let Some(server) = BucketServer::start() else { return };
    let folder = tempfile::tempdir().expect("folder");
    let artifacts = Artifacts::open_at(&place(&server, ""), folder.path()).expect("opens");
    let name = digest(b"a long parcel");
    artifacts.go_on(&name, 0).expect("begins").write(b"a long ").expect("writes");
    assert_eq!(artifacts.partial_bytes(&name).expect("asks"), Some(7));
    let mut rest = artifacts.go_on(&name, 7).expect("goes on");
    rest.write(b"parcel").expect("writes");
    assert_eq!(rest.keep().expect("keeps"), 13);
    assert_eq!(artifacts.partial_bytes(&name).expect("asks"), None);
    let elsewhere = tempfile::tempdir().expect("folder");
    let other = Artifacts::open_at(&place(&server, ""), elsewhere.path()).expect("opens");
    assert_eq!(read(&other, &name, 0), b"a long parcel");
}

#[test]
fn what_is_removed_is_gone_before_anybody_holds_it_again() {
    let Some(server) = BucketServer::start() else { return };
    let folder = tempfile::tempdir().expect("folder");
    let artifacts = Artifacts::open_at(&place(&server, "x"), folder.path()).expect("opens");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("starts");
    let name = keep(&artifacts, b"weights");
    let held = runtime.block_on(artifacts.hold([name.clone()]));
    artifacts.remove(&name);
    assert!(artifacts.has(&name).expect("asks"), "a call names it");
    drop(held);
    artifacts.remove(&name);
    drop(runtime.block_on(artifacts.hold([name.clone()])));
    assert!(!artifacts.has(&name).expect("asks"), "who could hold it finds it gone");
    assert_eq!(keep(&artifacts, b"weights"), name);
    assert!(artifacts.has(&name).expect("asks"), "and may put it again");
}

#[test]
fn a_file_that_is_going_is_put_again_after_it_has_gone() {
    let Some(server) = BucketServer::start() else { return };
    let folder = tempfile::tempdir().expect("folder");
    let artifacts = Artifacts::open_at(&place(&server, "x"), folder.path()).expect("opens");
    let name = digest(b"weights");
    let going = Uses::going(&artifacts.uses, &name).expect("nobody holds it");
    assert!(Uses::gone(&artifacts.uses, &name).now_or_never().is_none(), "it is going");
    let putting = std::thread::scope(|scope| {
        let putting = scope.spawn(|| keep(&artifacts, b"weights"));
        drop(going);
        putting.join().expect("puts")
    });
    assert_eq!((putting, artifacts.has(&name).expect("asks")), (name, true));
}

#[test]
fn a_damaged_file_is_told_and_not_handed_on() {
    let Some(server) = BucketServer::start() else { return };
    let folder = tempfile::tempdir().expect("folder");
    let here = place(&server, "x");
    let artifacts = Artifacts::open_at(&here, folder.path()).expect("opens");
    let store = super::super::bucket::client(bucket(&here)).expect("a client");
    let name = digest(b"weights");
    let at = object_store::path::Path::from(format!("x/{name}"));
    let put = store.put(&at, "other".into());
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("starts")
        .block_on(put)
        .expect("puts");
    let error = artifacts.open_whole(&name).expect_err("other bytes");
    assert!(matches!(&error, ArtifactError::Damaged { digest, .. } if *digest == name), "{error}");
    let left = std::fs::read_dir(folder.path()).expect("lists").count();
    assert_eq!(left, 0, "nothing of it stays here");
}

#[test]
fn who_is_not_let_in_and_who_finds_nobody_is_told_so() {
    let Some(mut server) = BucketServer::start() else { return };
    let folder = tempfile::tempdir().expect("folder");
    let good = place(&server, "x");
    let with = |name: &str, value: &str| {
        let settings = server
            .settings()
            .map(|(key, old)| (key.to_owned(), if key == name { value.to_owned() } else { old }));
        let place = good.clone().with_settings(settings);
        Artifacts::open_at(&place, folder.path()).expect_err("cannot be used").to_string()
    };
    let wrong = with("AWS_SECRET_ACCESS_KEY", "hush-hush");
    assert!(wrong.contains("does not let this coordinator in") && !wrong.contains("hush"), "{wrong}");
    let elsewhere = with("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    assert!(
        elsewhere.contains("s3://foldwise/x failed") && elsewhere.contains("AWS_ENDPOINT_URL"),
        "{elsewhere}"
    );
    let settings = server.settings().map(|(name, value)| (name.to_owned(), value));
    let none = Place::read("s3://nobody/x").expect("a bucket").with_settings(settings);
    let none = Artifacts::open_at(&none, folder.path()).expect_err("no such bucket").to_string();
    assert!(none.contains("s3://nobody/x"), "{none}");

    let artifacts = Artifacts::open_at(&good, folder.path()).expect("opens");
    let name = keep(&artifacts, b"weights");
    server.stop();
    let error = artifacts.has(&name).expect_err("nobody answers");
    assert!(matches!(error, ArtifactError::Bucket(BucketError::Failed { .. })), "{error}");
    assert_eq!(read(&artifacts, &name, 0), b"weights", "a copy is near");
    server.resume();
    assert!(artifacts.has(&name).expect("is back"));
}

#[test]
fn a_folders_files_are_copied_once() {
    let Some(server) = BucketServer::start() else { return };
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("folder"));
    let from = Artifacts::open(folders[0].path()).expect("opens");
    let names = [keep(&from, b"one"), keep(&from, b"two")];
    std::fs::write(folders[0].path().join("notes.txt"), "mine").expect("writes");
    let to = Artifacts::open_at(&place(&server, "x"), folders[1].path()).expect("opens");
    for (copied, there_already) in [(2, 0), (0, 2)] {
        let done = to.copy_from(folders[0].path()).expect("copies");
        assert_eq!((done.copied, done.there_already), (copied, there_already));
    }
    assert!(names.iter().all(|name| to.has(name).expect("asks")));
    std::fs::write(folders[0].path().join("0".repeat(64)), "damaged").expect("writes");
    let error = to.copy_from(folders[0].path()).expect_err("damaged");
    assert!(matches!(error, ArtifactError::Damaged { .. }), "{error}");
}
