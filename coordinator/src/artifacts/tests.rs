//! What holds of kept files, wherever they are kept.

#[cfg(feature = "s3")]
mod bucket;

use super::{ArtifactError, Artifacts};

#[test]
fn a_file_is_kept_under_its_digest_and_no_other() {
    let folder = tempfile::tempdir().expect("folder");
    let artifacts = Artifacts::open(folder.path()).expect("opens");
    let digest = blake3::hash(b"weights").to_hex().to_string();
    let mut incoming = artifacts.receive(&digest).expect("starts");
    incoming.write(b"wei").expect("writes");
    incoming.write(b"ghts").expect("writes");
    assert_eq!(incoming.keep().expect("keeps"), 7);
    let part = artifacts.open_from(&digest, 0).expect("is there").next_part().expect("reads");
    assert_eq!(part.as_deref(), Some(&b"weights"[..]));

    let mut wrong = artifacts.receive(&digest).expect("starts");
    wrong.write(b"other").expect("writes");
    assert!(matches!(wrong.keep(), Err(ArtifactError::Mismatch { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).expect("lists").count(), 1);
}

#[tokio::test]
async fn a_file_that_a_call_names_is_not_removed() {
    let folder = tempfile::tempdir().expect("folder");
    let artifacts = Artifacts::open(folder.path()).expect("opens");
    let digest = blake3::hash(b"weights").to_hex().to_string();
    let mut incoming = artifacts.receive(&digest).expect("starts");
    incoming.write(b"weights").expect("writes");
    incoming.keep().expect("keeps");
    let (one, other) = (artifacts.hold([digest.clone()]).await, artifacts.hold([digest.clone()]).await);
    drop(one);
    artifacts.remove(&digest);
    assert!(artifacts.has(&digest).expect("a digest"), "another call still names it");
    drop(other);
    artifacts.remove(&digest);
    assert!(!artifacts.has(&digest).expect("a digest"));
}

#[test]
fn what_is_not_needed_goes_and_what_is_not_ours_stays() {
    let folder = tempfile::tempdir().expect("folder");
    let artifacts = Artifacts::open(folder.path()).expect("opens");
    let (needed, needless) = ("a".repeat(64), "b".repeat(64));
    for name in [needed.as_str(), &needless, "coming-Ab3", "foldwise.db", "admin-token"] {
        std::fs::write(folder.path().join(name), name).expect("writes");
    }
    artifacts.clear(&[].into(), false);
    assert!(artifacts.has(&needed).expect("a digest"), "of no study: perhaps the database is another");
    artifacts.clear(&[needed.as_str()].into(), true);
    let entries = std::fs::read_dir(folder.path()).expect("lists").flatten();
    let mut left: Vec<_> = entries.map(|entry| entry.file_name().into_string().expect("a name")).collect();
    left.sort();
    assert_eq!(left, [needed.as_str(), "admin-token", "foldwise.db"]);
}

#[test]
fn a_digest_cannot_leave_the_folder() {
    let folder = tempfile::tempdir().expect("folder");
    let artifacts = Artifacts::open(folder.path()).expect("opens");
    for name in ["../foldwise.db", "", "/etc/passwd", &"g".repeat(64)] {
        assert!(matches!(artifacts.open_from(name, 0), Err(ArtifactError::NotADigest(_))), "{name}");
    }
}
