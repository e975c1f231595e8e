//! PyTorch in processes of its own, asked for one epoch at a time (`python/train.py`).

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value as Json;

use crate::Outcome;

/// The variable that names the interpreter to use.
pub(crate) const VARIABLE: &str = "FOLDWISE_BENCH_PYTHON";

/// What a table says where the interpreter or torch are missing.
pub(crate) const MISSING: &str = "PyTorch is missing here: see `bench/README.md`";

/// The interpreter that peers are run by.
pub(crate) fn interpreter() -> String {
    #[allow(clippy::disallowed_methods, reason = "the benchmarks' only setting is read here")]
    std::env::var(VARIABLE).unwrap_or_else(|_| "python3".to_owned())
}

/// A script of `bench/python`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name)
}

/// Processes that can train at the same time.
#[derive(Debug)]
pub(crate) struct Peers {
    servers: Vec<Server>,
    /// Versions of Python and torch.
    pub(crate) version: String,
}

impl Peers {
    /// Starts so many; nothing where Python or torch are missing.
    pub(crate) fn start(processes: usize) -> Option<Self> {
        let started: Option<Vec<(Server, String)>> = (0..processes).map(|_| Server::start()).collect();
        let (servers, mut versions): (Vec<Server>, Vec<String>) = started?.into_iter().unzip();
        Some(Self { servers, version: versions.pop()? })
    }

    /// Seconds of one epoch in each of `processes` processes at the same time.
    ///
    /// # Errors
    /// What the script says.
    pub(crate) fn seconds(&mut self, request: &Json, processes: usize) -> Outcome<f64> {
        let line = request.to_string();
        let chosen = self.servers.iter_mut().take(processes);
        let answers: Vec<Result<f64, String>> = std::thread::scope(|scope| {
            let asked: Vec<_> = chosen.map(|server| scope.spawn(|| server.epoch(&line))).collect();
            let ended = asked.into_iter().map(|asked| asked.join());
            ended.map(|ended| ended.unwrap_or_else(|_| Err("a peer's thread panicked".to_owned()))).collect()
        });
        let seconds = answers.into_iter().collect::<Result<Vec<f64>, String>>()?;
        Ok(seconds.into_iter().fold(0.0, f64::max))
    }
}

#[derive(Debug)]
struct Server {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    fn start() -> Option<(Self, String)> {
        let mut child = Command::new(interpreter())
            .arg(script("train.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let requests = child.stdin.take()?;
        let mut answers = BufReader::new(child.stdout.take()?);
        let mut version = String::new();
        answers.read_line(&mut version).ok().filter(|&length| length > 0)?;
        Some((Self { child, requests, answers }, version.trim().to_owned()))
    }

    fn epoch(&mut self, request: &str) -> Result<f64, String> {
        let broken = |error: std::io::Error| format!("the pipe to PyTorch broke: {error}");
        writeln!(self.requests, "{request}").and_then(|()| self.requests.flush()).map_err(broken)?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(broken)?;
        answer.trim().parse().map_err(|_| format!("PyTorch: {}", answer.trim()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The script ends by itself when its input does; a benchmark that failed does not wait for that.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
