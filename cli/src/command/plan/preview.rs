//! A study as the coordinator would make it: checked against its data, enumerated and split by the same code.

use foldwise_coordinator::ledger::StudyRecord;
use foldwise_coordinator::submission::{self, SubmissionError};
use foldwise_data::Cache;
use foldwise_study::spec::Spec;
use foldwise_study::spec::scale::Scale;

use crate::command::data;
use crate::error::CliError;
use crate::spec_file::SpecText;

/// Checks a study file whole, and then its smaller version; the text is that of the latter.
pub(in crate::command) async fn scaled_preview(
    text: SpecText,
    scale: Scale,
) -> Result<(SpecText, StudyRecord), CliError> {
    let study = preview(&text).await?;
    if scale.is_whole() {
        return Ok((text, study));
    }
    let text = text.scaled(&study.spec, scale, &study.rows);
    let study = preview(&text).await?;
    Ok((text, study))
}

/// Checks a study file whole. A dataset of the catalogue is fetched only where the split depends on its rows.
async fn preview(text: &SpecText) -> Result<StudyRecord, CliError> {
    let spec = text.parse()?.spec;
    let cache = Cache::from_environment()?;
    if let Some(name) = needed_rows(&spec) {
        data::fetch(name, &cache).await?;
    }
    submission::prepare("plan", &text.text, text.format, &cache).map_err(|error| match error {
        SubmissionError::Spec(problems) => text.wrong(problems).into(),
        SubmissionError::Data(error) => error.into(),
        error @ SubmissionError::RequestId => CliError::Submission(error),
    })
}

fn needed_rows(spec: &Spec) -> Option<&str> {
    let needed = spec.validation.needs_classes() || spec.validation.needs_groups();
    spec.data.dataset.as_deref().filter(|_| needed)
}
