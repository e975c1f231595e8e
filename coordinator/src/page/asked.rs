//! What a request's address says, read at the edge.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::ledger::StudyId;

/// What follows the question mark; what cannot be read is refused in the api's own way.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Self(asked)).map_err(|rejection| Problem::wrong(rejection.body_text()))
    }
}

/// The study in an address, with what follows it there.
#[derive(Debug)]
pub(super) struct OfStudy<T = ()>(pub(super) StudyId, pub(super) T);

impl<S: Send + Sync> FromRequestParts<S> for OfStudy {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<Path<String>, _> = Path::from_request_parts(parts, state).await;
        let Path(study) = path.map_err(|rejection| Problem::wrong(rejection.body_text()))?;
        Ok(Self(number(&study)?, ()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfStudy<String> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<Path<(String, String)>, _> = Path::from_request_parts(parts, state).await;
        let Path((study, more)) = path.map_err(|rejection| Problem::wrong(rejection.body_text()))?;
        Ok(Self(number(&study)?, more))
    }
}

fn number(text: &str) -> Result<StudyId, Problem> {
    text.parse().map_err(|_| Problem::missing(format!("`{text}` is no study's number")))
}

/// How many of a list are asked for: `usual` where nothing was said.
pub(super) fn limit(asked: Option<usize>, usual: usize, most: usize) -> Result<usize, Problem> {
    match asked {
        None => Ok(usual),
        Some(asked) if (1..=most).contains(&asked) => Ok(asked),
        Some(_) => Err(Problem::wrong(format!("`limit` is a number from 1 to {most}"))),
    }
}
