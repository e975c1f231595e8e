//! A full disk: one clear error, nothing lost, and on it goes when there is room again.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use foldwise_tests::{Cluster, Finished, small_pictures};

/// A small file system in memory, unmounted when dropped.
struct SmallDisk<'a>(&'a Path);

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // Lazily: the coordinator may still have files open.
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

fn mount(folder: &Path) -> bool {
    fs::create_dir_all(folder).expect("folder");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(folder).output();
    mounted.is_ok_and(|output| output.status.success())
}

fn spec(name: &str, data: &str) -> String {
    format!(
        "name = \"{name}\"\n{data}\n[validation]\nk_fold = {{ folds = 2 }}\n[network]\nmlp = {{ hidden = [4] }}\n\
         [train]\nepochs = 1\nbatch_size = 10\noptimizer = {{ kind = \"sgd\", lr = 0.1 }}\n"
    )
}

#[test]
fn a_full_disk_refuses_what_it_cannot_keep_and_loses_nothing() {
    let mut mounted = false;
    let cluster = Cluster::start_on(10.0, |state| mounted = mount(state));
    if !mounted {
        eprintln!("skipped: mounting a small file system needs root");
        return;
    }
    let state = cluster.state();
    let _disk = SmallDisk(&state);
    let data = small_pictures(cluster.folder(), 40, 10);
    cluster.submit(&spec("first", &data));

    let ballast = state.join("ballast");
    let mut file = fs::File::create(&ballast).expect("creates");
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
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

    fs::remove_file(ballast).expect("removes");
    cluster.submit(&spec("last", &data));
    let list = Finished::of(&mut cluster.foldwise(&["list", "--format", "json"])).success();
    assert!(list.contains("\"first\"") && list.contains("\"last\""), "{list}");
    assert!(!list.contains(&format!("\"more-{number}\"")), "what was refused is not there: {list}");
}
