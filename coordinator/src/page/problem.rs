//! What a browser or a script is told when it is not given what it asked for.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::committer::Refusal;
use crate::ledger::{Rejection, StudyId};
use crate::store::StoreError;

/// A refusal: a status and a sentence for people. It names no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn no_study(study: StudyId) -> Self {
        Self::missing(format!("there is no study {study}; it may have been deleted"))
    }

    pub(super) fn of_refusal(refusal: &Refusal) -> Self {
        let status = match refusal {
            Refusal::Rejected(Rejection::NoStudy(_)) => StatusCode::NOT_FOUND,
            Refusal::Rejected(_) => StatusCode::CONFLICT,
            Refusal::Store(_) | Refusal::Blind(_) => {
                let message = "the coordinator could not use its store; its log says why";
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, message);
            }
            Refusal::Stopping | Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, refusal.to_string())
    }

    pub(super) fn of_store(error: &StoreError) -> Self {
        tracing::error!(%error, "could not read results for the page");
        let message = "the coordinator could not read its store; its log says why";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.message }))).into_response()
    }
}
