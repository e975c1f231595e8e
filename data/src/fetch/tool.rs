//! Running an external tool within a time limit.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a tool may take: it may fetch package lists and 30 MB over a slow line.
pub(super) const TOOL_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// How much of a tool's messages is kept for the error.
const MESSAGE_BYTES_MAX: usize = 600;

/// Runs a tool to its end. The error says what the tool said, or how to get it where it is missing.
pub(super) fn run(command: &mut Command, timeout: Duration) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("the tool `{name}` is not installed"),
        _ => format!("could not start `{name}`: {error}"),
    })?;
    let Some(messages) = messages(&mut child, timeout) else {
        // It may have ended by itself in the meantime; either way it is reaped.
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("`{name}` did not end within {} s", timeout.as_secs()));
    };
    let status = child.wait().map_err(|error| format!("lost sight of `{name}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{name}` failed ({status}): {messages}")) }
}

/// The end of what the tool wrote, or `None` if it still had its messages open after `timeout`.
fn messages(child: &mut Child, timeout: Duration) -> Option<String> {
    let mut stderr = child.stderr.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut all = Vec::new();
        // What could be read before an error is still the best explanation.
        let _ = stderr.read_to_end(&mut all);
        // The receiver is gone after a timeout.
        let _ = sender.send(all);
    });
    let all = receiver.recv_timeout(timeout).ok()?;
    let text = String::from_utf8_lossy(&all);
    let text = text.trim();
    let start = text.ceil_char_boundary(text.len().saturating_sub(MESSAGE_BYTES_MAX));
    Some(text[start..].replace('\n', "; "))
}

/// A command in the C locale, with its arguments.
pub(super) fn command<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C").args(arguments);
    command
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Duration;

    use super::{command, run};

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_end_of_a_tool_is_told() {
        assert_eq!(run(&mut command("sh", ["-c", "exit 0"]), LONG), Ok(()));
        let error = run(&mut command("sh", ["-c", "echo why >&2; exit 3"]), LONG).unwrap_err();
        assert!(error.contains("exit status: 3") && error.contains("why"), "{error}");
    }

    #[test]
    fn a_missing_tool_is_named() {
        let error = run(&mut command("foldwise-no-such-tool", [""]), LONG).unwrap_err();
        assert_eq!(error, "the tool `foldwise-no-such-tool` is not installed");
    }

    #[test]
    fn a_tool_that_hangs_is_ended() {
        let error = run(&mut command("sleep", ["600"]), Duration::from_millis(20)).unwrap_err();
        assert!(error.contains("did not end"), "{error}");
    }
}
