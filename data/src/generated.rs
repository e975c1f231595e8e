//! Rows that are made from a few settings, the same on every machine.

use foldwise_study::spec::data::GENERATED_ROWS_MAX;
use serde::Serialize;

use crate::digest::{dataset_digest, sha256_hex};
use crate::error::DataError;

pub(crate) mod blobs;
mod expression;
pub(crate) mod function;

pub use expression::{Expression, ExpressionProblem};

/// The digest of generated rows: that of their settings as JSON. The name of the generator counts, and changes with the
/// numbers that it makes of the same settings.
fn digest(generator: &str, settings: &impl Serialize) -> String {
    let settings = serde_json::to_vec(settings).unwrap_or_default();
    dataset_digest([(generator, sha256_hex(&settings).as_str())])
}

/// Refuses numbers of rows that a checked spec does not have.
fn check_rows(kind: &'static str, rows: usize, test_rows: Option<usize>) -> Result<(), DataError> {
    let wrong = |rows: usize| rows == 0 || rows > GENERATED_ROWS_MAX;
    if wrong(rows) || test_rows.is_some_and(wrong) {
        let problem = format!("each part has 1 to {GENERATED_ROWS_MAX} rows; set `rows` and `test_rows` so");
        return Err(DataError::Generated { kind, problem });
    }
    Ok(())
}
