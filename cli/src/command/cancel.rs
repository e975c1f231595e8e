//! `foldwise cancel`: ends a study early.

use clap::Args;

use crate::arguments::StudyArguments;
use crate::client::Client;
use crate::error::CliError;
use crate::output::{self, Format};
use crate::view::{StudyView, state_word};

/// What `foldwise cancel` is told.
#[derive(Debug, Args)]
pub(crate) struct CancelArguments {
    #[command(flatten)]
    study: StudyArguments,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) async fn execute(arguments: &CancelArguments, coordinator: &str) -> Result<(), CliError> {
    let study = Client::connect(coordinator).await?.cancel(&arguments.study.study).await?;
    match arguments.format {
        Format::Json => output::print_json(&StudyView::new(&study))?,
        Format::Table => {
            let state = state_word(study.state());
            output::print(&format!("{} ({}) is {state}", study.display_name, study.name))?;
        }
    }
    Ok(())
}
