//! `foldwise cancel`: ends a study early.

use crate::arguments::StudyArguments;
use crate::client::Client;
use crate::error::CliError;
use crate::output;
use crate::view::state_word;

pub(super) async fn execute(arguments: &StudyArguments, coordinator: &str) -> Result<(), CliError> {
    let study = Client::connect(coordinator).await?.cancel(&arguments.study).await?;
    output::print(&format!("{} ({}) is {}", study.display_name, study.name, state_word(study.state())))?;
    Ok(())
}
