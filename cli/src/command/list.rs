//! `foldwise list`: the coordinator's studies.

use clap::Args;

use crate::arguments::Target;
use crate::client::Client;
use crate::clock;
use crate::error::CliError;
use crate::output::{self, Format};
use crate::view::{StudyView, study_table};

/// What `foldwise list` is told.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) async fn execute(arguments: &ListArguments, coordinator: &Target) -> Result<(), CliError> {
    let studies = Client::connect(coordinator).await?.studies().await?;
    match arguments.format {
        Format::Json => {
            let views: Vec<StudyView> = studies.iter().map(StudyView::new).collect();
            output::print_json(&views)?;
        }
        Format::Table if studies.is_empty() => {
            output::print("no studies yet: submit one with `foldwise submit SPEC`")?;
        }
        Format::Table => output::print(&study_table(&studies, clock::unix_seconds()))?,
    }
    Ok(())
}
