//! `foldwise submit`: hands a study to the coordinator.

use clap::Args;
use foldwise_coordinator::submission::row_facts;
use foldwise_data::Cache;
use foldwise_study::spec::scale::Scale;

use crate::arguments::{ScaleArguments, SpecArguments, Target};
use crate::client::Client;
use crate::error::CliError;
use crate::output::{self, Format};
use crate::spec_file::{SpecError, SpecText};
use crate::view::StudyView;

use super::{told_to_programs, watch};

/// What `foldwise submit` is told.
#[derive(Debug, Args)]
pub(crate) struct SubmitArguments {
    #[command(flatten)]
    spec: SpecArguments,
    #[command(flatten)]
    scale: ScaleArguments,
    /// Watch the study until it ends
    #[arg(long)]
    follow: bool,
    /// Makes a repeated submission the same study; random by default
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// How to write the answer; with --follow, `json` writes one object per event and line
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// No randomness can be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot choose a random request id: {0}; name one with --request-id")]
pub(crate) struct RandomError(getrandom::Error);

pub(super) async fn execute(arguments: &SubmitArguments, coordinator: &Target) -> Result<(), CliError> {
    let spec = SpecText::read(&arguments.spec)?;
    check(&spec).map_err(|error| told_to_programs(error.into(), arguments.format))?;
    let spec = scaled(spec, arguments.scale.scale)?;
    let request_id = match &arguments.request_id {
        Some(id) => id.clone(),
        None => random_id()?,
    };
    let client = Client::connect(coordinator).await?;
    let study = client.create_study(&request_id, &spec).await?;
    match (arguments.format, arguments.follow) {
        (Format::Table, _) => output::print(&study.name)?,
        (Format::Json, false) => output::print_json(&StudyView::new(&study))?,
        // The first event is the study.
        (Format::Json, true) => {}
    }
    if arguments.follow {
        watch::until_its_end(&client, &study, arguments.format).await?;
    }
    Ok(())
}

/// Checks what can be checked here, where every problem can be shown at its place. What the coordinator's own files
/// look like, only it can tell.
fn check(text: &SpecText) -> Result<(), SpecError> {
    let file = text.parse()?;
    let data = &file.spec.data;
    let facts = Cache::from_environment().ok().filter(|_| data.dataset.is_some());
    if let Some(Ok(facts)) = facts.map(|cache| foldwise_data::facts(data, &cache)) {
        file.trials(&row_facts(&facts)).map_err(|problems| text.wrong(problems))?;
    }
    Ok(())
}

/// The smaller version, for which the rows must be known here.
fn scaled(text: SpecText, scale: Scale) -> Result<SpecText, CliError> {
    if scale.is_whole() {
        return Ok(text);
    }
    let spec = text.parse()?.spec;
    let facts = foldwise_data::facts(&spec.data, &Cache::from_environment()?)?;
    let text = text.scaled(&spec, scale, &row_facts(&facts));
    check(&text)?;
    Ok(text)
}

fn random_id() -> Result<String, RandomError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(RandomError)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::random_id;

    #[test]
    fn request_ids_differ() {
        let (one, other) = (random_id().unwrap(), random_id().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
