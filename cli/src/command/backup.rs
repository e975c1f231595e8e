//! `foldwise backup`: a copy of a coordinator's state, taken while it works.

use std::path::PathBuf;

use clap::Args;
use foldwise_coordinator::store::backup;

use crate::environment;
use crate::error::CliError;
use crate::output::{self, Format};
use crate::quantity;

/// What `foldwise backup` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
The copy holds everything that was acknowledged when it was begun, and is checked before it is
called done. It is taken on the coordinator's machine, whether the coordinator runs or not. To go
back to it, start a coordinator with --state on the copy.")]
pub(crate) struct BackupArguments {
    /// The new folder for the copy; must not be there yet
    #[arg(value_name = "TO")]
    to: PathBuf,
    /// The folder that the coordinator keeps everything in
    #[arg(
        long,
        env = "FOLDWISE_STATE",
        hide_env_values = true,
        value_name = "FOLDER",
        default_value = ".foldwise"
    )]
    state: PathBuf,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) fn execute(arguments: &BackupArguments) -> Result<(), CliError> {
    if environment::store_is_shared() {
        return Err(CliError::NotAFolder);
    }
    let copied = backup(&arguments.state, &arguments.to).map_err(CliError::Store)?;
    match arguments.format {
        Format::Json => output::print_json(&copied)?,
        Format::Table => output::print(&format!(
            "{} holds {} of database and {} ({}){}",
            arguments.to.display(),
            quantity::bytes(copied.database_bytes),
            quantity::counted(copied.artifacts as u64, "file"),
            quantity::bytes(copied.artifact_bytes),
            elsewhere(copied.missing),
        ))?,
    }
    Ok(())
}

/// What is said of files that the database names and that were not in the folder.
fn elsewhere(missing: usize) -> String {
    match missing {
        0 => String::new(),
        missing => format!(
            "\n{} that the database names {} not in the state folder: copy the bucket or folder of --artifacts too",
            quantity::counted(missing as u64, "file"),
            if missing == 1 { "is" } else { "are" },
        ),
    }
}
