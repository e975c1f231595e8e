//! The audit log: one line of JSON for each decision that matters. It never holds a secret.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use foldwise_report::rfc_3339;
use serde::Serialize;

use super::Principal;
use crate::port::Peer;

/// Most bytes of what a caller said, in a line.
const ABOUT_BYTES_MAX: usize = 200;

/// The audit log cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the audit log {}: {source}", path.display())]
pub struct AuditError {
    path: PathBuf,
    source: io::Error,
}

/// Where decisions are written down.
#[derive(Debug, Clone)]
pub struct Audit(Arc<Sink>);

#[derive(Debug)]
enum Sink {
    /// Nobody asked for it.
    Nowhere,
    /// The program's own log, under the target `audit`.
    Log,
    /// A file.
    File(Mutex<File>),
}

/// What came of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It was done.
    Done,
    /// Whoever asked may not.
    Refused,
    /// Whoever asked may, but it could not be done.
    Failed,
}

/// A decision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// What was asked for, such as `study.cancel`.
    pub(crate) action: &'a str,
    /// By whom, where that is known.
    pub(crate) principal: Option<&'a Principal>,
    /// From where, where that is known.
    pub(crate) peer: Option<&'a Peer>,
    /// What it is about.
    pub(crate) about: &'a str,
    pub(crate) outcome: Outcome,
    /// Why it was refused or failed.
    pub(crate) reason: &'a str,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    action: &'a str,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    about: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
}

impl Audit {
    /// Written nowhere.
    pub(crate) fn nowhere() -> Self {
        Self(Arc::new(Sink::Nowhere))
    }

    /// Written to the program's log.
    pub(crate) fn log() -> Self {
        Self(Arc::new(Sink::Log))
    }

    /// Written to a file, after what is there. Only its owner may read it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn file(path: &Path) -> Result<Self, AuditError> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|source| AuditError { path: path.to_owned(), source })?;
        Ok(Self(Arc::new(Sink::File(Mutex::new(file)))))
    }

    /// Writes a decision down.
    pub(crate) fn note(&self, unix_ms: u64, entry: &Entry<'_>) {
        if matches!(*self.0, Sink::Nowhere) {
            return;
        }
        let line = Line {
            time: rfc_3339(unix_ms),
            action: entry.action,
            outcome: entry.outcome,
            principal: entry.principal.map(Principal::name),
            role: entry.principal.map(|principal| principal.role().word()),
            source: entry.peer.map(|peer| peer.address.to_string()),
            about: cut(entry.about),
            reason: cut(entry.reason),
        };
        // Words and numbers always become JSON, in which a line holds no line.
        let Ok(mut line) = serde_json::to_string(&line) else { return };
        match &*self.0 {
            Sink::Nowhere => {}
            Sink::Log => tracing::info!(target: "audit", "{line}"),
            Sink::File(file) => {
                line.push('\n');
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                if let Err(error) = file.write_all(line.as_bytes()) {
                    tracing::error!(%error, line, "could not write the audit log");
                }
            }
        }
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(ABOUT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;

    use super::{Audit, Entry, Outcome};
    use crate::access::{Principal, Role};

    #[test]
    fn a_decision_is_one_line_whatever_a_caller_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let ann = Principal::new("ann", Role::Submit).unwrap();
        let about = format!("evil\n{{\"outcome\":\"done\"}}{}", "é".repeat(500));
        for _ in 0..2 {
            // Opened anew it goes on after what is there.
            let audit = Audit::file(&path).unwrap();
            let (action, outcome) = ("study.cancel", Outcome::Refused);
            let principal = Some(&ann);
            audit.note(0, &Entry { action, principal, peer: None, about: &about, outcome, reason: "no" });
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[0]["principal"], &lines[0]["outcome"]), (&"ann".into(), &"refused".into()));
        assert_eq!(lines[0]["time"], "1970-01-01T00:00:00.000Z");
        assert!(lines[0]["about"].as_str().unwrap().len() <= 200);
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777,
            0o600
        );
    }
}
