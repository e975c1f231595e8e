//! PyTorch in a process of its own, asked for one epoch at a time.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running `python/train.py`.
#[derive(Debug)]
pub(crate) struct Python {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Its versions of Python and torch.
    pub(crate) version: String,
}

/// The variable that names the interpreter to use.
pub(crate) const VARIABLE: &str = "FOLDWISE_BENCH_PYTHON";

/// The interpreter to use.
pub(crate) fn interpreter() -> String {
    #[allow(clippy::disallowed_methods, reason = "the benchmark's only setting is read here")]
    let named = std::env::var(VARIABLE);
    named.unwrap_or_else(|_| "python3".to_owned())
}

impl Python {
    /// Starts the script; nothing where Python or torch are missing.
    pub(crate) fn start() -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/train.py");
        let mut child = Command::new(interpreter())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let requests = child.stdin.take()?;
        let mut answers = BufReader::new(child.stdout.take()?);
        let mut version = String::new();
        answers.read_line(&mut version).ok().filter(|&length| length > 0)?;
        Some(Self { child, requests, answers, version: version.trim().to_owned() })
    }

    /// Seconds of one epoch.
    pub(crate) fn epoch(
        &mut self,
        case: &str,
        layout: &str,
        threads: i32,
        rows: usize,
    ) -> Result<f64, Box<dyn std::error::Error>> {
        writeln!(self.requests, "{case} {layout} {threads} {rows}")?;
        self.requests.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer.trim().parse()?)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // The script ends by itself when its input does; a benchmark that failed does not wait for that.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
