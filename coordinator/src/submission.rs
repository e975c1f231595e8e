//! From a submitted text to a study that can be kept: read, checked against its data, enumerated and split.

use foldwise_data::{Cache, DataError, Facts, Targets};
use foldwise_study::spec::{DataSpec, Format, Problems, Spec, SpecFile};
use foldwise_study::split::{self, Rows, SplitError};
use foldwise_study::trials::{RowFacts, Trials};

use crate::ledger::StudyRecord;

mod batches;
mod confine;
mod measure;

pub use confine::Folders;

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
        classes: facts.target.classes(),
        targets: facts.target.width(),
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
    prepare_sent(request_id, text, format, None, cache)
}

/// As [`prepare`], of a study whose files were sent in a parcel, which lies on the cache's shelf.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_sent(
    request_id: &str,
    text: &str,
    format: Format,
    parcel: Option<&str>,
    cache: &Cache,
) -> Result<StudyRecord, SubmissionError> {
    let printable = request_id.chars().all(|c| !c.is_control());
    if request_id.is_empty() || request_id.chars().count() > REQUEST_ID_MAX || !printable {
        return Err(SubmissionError::RequestId);
    }
    Prepared::read(text, format, parcel, cache).map(|prepared| prepared.record(request_id))
}

/// Checks the text that a study is to be extended to: everything that [`prepare`] does, and that it only adds.
///
/// # Errors
/// As [`prepare`]; and when it would change or leave out what the study has.
pub fn extend(
    study: &StudyRecord,
    text: &str,
    format: Format,
    parcel: Option<&str>,
    cache: &Cache,
) -> Result<StudyRecord, SubmissionError> {
    // Who sends no files means those that the study has.
    let parcel = parcel.or(study.spec.data.parcel.as_deref());
    let mut prepared = Prepared::read(text, format, parcel, cache)?;
    let file = &prepared.file;
    let wrong = |path: &str, message: String| SubmissionError::Spec(file.problem(path, message));
    if study.spec == file.spec {
        return Ok(study.clone());
    }
    let (old, new) =
        (study.spec.to_json_but_searched(&file.spec), file.spec.to_json_but_searched(&study.spec));
    let sections = |spec: &serde_json::Value| spec.as_object().cloned().unwrap_or_default();
    let (old, new) = (sections(&old), sections(&new));
    let fixed = |key: &&String| !EXTENSIBLE.contains(&key.as_str());
    if let Some(key) = old.keys().chain(new.keys()).filter(fixed).find(|key| old.get(*key) != new.get(*key)) {
        let may = "an extension may change `space`, the number of repeats, `validation.outer`, `limits`, `priority` and \
                   `description` alone";
        return Err(wrong(key, format!("differs from the study's: {may}; submit another study")));
    }
    if prepared.data_digest != study.data_digest {
        return Err(wrong("data", "is not what the study was submitted with: its digest differs".to_owned()));
    }
    let kept = prepared.folds.get(..study.sizes.len()).map(split::digest);
    if kept.as_ref() != Some(&study.folds_digest) {
        let message = "gives other folds than the study has: only the number of repeats of a repeated split can grow, or `outer` be added";
        return Err(wrong("validation", message.to_owned()));
    }
    let extended = study.trials.clone().extended(&file.spec);
    prepared.trials = extended.map_err(|problems| SubmissionError::Spec(file.located(problems)))?;
    let mut record = prepared.record(&study.request_id);
    record.earlier = study.earlier.iter().chain([&study.spec_json]).cloned().collect();
    Ok(record)
}

/// Sections of a spec that an extension may change.
const EXTENSIBLE: [&str; 5] = ["space", "validation", "limits", "priority", "description"];

/// A text that was checked.
struct Prepared {
    text: String,
    file: SpecFile,
    rows: RowFacts,
    data_digest: String,
    trials: Trials,
    folds: Vec<split::Fold>,
}

impl Prepared {
    fn read(
        text: &str,
        format: Format,
        parcel: Option<&str>,
        cache: &Cache,
    ) -> Result<Self, SubmissionError> {
        let mut file = SpecFile::read(text, format).map_err(SubmissionError::Spec)?;
        if file.spec.data.parcel.as_deref().is_some_and(|named| Some(named) != parcel) {
            let message =
                "names a parcel that was not sent with it: `foldwise submit` sets it when it sends files";
            return Err(SubmissionError::Spec(file.problem("data.parcel", message)));
        }
        file.spec.data.parcel = parcel.map(str::to_owned);
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
        let sizes = sizes(&folds);
        if let Some((path, message)) = batches::misfit(&file.spec, &rows, &trials, &sizes) {
            return Err(SubmissionError::Spec(file.problem(path, message)));
        }
        // Within outer folds nothing is measured.
        let measured = &sizes[..file.spec.validation.choosing_count().min(sizes.len())];
        let problems = measure::check(&file.spec, &rows, &trials, measured);
        if !problems.is_empty() {
            let placed = problems.into_iter().flat_map(|(path, message)| file.problem(path, message).0);
            return Err(SubmissionError::Spec(Problems(placed.collect())));
        }
        Ok(Self { text: text.to_owned(), file, rows, data_digest: facts.digest, trials, folds })
    }

    fn record(self, request_id: &str) -> StudyRecord {
        let Self { text, file, rows, data_digest, trials, folds } = self;
        let spec = file.spec;
        StudyRecord {
            request_id: request_id.to_owned(),
            spec_text: text,
            spec_json: spec.to_json().to_string(),
            earlier: Vec::new(),
            rule: spec.selection.rule(rows.classes.is_some()),
            spec,
            rows,
            sizes: sizes(&folds),
            data_digest,
            folds_digest: split::digest(&folds),
            trials,
            profile: None,
            created_unix_ms: 0,
        }
    }
}

fn sizes(folds: &[split::Fold]) -> Vec<(usize, usize)> {
    folds.iter().map(|fold| (fold.train.len(), fold.validation.len())).collect()
}

fn normalize_misfit(data: &DataSpec, rows: &RowFacts) -> Option<String> {
    let count = data.fixed_normalize()?.mean.len();
    let channels = *rows.shape.first()?;
    let misfit = count != 1 && count != channels;
    misfit.then(|| format!("{count} means for {channels} channels: give one, or one per channel"))
}

type Folds = Result<Vec<split::Fold>, SplitError>;

fn folds(spec: &Spec, rows: &RowFacts, cache: &Cache) -> Result<Folds, DataError> {
    let validation = &spec.validation;
    if !validation.needs_classes() && !validation.needs_groups() {
        let rows = Rows { test: rows.test_rows.unwrap_or(0), ..Rows::new(rows.train_rows) };
        return Ok(validation.folds(&rows));
    }
    let table = foldwise_data::targets(&spec.data, cache)?;
    let classes = match &table.targets {
        Targets::Classes(classes) => Some(classes.as_slice()),
        Targets::Values(_) => None,
    };
    Ok(validation.folds(&Rows { count: table.rows, classes, groups: table.groups.as_deref(), test: 0 }))
}
