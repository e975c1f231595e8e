//! From a submitted text to a study that can be kept: read, checked against its data, enumerated and split.

use foldwise_data::{Cache, DataError, Facts, TargetKind, Targets};
use foldwise_study::spec::{DataSpec, Format, Problems, Spec, SpecFile};
use foldwise_study::split::{self, Rows, SplitError};
use foldwise_study::trials::{RowFacts, Trials};

use crate::ledger::StudyRecord;

/// Why a submission makes no study.
#[derive(Debug, thiserror::Error)]
pub enum SubmissionError {
    /// The spec is wrong.
    #[error("{0}")]
    Spec(Problems),
    /// The request id is not one.
    #[error("the request id must have 1 to {REQUEST_ID_MAX} printable characters")]
    RequestId,
    /// The data cannot be had here.
    #[error("the data cannot be read: {0}")]
    Data(#[from] DataError),
}

/// Longest request id.
const REQUEST_ID_MAX: usize = 100;

/// What the data says that a spec is checked against.
#[must_use]
pub fn row_facts(facts: &Facts) -> RowFacts {
    RowFacts {
        shape: facts.shape.clone(),
        classes: match &facts.target {
            TargetKind::Classes { names } => Some(names.len()),
            TargetKind::Value => None,
        },
        train_rows: facts.train_rows,
        test_rows: facts.test_rows,
    }
}

/// Checks a submitted text whole. Reads the data only where the split needs its classes or groups, or where the data
/// is the submitter's own.
///
/// # Errors
/// Every problem of the spec at once, or why the data cannot be had.
pub fn prepare(
    request_id: &str,
    text: &str,
    format: Format,
    cache: &Cache,
) -> Result<StudyRecord, SubmissionError> {
    let printable = request_id.chars().all(|c| !c.is_control());
    if request_id.is_empty() || request_id.chars().count() > REQUEST_ID_MAX || !printable {
        return Err(SubmissionError::RequestId);
    }
    let file = SpecFile::read(text, format).map_err(SubmissionError::Spec)?;
    let facts = match foldwise_data::facts(&file.spec.data, cache) {
        Ok(facts) => facts,
        Err(error) => return Err(SubmissionError::Spec(file.problem("data", error.to_string()))),
    };
    let rows = row_facts(&facts);
    let trials = file.trials(&rows).map_err(SubmissionError::Spec)?;
    if let Some(message) = normalize_misfit(&file.spec.data, &rows) {
        return Err(SubmissionError::Spec(file.problem("data.normalize", message)));
    }
    let folds = match folds(&file.spec, &rows, cache)? {
        Ok(folds) => folds,
        Err(error) => return Err(SubmissionError::Spec(file.problem("validation", error.to_string()))),
    };
    let sizes: Vec<(usize, usize)> =
        folds.iter().map(|fold| (fold.train.len(), fold.validation.len())).collect();
    if let Some(message) = lone_row(&trials, &sizes) {
        return Err(SubmissionError::Spec(file.problem("train.batch_size", message)));
    }
    let spec = file.spec;
    Ok(StudyRecord {
        request_id: request_id.to_owned(),
        spec_text: text.to_owned(),
        spec_json: spec.to_json().to_string(),
        rule: spec.selection.rule(rows.classes.is_some()),
        spec,
        rows,
        sizes,
        data_digest: facts.digest,
        folds_digest: split::digest(&folds),
        trials,
        created_unix_ms: 0,
    })
}

fn normalize_misfit(data: &DataSpec, rows: &RowFacts) -> Option<String> {
    let count = data.normalize.as_ref()?.mean.len();
    let channels = *rows.shape.first()?;
    let misfit = count != 1 && count != channels;
    misfit.then(|| format!("{count} means for {channels} channels: give one, or one per channel"))
}

/// Batch normalization takes the variance of each step's rows, so no step may have one row alone.
fn lone_row(trials: &Trials, sizes: &[(usize, usize)]) -> Option<String> {
    let normalized = trials.facts().iter().filter(|facts| facts.parameters.batch_norm > 0);
    let mut steps = normalized.flat_map(|facts| sizes.iter().map(|&(train, _)| (train, facts.batch_size)));
    let (train, batch_size) = steps.find(|&(train, size)| size == 1 || train % size == 1)?;
    Some(format!(
        "{train} training rows of a fold in batches of {batch_size} leave one row to the last step, of which batch \
         normalization can take no variance: choose another batch size"
    ))
}

type Folds = Result<Vec<split::Fold>, SplitError>;

fn folds(spec: &Spec, rows: &RowFacts, cache: &Cache) -> Result<Folds, DataError> {
    let validation = &spec.validation;
    if !validation.needs_classes() && !validation.needs_groups() {
        return Ok(validation.folds(&Rows::new(rows.train_rows)));
    }
    let table = foldwise_data::load(&spec.data, cache)?.train;
    let classes = match &table.targets {
        Targets::Classes(classes) => Some(classes.as_slice()),
        Targets::Values(_) => None,
    };
    Ok(validation.folds(&Rows { count: table.rows, classes, groups: table.groups.as_deref() }))
}
