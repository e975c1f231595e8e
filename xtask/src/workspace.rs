//! The checkout that a task works on: its root and where Cargo puts what it builds.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::TaskError;

/// The checkout.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout that this program was built from.
    pub(crate) fn find() -> Result<Self, TaskError> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().unwrap_or(manifest).to_owned();
        TaskError::need(&root.join("Cargo.toml"), "build task")?;
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A command that runs at the root.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// The Cargo that runs this task, at the root.
    pub(crate) fn cargo<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        // Without +toolchain, a plain `cargo` is what the user runs too.
        let mut cargo = self.command("cargo");
        cargo.args(arguments);
        cargo
    }

    /// Where a program that was built with a profile (`debug`, `release`) lies, whatever the target folder.
    pub(crate) fn binary(&self, profile: &str, name: &str) -> Result<PathBuf, TaskError> {
        let metadata = |reason: String| TaskError::Metadata { reason };
        let output = self
            .cargo(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .map_err(|error| metadata(error.to_string()))?;
        if !output.status.success() {
            return Err(metadata(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let folder = target_folder(&String::from_utf8_lossy(&output.stdout))
            .ok_or_else(|| metadata("its answer names no target_directory".to_owned()))?;
        Ok(folder.join(profile).join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
    }
}

/// The `target_directory` of Cargo's metadata: one string is not worth a JSON library here.
fn target_folder(metadata: &str) -> Option<PathBuf> {
    let rest = metadata.split_once("\"target_directory\":\"")?.1;
    let mut folder = String::new();
    let mut characters = rest.chars();
    loop {
        match characters.next()? {
            '"' => return Some(folder.into()),
            '\\' => folder.push(match characters.next()? {
                escaped @ ('\\' | '"' | '/') => escaped,
                _ => return None,
            }),
            plain => folder.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::target_folder;

    #[test]
    fn the_target_folder_is_found_and_unescaped() {
        let metadata = r#"{"packages":[],"target_directory":"C:\\my \"t\"","version":1}"#;
        assert_eq!(target_folder(metadata), Some(PathBuf::from(r#"C:\my "t""#)));
        assert_eq!(target_folder("{}"), None);
        assert_eq!(target_folder(r#"{"target_directory":"cut"#), None);
    }
}
