//! What a failed call means to a person.

use std::error::Error;

use foldwise_line::{LineError, innermost};
use foldwise_proto::STANDS_BY;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The address, or what says who calls.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Nobody there.
    #[error("no coordinator answers at {url}: {cause}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the system said.
        cause: String,
    },
    /// The coordinator is there, but stops or cannot write.
    #[error("could not {attempt}: {message}")]
    Unavailable {
        /// What was tried.
        attempt: &'static str,
        /// What it said.
        message: String,
    },
    /// Another coordinator leads.
    #[error("could not {attempt}: {message}")]
    StandsBy {
        /// What was tried.
        attempt: &'static str,
        /// What it said.
        message: String,
    },
    /// The coordinator said no.
    #[error("could not {attempt}: {message}{}", listed(problems))]
    Refused {
        /// What was tried.
        attempt: &'static str,
        /// What it said.
        message: String,
        /// What was wrong with the request, one by one.
        problems: Vec<String>,
        /// Whether the caller has to change something.
        usage: bool,
    },
}

impl CallError {
    /// No connection.
    pub(super) fn unreachable(url: &str, error: &(dyn Error + 'static)) -> Self {
        Self::Unreachable { url: url.to_owned(), cause: innermost(error) }
    }

    /// Whether the same call may succeed later without anybody's doing.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. })
    }

    /// A call that failed.
    pub(super) fn of_status(attempt: &'static str, url: &str, status: &Status) -> Self {
        // A status that our own side made out of a broken connection has a source; one that was sent has none.
        if let Some(source) = status.source() {
            return Self::unreachable(url, source);
        }
        let message = status.message().to_owned();
        if status.get_details_error_info().is_some_and(|info| info.reason == STANDS_BY) {
            return Self::StandsBy { attempt, message };
        }
        let problems = status.get_details_bad_request().map(|request| request.field_violations);
        let problems = problems.unwrap_or_default().into_iter().map(|problem| problem.description).collect();
        match status.code() {
            // A watcher that was dropped for being slow may come back.
            Code::Unavailable | Code::ResourceExhausted => Self::Unavailable { attempt, message },
            code => Self::Refused { attempt, message, problems, usage: is_usage(code) },
        }
    }

    /// Whether a later try may succeed.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable { .. } | Self::StandsBy { .. })
    }

    /// The same of several addresses.
    pub(super) fn at(self, urls: &str) -> Self {
        match self {
            Self::Unreachable { cause, .. } => Self::Unreachable { url: urls.to_owned(), cause },
            other => other,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Line(LineError::Address(_)) => {
                Some("an address looks like http://127.0.0.1:7070 or https://den.example:7070".to_owned())
            }
            Self::Line(LineError::Credentials(_)) => None,
            Self::Unreachable { .. } => {
                Some("start one with `foldwise coordinator`, or name another with --coordinator".to_owned())
            }
            Self::Unavailable { .. } => Some("try again in a moment".to_owned()),
            Self::StandsBy { .. } => Some(
                "name every coordinator, and the one that leads is found: --coordinator a:7070,b:7070"
                    .to_owned(),
            ),
            Self::Refused { .. } => None,
        }
    }
}

fn is_usage(code: Code) -> bool {
    matches!(code, Code::InvalidArgument | Code::AlreadyExists | Code::OutOfRange)
}

fn listed(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};
    use tonic_types::{ErrorDetails, StatusExt};

    use super::CallError;

    #[test]
    fn every_problem_of_a_bad_request_has_a_line() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("train.epochs", "line 3, column 1: train.epochs: is 0");
        details.add_bad_request_violation("seed", "line 9, column 1: seed: is a word");
        let status = Status::with_error_details(Code::InvalidArgument, "the spec has 2 problem(s)", details);
        let error = CallError::of_status("submit the study", "http://a", &status);
        assert_eq!(
            error.to_string(),
            "could not submit the study: the spec has 2 problem(s)\n  line 3, column 1: train.epochs: is 0\n  line 9, \
             column 1: seed: is a word"
        );
        assert!(matches!(error, CallError::Refused { usage: true, .. }));
    }

    #[test]
    fn a_coordinator_that_stops_is_not_one_that_is_missing() {
        let error =
            CallError::of_status("watch the study", "http://a", &Status::unavailable("it is stopping"));
        assert!(matches!(error, CallError::Unavailable { .. }));
        assert!(error.may_pass());
    }
}
