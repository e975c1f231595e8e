//! A worker that must not outlive the program that started it, however that ends.
//!
//! The system's own means (`PR_SET_PDEATHSIG`) has to be asked for by the child itself, and lasts when the child
//! becomes another program. So `foldwise run` starts `foldwise worker`, which asks and then becomes the worker.

use std::ffi::OsString;
use std::io;
use std::process::Command;

/// The hidden option of `foldwise worker`.
const OPTION: &str = "--bound-to";

/// A command that becomes `foldwise-worker`, and ends when this process does.
pub(in crate::command) fn command(coordinator: &str, arguments: &[String]) -> io::Result<(OsString, Vec<OsString>)> {
    let own = std::env::current_exe()?;
    let mut all = ["worker", "--coordinator", coordinator, OPTION].map(OsString::from).to_vec();
    all.push(std::process::id().to_string().into());
    all.extend(arguments.iter().map(OsString::from));
    Ok((own.into_os_string(), all))
}

#[allow(dead_code, reason = "x")]
fn x(_: Command) {}
