//! Commands: programs of studies' own, which train where the worker's operator allows it.
//!
//! A command is told its run by a file (`job.json`), reports by lines of JSON on a file descriptor, and lives in a process
//! group of its own that its [`keeper`] ends with the trainer. It is no sandbox: a command does what the worker's user may do.

use std::ffi::OsString;
use std::path::PathBuf;

mod array;
mod checkpoint;
mod job;
pub mod keeper;
pub mod lines;
mod process;
mod program;

pub(crate) use array::write as write_array;
pub(crate) use checkpoint::{read as read_checkpoint, write as write_checkpoint};
pub(crate) use job::{Arrays, Data, Job, Resume, Stage, Target, VERSION};
pub(crate) use keeper::Errand;
pub(crate) use process::{End, Heard, Process, Standby};
pub(crate) use program::{resolve, resolve_file};

/// What a worker's operator allows commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRules {
    /// The folder that every command's program lies in.
    pub folder: PathBuf,
    /// Address space that a process of a command may have, bytes; any by default.
    pub memory_bytes: Option<u64>,
    /// Bytes that a file of a command may have; any by default.
    pub file_bytes: Option<u64>,
    /// What commands have in their environment beside what Foldwise puts there.
    pub environment: Vec<(String, String)>,
}

impl CommandRules {
    /// As an agent hands them to its trainers, which have its environment.
    #[must_use]
    pub fn to_arguments(&self) -> Vec<OsString> {
        let number = |name: &str, bytes: Option<u64>| {
            bytes.map(|bytes| [OsString::from(name), (bytes >> 20).to_string().into()]).into_iter().flatten()
        };
        let names: Vec<&str> = self.environment.iter().map(|(name, _)| name.as_str()).collect();
        let mut arguments = vec![OsString::from("--allow-commands"), self.folder.clone().into()];
        arguments.extend(number("--command-memory-mib", self.memory_bytes));
        arguments.extend(number("--command-file-mib", self.file_bytes));
        arguments.extend([OsString::from("--command-env"), names.join(",").into()]);
        arguments
    }
}
