//! The folder that a run on this machine keeps everything in.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use foldwise_proto::v1::Study;

use super::RunError;

/// Bytes at the end of a log that are looked at for its last lines.
const TAIL_BYTES_MAX: u64 = 16 << 10;
/// Last lines of a log that are shown.
const TAIL_LINES_MAX: usize = 12;

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct StateFolder {
    root: PathBuf,
}

impl StateFolder {
    /// Makes it if it is not there.
    pub(super) fn open(root: &Path) -> Result<Self, RunError> {
        // Its owner's alone, as a coordinator makes it.
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        let made = folder.create(root);
        made.map_err(|source| RunError::State { path: root.to_owned(), source })?;
        Ok(Self { root: root.to_owned() })
    }

    /// Where it is.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The path of a program's log.
    pub(super) fn log_path(&self, program: &str) -> PathBuf {
        self.root.join(format!("{program}.log"))
    }

    /// An empty log for a program.
    pub(super) fn log_file(&self, program: &str) -> Result<File, RunError> {
        let path = self.log_path(program);
        File::create(&path).map_err(|source| RunError::State { path, source })
    }

    /// Where a study's report, its table and its weights go, by their ending.
    pub(super) fn report_path(&self, study: &Study, ending: &str) -> PathBuf {
        let number = study.name.rsplit('/').next().unwrap_or_default();
        self.root.join("reports").join(format!("{}-{number}.{ending}", study.display_name))
    }

    /// The last lines of a program's log; empty if there are none.
    pub(super) fn log_tail(&self, program: &str) -> String {
        let text = read_tail(&self.log_path(program)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(TAIL_LINES_MAX)..].join("\n")
    }
}

fn read_tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use foldwise_proto::v1::Study;

    use super::StateFolder;

    #[test]
    fn the_tail_of_a_log_is_its_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(&folder.path().join("deep/er")).unwrap();
        assert_eq!(state.log_tail("worker"), "");
        let mut log = state.log_file("worker").unwrap();
        for line in 0..5_000 {
            writeln!(log, "line {line}\n").unwrap();
        }
        let tail = state.log_tail("worker");
        assert_eq!(tail.lines().count(), super::TAIL_LINES_MAX);
        assert!(tail.starts_with("line 4988\n") && tail.ends_with("line 4999"), "{tail}");
    }

    #[test]
    fn reports_are_named_for_their_study() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path()).unwrap();
        let study =
            Study { name: "studies/7".to_owned(), display_name: "quick".to_owned(), ..Study::default() };
        assert_eq!(state.report_path(&study, "json"), folder.path().join("reports/quick-7.json"));
    }
}
