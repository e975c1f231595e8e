//! One step of a task: a command, a line before it and its time after it. The only file here that reads the clock.

use std::process::{Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use crate::error::TaskError;

/// Runs a command as a step and stops the task where it fails.
pub(crate) fn run(name: &str, command: &mut Command) -> Result<(), TaskError> {
    println!("==> {name}: {}", line(command));
    let started = now();
    let status = start(name, command)?;
    let time = started.elapsed();
    if status.success() {
        println!("==> {name}: done in {}", seconds(time));
        return Ok(());
    }
    println!("==> {name}: FAILED after {}", seconds(time));
    Err(TaskError::Failed { step: name.to_owned(), command: line(command), status: status.to_string() })
}

/// Hands over to a program: on Unix it takes this process's place, so that Ctrl-C, its exit code and its output are
/// its own; elsewhere this process waits for it and passes its exit code on.
pub(crate) fn hand_over(name: &str, command: &mut Command) -> Result<ExitCode, TaskError> {
    println!("==> {name}: {}", line(command));
    #[cfg(unix)]
    {
        let reason = std::os::unix::process::CommandExt::exec(command);
        Err(TaskError::Start { step: name.to_owned(), command: line(command), reason })
    }
    #[cfg(not(unix))]
    {
        let code = start(name, command)?.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

/// Runs a command that may fail and says how it ended and how long it took.
pub(crate) fn time(name: &str, command: &mut Command) -> Result<(ExitStatus, Duration), TaskError> {
    let started = now();
    let status = start(name, command)?;
    Ok((status, started.elapsed()))
}

fn start(name: &str, command: &mut Command) -> Result<ExitStatus, TaskError> {
    command.status().map_err(|reason| TaskError::Start {
        step: name.to_owned(),
        command: line(command),
        reason,
    })
}

/// The command as a person would type it.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[allow(clippy::disallowed_methods, reason = "this file owns the clock of the build tasks")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::{hand_over, run};
    use crate::error::TaskError;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_step_that_fails_says_which_and_how() {
        assert!(run("lint", &mut shell("exit 0")).is_ok());
        let error = run("lint", &mut shell("exit 7")).unwrap_err().to_string();
        assert!(error.contains("`lint`") && error.contains("sh -c exit 7") && error.contains('7'), "{error}");
    }

    #[test]
    fn a_program_that_is_missing_is_told_from_one_that_failed() {
        let error = run("lint", &mut Command::new("foldwise-no-such-program")).unwrap_err();
        assert!(matches!(error, TaskError::Start { .. }), "{error}");
        let error = hand_over("demo", &mut Command::new("foldwise-no-such-program")).unwrap_err();
        assert!(matches!(error, TaskError::Start { .. }), "{error}");
    }
}
