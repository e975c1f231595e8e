//! Rows as files for commands: written once for all runs of a study, and for all slots of a worker.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use foldwise_data::{Dataset, Features, Table, Targets};
use foldwise_proto::v1::FailureKind;
use foldwise_study::spec::DataSpec;

use super::dataset::Outline;
use super::job::Failed;
use crate::command::{Arrays, write_array};

/// Held locked, shared, by each trainer that uses the files.
const LOCK: &str = "lock";

/// A dataset's files.
#[derive(Debug)]
pub(super) struct Export {
    pub(super) spec: DataSpec,
    pub(super) digest: String,
    pub(super) outline: Outline,
    pub(super) train: Arrays,
    pub(super) test: Option<Arrays>,
    folder: PathBuf,
    lock: File,
}

impl Export {
    /// The files of a dataset, from another slot if it has them; `folder` is that of all slots.
    pub(super) fn make(
        folder: &Path,
        spec: &DataSpec,
        digest: &str,
        load: impl FnOnce() -> Result<Dataset, Failed>,
    ) -> Result<Self, Failed> {
        let failed = |error: io::Error| {
            let message = format!("cannot write the rows for commands to {}: {error}", folder.display());
            Failed::new(FailureKind::Data, message)
        };
        // Classes and groups are not in the files alone: splits need them.
        let dataset = load()?;
        let outline = Outline::of(&dataset);
        let (folder, lock) = place(folder, spec, digest, &dataset).map_err(failed)?;
        let of = |part: &str, table: &Table| Arrays {
            x: folder.join(format!("{part}-x.npy")),
            y: folder.join(format!("{part}-y.npy")),
            groups: table.groups.as_ref().map(|_| folder.join(format!("{part}-groups.npy"))),
        };
        let (train, test) =
            (of("train", &dataset.train), dataset.test.as_ref().map(|table| of("test", table)));
        Ok(Self { spec: spec.clone(), digest: digest.to_owned(), outline, train, test, folder, lock })
    }
}

impl Drop for Export {
    /// The last who uses the files removes them.
    fn drop(&mut self) {
        let alone = self.lock.unlock().is_ok() && self.lock.try_lock().is_ok();
        if alone && let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("warning: {} stays behind: {error}", self.folder.display());
        }
    }
}

/// The folder of a dataset's files, locked; they are written if nobody has.
fn place(parent: &Path, spec: &DataSpec, digest: &str, dataset: &Dataset) -> io::Result<(PathBuf, File)> {
    let name = blake3::hash(format!("{digest} {}", serde_json::to_string(spec)?).as_bytes());
    let folder = parent.join(format!("rows-{}", name.to_hex()));
    loop {
        if let Some(lock) = locked(&folder)? {
            return Ok((folder, lock));
        }
        let fresh = tempfile::Builder::new().prefix("rows-").tempdir_in(parent)?;
        File::create(fresh.path().join(LOCK))?;
        write(fresh.path(), "train", &dataset.train)?;
        if let Some(test) = &dataset.test {
            write(fresh.path(), "test", test)?;
        }
        match fs::rename(fresh.path(), &folder) {
            Ok(()) => drop(fresh.keep()),
            // Another slot was faster.
            Err(error) if folder.exists() => drop(error),
            Err(error) => return Err(error),
        }
    }
}

/// The lock of a folder that is there. Who removed it meanwhile had it locked alone.
fn locked(folder: &Path) -> io::Result<Option<File>> {
    let path = folder.join(LOCK);
    let Ok(lock) = File::open(&path) else { return Ok(None) };
    lock.lock_shared()?;
    let number = |metadata: io::Result<fs::Metadata>| metadata.map(|metadata| metadata.ino()).ok();
    Ok((number(fs::metadata(&path)) == number(lock.metadata())).then_some(lock))
}

fn write(folder: &Path, part: &str, table: &Table) -> io::Result<()> {
    let path = |name: &str| folder.join(format!("{part}-{name}.npy"));
    let shape: Vec<usize> = std::iter::once(table.rows).chain(table.shape.iter().copied()).collect();
    match &table.features {
        Features::Bytes(bytes) => write_array(&path("x"), &shape, bytes)?,
        Features::Floats(floats) => write_array(&path("x"), &shape, floats)?,
    }
    match (&table.targets, table.outputs()) {
        (Targets::Classes(classes), _) => write_array(&path("y"), &[table.rows], classes)?,
        (Targets::Values(values), 1) => write_array(&path("y"), &[table.rows], values)?,
        (Targets::Values(values), outputs) => write_array(&path("y"), &[table.rows, outputs], values)?,
    }
    if let Some(groups) = &table.groups {
        write_array(&path("groups"), &[table.rows], groups)?;
    }
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let mut rights = fs::metadata(&file)?.permissions();
        rights.set_readonly(true);
        fs::set_permissions(&file, rights)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use foldwise_data::Cache;
    use foldwise_study::spec::DataSpec;

    use super::{Export, Failed};

    #[test]
    fn slots_share_the_files_and_the_last_removes_them() {
        let folder = tempfile::tempdir().expect("folder");
        let spec = r#"{"blobs": {"classes": 2, "features": 3, "rows": 20, "test_rows": 4}}"#;
        let spec: DataSpec = serde_json::from_str(spec).expect("a good spec");
        let make = || {
            let load =
                || Ok::<_, Failed>(foldwise_data::load(&spec, &Cache::at("/nonexistent")).expect("loads"));
            Export::make(folder.path(), &spec, "d", load).expect("writes")
        };
        let count = || std::fs::read_dir(folder.path()).expect("lists").count();
        let (one, two) = (make(), make());
        assert_eq!((&one.train.x, count()), (&two.train.x, 1));
        assert_eq!(std::fs::metadata(&one.train.x).expect("is there").len(), 128 + 20 * 3 * 4);
        assert!(one.test.is_some() && one.train.groups.is_none());
        drop(one);
        assert!(two.train.y.exists());
        drop(two);
        assert_eq!(count(), 0);
    }
}
