//! The file of a study's own code: a program or a module in the folder that the worker's operator allows, and no other.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use foldwise_study::command::CommandSpec;
use sha2::{Digest, Sha256};

/// Bytes that are read at a time.
const READ_BYTES: usize = 64 << 10;
/// Bits of the rights to execute a file.
const EXECUTABLE: u32 = 0o111;

/// Why a study's own code is not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// It would lie elsewhere.
    #[error("`{name}` does not lie in the folder of commands")]
    Outside { name: String },
    /// It is not there.
    #[error(
        "there is no file `{name}` in {}, the folder that this worker allows commands of (--allow-commands): put it there, or \
         correct its name in the study", folder.display()
    )]
    Missing { name: String, folder: PathBuf },
    /// It cannot be executed.
    #[error("{} may not be executed: `chmod +x` it, and let its first line name its interpreter (#!)", path.display())]
    NotExecutable { path: PathBuf },
    /// It is another one.
    #[error("{} is another file than the study's: its SHA-256 is {found}, not {wanted}", path.display())]
    Another { path: PathBuf, found: String, wanted: String },
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// The path of a command's program. Links that lie in the folder are the operator's, and are followed.
pub(crate) fn resolve(command: &CommandSpec, folder: &Path) -> Result<PathBuf, ProgramError> {
    let name = command.program.first().cloned().unwrap_or_default();
    let path = resolve_file(&name, command.sha256.as_deref(), folder)?;
    let executable = fs::metadata(&path).is_ok_and(|file| file.permissions().mode() & EXECUTABLE != 0);
    if executable { Ok(path) } else { Err(ProgramError::NotExecutable { path }) }
}

/// The path of a file of a study's own code, which is the one that is meant.
pub(crate) fn resolve_file(name: &str, sha256: Option<&str>, folder: &Path) -> Result<PathBuf, ProgramError> {
    let name = name.to_owned();
    let relative = Path::new(&name);
    if !relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(ProgramError::Outside { name });
    }
    let path = folder.join(relative);
    if !path.is_file() {
        return Err(ProgramError::Missing { name, folder: folder.to_owned() });
    }
    if let Some(wanted) = sha256 {
        let found = sha256_of(&path).map_err(|source| ProgramError::Read { path: path.clone(), source })?;
        if !wanted.eq_ignore_ascii_case(&found) {
            return Err(ProgramError::Another { path, found, wanted: wanted.to_owned() });
        }
    }
    Ok(path)
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match file.read(&mut bytes)? {
            0 => break,
            length => hasher.update(&bytes[..length]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use foldwise_study::command::CommandSpec;

    use super::resolve;

    fn command(program: &str, sha256: Option<&str>) -> CommandSpec {
        let json = serde_json::json!({ "program": [program], "epochs": 1, "sha256": sha256 });
        serde_json::from_value(json).expect("a command")
    }

    #[test]
    fn programs_lie_in_the_folder_may_be_executed_and_are_the_ones_that_are_meant() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("train.sh");
        fs::write(&path, "").expect("writes");
        let tried =
            |program: &str, sha256: Option<&str>| match resolve(&command(program, sha256), folder.path()) {
                Ok(path) => path.display().to_string(),
                Err(error) => error.to_string(),
            };
        assert!(tried("train.sh", None).contains("chmod +x"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("may");
        assert_eq!(tried("./train.sh", None), folder.path().join("./train.sh").display().to_string());
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(tried("train.sh", Some(empty)).ends_with("train.sh"));
        assert!(tried("train.sh", Some(&empty.replace('e', "f"))).contains("another file"));
        assert!(tried("trian.sh", None).starts_with("there is no file `trian.sh`"));
        for outside in ["/bin/sh", "../train.sh", "a/../../b", "/"] {
            assert!(tried(outside, None).contains("does not lie"), "{outside}");
        }
        assert!(tried(".", None).starts_with("there is no file"));
    }
}
