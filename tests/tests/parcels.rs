//! Data of a submitter's own: they travel from where they are to whoever trains, once.

use std::fs;
use std::path::{Path, PathBuf};

use foldwise_tests::{Cluster, Finished, Pictures, Search, assert_same, reference};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}

/// The one parcel that a coordinator keeps.
fn parcel(cluster: &Cluster) -> PathBuf {
    let kept = files(&cluster.state().join("artifacts"));
    assert_eq!(kept.len(), 1, "{kept:?}");
    kept[0].clone()
}

#[test]
fn files_travel_to_a_worker_that_has_none_and_the_report_is_the_same() {
    let pictures = Pictures::draw(600, 100);
    let spec = Search { epochs: 20, ..Search::default() }.of(pictures.section());
    let expected = reference(&spec);

    let cluster = Cluster::start(30.0);
    cluster.submit(&spec);
    let kept = parcel(&cluster);
    // Nobody finds them at their paths any more, and the worker's machine keeps its parcels elsewhere.
    for file in files(pictures.folder()) {
        fs::remove_file(file).expect("is removed");
    }
    let elsewhere = tempfile::tempdir().expect("folder");
    let shelf = elsewhere.path().join("foldwise/parcels");
    fs::create_dir_all(&shelf).expect("is made");
    // It had a part of it when it was interrupted.
    let bytes = fs::read(&kept).expect("is kept");
    let digest = kept.file_name().and_then(|name| name.to_str()).expect("a digest").to_owned();
    fs::write(shelf.join(format!("{digest}.part")), &bytes[..bytes.len() / 3]).expect("is written");
    let cache = format!("XDG_CACHE_HOME={}", elsewhere.path().display());
    let _worker = cluster.recruit("far").slots(2).inside(&["env", &cache]).registered();
    let report = cluster.succeeded("small");
    assert_same(&report, &expected);
    assert!(shelf.join(&digest).join("files/0").is_dir() && !shelf.join(format!("{digest}.part")).exists());

    // The same files make the same parcel: nothing is sent again, and it goes with the last study that needs it.
    let other = spec.replace("\"small\"", "\"other\"");
    let again = Pictures::draw(600, 100);
    let other =
        other.replace(&pictures.folder().display().to_string(), &again.folder().display().to_string());
    cluster.submit(&other);
    let _ = cluster.succeeded("other");
    let _ = cluster.done(&["delete", "small"]);
    assert!(kept.is_file(), "the other study needs it");
    let _ = cluster.done(&["delete", "other"]);
    assert!(!kept.exists());
}

#[test]
fn what_cannot_be_sent_is_one_clear_error() {
    let pictures = Pictures::draw(60, 20);
    let cluster = Cluster::start(30.0);
    let spec = cluster.spec(&Search::default().of(pictures.section()));
    fs::remove_file(pictures.folder().join("test-labels.idx")).expect("is removed");
    let ended = Finished::of(&mut cluster.foldwise(&["submit", &spec]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("test-labels.idx is not here, but other files of [data] are"), "{ended:?}");
    let ended = Finished::of(&mut cluster.foldwise(&["submit", &spec, "--no-upload"]));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("could not read"), "{ended:?}");
    assert_eq!(files(&cluster.state().join("artifacts")), Vec::<PathBuf>::new());
}
