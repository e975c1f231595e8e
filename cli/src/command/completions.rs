//! `foldwise completions`: what a shell needs to complete commands and options.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::error::CliError;
use crate::output;

/// What `foldwise completions` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  foldwise completions bash > ~/.local/share/bash-completion/completions/foldwise
  foldwise completions fish > ~/.config/fish/completions/foldwise.fish
  foldwise completions zsh > \"${fpath[1]}/_foldwise\"")]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn execute(arguments: &CompletionsArguments) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "foldwise", &mut script);
    Ok(output::print(&String::from_utf8_lossy(&script))?)
}
