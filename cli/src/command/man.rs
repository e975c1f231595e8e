//! `foldwise man`: man pages, one for each command.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::arguments::Arguments;
use crate::error::CliError;
use crate::output::{self, OutputError};

/// What `foldwise man` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldwise man ~/.local/share/man/man1
  man foldwise-report")]
pub(crate) struct ManArguments {
    /// The folder that they are written into, which is made where it is missing
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

pub(super) fn execute(arguments: &ManArguments) -> Result<(), CliError> {
    let folder = &arguments.folder;
    let written =
        fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
    written.map_err(|source| OutputError::File { path: folder.clone(), source })?;
    Ok(output::print(&format!("wrote foldwise.1 and a page for each command into {}", folder.display()))?)
}
