//! Files that a trainer leaves for its agent, in the agent's scratch folder.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use foldwise_proto::v1::FailureKind;

use super::job::Failed;

/// The files of one cohort. They go with it unless they are handed over, so that a failure leaves none.
#[derive(Debug)]
pub(super) struct Files<'a> {
    scratch: &'a Path,
    written: Vec<PathBuf>,
}

impl<'a> Files<'a> {
    pub(super) fn new(scratch: &'a Path) -> Self {
        Self { scratch, written: Vec::new() }
    }

    /// Writes a file; its path, as messages carry it.
    pub(super) fn write(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<String, Failed> {
        let path = self.scratch.join(name);
        write_whole(&path, fill).map_err(|error| {
            let message = format!("cannot write {}: {error}", path.display());
            Failed::new(FailureKind::Training, message)
        })?;
        let name = path.display().to_string();
        self.written.push(path);
        Ok(name)
    }

    /// Takes over a file that somebody else wrote into the scratch folder; its path, as messages carry it.
    pub(super) fn adopt(&mut self, path: PathBuf) -> String {
        let name = path.display().to_string();
        self.written.push(path);
        name
    }

    /// From here on they are the agent's.
    pub(super) fn hand_over(mut self) {
        self.written.clear();
    }
}

impl Drop for Files<'_> {
    fn drop(&mut self) {
        for path in &self.written {
            if let Err(error) = std::fs::remove_file(path) {
                eprintln!("warning: {} stays behind: {error}", path.display());
            }
        }
    }
}

/// Under its name there is the whole file or none, whenever this process dies.
pub(super) fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
    fill(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Files;

    #[test]
    fn files_that_are_not_handed_over_go() {
        let folder = tempfile::tempdir().expect("folder");
        let count = || std::fs::read_dir(folder.path()).expect("lists").count();
        let mut files = Files::new(folder.path());
        files.write("one", |out| out.write_all(b"1")).expect("writes");
        let failed = files.write("two", |_| Err(std::io::ErrorKind::StorageFull.into()));
        assert!(failed.is_err());
        assert_eq!(count(), 1, "nothing is left of the second");
        drop(files);
        assert_eq!(count(), 0);
        let mut files = Files::new(folder.path());
        let path = files.write("one", |out| out.write_all(b"1")).expect("writes");
        files.hand_over();
        assert_eq!(std::fs::read(path).expect("is there"), b"1");
    }
}
