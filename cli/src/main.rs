//! `foldwise`: the command people type.
//!
//! Arguments come in through [`arguments`], every answer leaves through [`output`], and every failure ends in
//! [`error`], which knows its exit code. What a command does stands in [`command`], one file each.

mod arguments;
mod client;
mod clock;
mod command;
mod environment;
mod error;
mod interrupt;
mod log;
mod output;
mod quantity;
mod render;
mod spec_file;
mod table;
mod view;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::error::CliError;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.tell(),
    }
}

fn start(arguments: Arguments) -> Result<(), CliError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Runtime)?;
    let done = runtime.block_on(command::execute(arguments));
    // A thread that still reads or downloads must not hold up the end.
    runtime.shutdown_background();
    done
}
