//! Processes of the built binaries.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::patience::{PATIENCE, until};

/// The folder that the workspace's binaries are built into: beside this test's own program.
fn binaries() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.ancestors().nth(2).unwrap();
    folder.to_owned()
}

fn program(name: &str) -> PathBuf {
    let path = binaries().join(name);
    assert!(path.exists(), "{} is not built: run the tests with `cargo xtask test`", path.display());
    path
}

/// The built `foldwise`.
#[must_use]
pub fn foldwise() -> Command {
    Command::new(program("foldwise"))
}

/// The built `foldwise-worker`.
#[must_use]
pub fn worker_program() -> Command {
    Command::new(program("foldwise-worker"))
}

/// A process that ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code, or `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Finished {
    /// Runs a command to its end.
    #[must_use]
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Its output, if it succeeded.
    #[must_use]
    pub fn success(self) -> String {
        assert_eq!(self.code, Some(0), "failed:\n{}\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// A process that runs; it is killed when the test ends.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Starts a command and listens to its standard error and output.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits until it prints a line with this text; the line.
    pub fn line_with(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("never printed `{text}`; printed:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Everything that it has printed so far.
    pub fn log(&mut self) -> String {
        self.seen.extend(self.lines.try_iter());
        self.seen.join("\n")
    }

    /// Its number as a process.
    #[must_use]
    pub fn process(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process()), signal).unwrap();
    }

    /// Kills it, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end; its exit code and everything that it printed.
    #[must_use]
    pub fn end(mut self) -> (Option<i32>, String) {
        let status = until("the end of a process", || self.child.try_wait().unwrap());
        self.seen.extend(self.lines.iter());
        (status.code(), self.seen.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command with everything that a test must not share with its surroundings set apart.
pub(crate) fn isolated(mut command: Command, data: &Path) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOLDWISE_") {
            command.env_remove(&name);
        }
    }
    command.env("FOLDWISE_DATA", OsStr::new(data)).env_remove("RUST_LOG");
    // Nor the parcels of who runs the tests.
    command.env("XDG_CACHE_HOME", data.join("cache"));
    command
}
