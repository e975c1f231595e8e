//! A full disk: one clear error, nothing lost, and on it goes when there is room again.

use foldwise_tests::{
    Cluster, Finished, Pictures, Search, SmallDisk, assert_same, each_run_once, reference, skipped,
    small_pictures,
};

fn spec(name: &str, data: &str) -> String {
    format!(
        "name = \"{name}\"\n{data}\n[validation]\nk_fold = {{ folds = 2 }}\n[network]\nmlp = {{ hidden = [4] }}\n\
         [train]\nepochs = 1\nbatch_size = 10\noptimizer = {{ kind = \"sgd\", lr = 0.1 }}\n"
    )
}

#[test]
fn a_full_disk_refuses_what_it_cannot_keep_and_loses_nothing() {
    let mut disk = None;
    let cluster = Cluster::start_on(10.0, |state| disk = SmallDisk::mount(state, 4));
    let Some(disk) = disk else {
        skipped("mount", "mounting a small file system needs root");
        return;
    };
    let data = small_pictures(cluster.folder(), 40, 10);
    cluster.submit(&spec("first", &data));

    disk.fill();
    // The write-ahead log may have some room left in its file, but not for many studies.
    let refused = (0..200).find_map(|number| {
        let path = cluster.spec(&spec(&format!("more-{number}"), &data));
        let finished = Finished::of(&mut cluster.foldwise(&["submit", &path]));
        (finished.code != Some(0)).then_some((number, finished))
    });
    let (number, finished) = refused.expect("the disk is full");
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("full") && finished.stderr.contains("free some space"),
        "{}",
        finished.stderr
    );

    disk.free();
    cluster.submit(&spec("last", &data));
    let list = Finished::of(&mut cluster.foldwise(&["list", "--format", "json"])).success();
    assert!(list.contains("\"first\"") && list.contains("\"last\""), "{list}");
    assert!(!list.contains(&format!("\"more-{number}\"")), "what was refused is not there: {list}");
}

#[test]
fn a_search_waits_for_room_on_a_full_disk_and_goes_on() {
    let pictures = Pictures::draw(600, 100);
    let limits = "attempts = 100\ncheckpoint_seconds = 1";
    let spec = Search { limits, ..Search::default() }.of(pictures.section());
    let mut disk = None;
    // The write-ahead log alone may grow to 4 MiB.
    let mut cluster = Cluster::start_on(2.0, |state| disk = SmallDisk::mount(state, 16));
    let Some(disk) = disk else {
        skipped("mount", "mounting a small file system needs root");
        return;
    };
    let expected = reference(&spec);
    cluster.submit(&spec);
    let mut worker = cluster.worker("w", 2);
    worker.line_with("handed in");
    for _ in 0..3 {
        let _ = cluster.coordinator().log();
        disk.fill();
        // The first write that fails, and another after the ledger was read from the store again.
        cluster.coordinator().line_with("could not write");
        cluster.coordinator().line_with("could not write");
        disk.free();
        cluster.coordinator().line_with("cohort done");
    }
    let report = cluster.succeeded("small");
    each_run_once(&report, 4, 3);
    assert_same(&report, &expected);
}
